"""What is free in lockers, as a value: compartments by size, and the goods that are or will be in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from app.places.rules import LockerClosedReason
from app.values.window import Window


class Compartments(Protocol):
    """So many compartments of one size."""

    @property
    def id(self) -> str:
        """Which."""

    @property
    def volume_ml(self) -> int:
        """What one of them holds."""

    @property
    def count(self) -> int:
        """How many there are."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What wants a compartment: whose it is (a hold), how large, and when it is brought."""

    holder: str
    volume_ml: int
    window: Window


@dataclass(frozen=True, slots=True)
class Stay:
    """Goods that have a compartment for a time; `holder` is the hold that took it."""

    holder: str
    compartment_id: str
    span: Window


@dataclass(frozen=True)
class LockerRoom:
    """The compartments of some lockers, the smallest first, how long goods stay after their window, and who
    has one when. `take` notes what is given: whoever asks next finds it taken."""

    sizes: Mapping[str, Sequence[Compartments]]
    kept: Mapping[str, timedelta]
    stays: list[Stay]

    def span(self, locker_id: str, window: Window) -> Window:
        """How long goods of a window may be in the locker."""
        return Window(window.start, window.end + self.kept[locker_id])

    def free(self, locker_id: str, goods: Goods) -> Compartments | None:
        """The smallest compartment that has room throughout; what the holder has counts as free."""
        if locker_id not in self.sizes:
            return None
        span = self.span(locker_id, goods.window)
        others = [one for one in self.stays if one.holder != goods.holder]
        for size in self.sizes[locker_id]:
            there = [one.span for one in others if one.compartment_id == size.id]
            if size.volume_ml >= goods.volume_ml and busiest(there, span) < size.count:
                return size
        return None

    def take(self, locker_id: str, goods: Goods) -> Compartments | None:
        """The compartment that is free for the goods, which have it from now on."""
        size = self.free(locker_id, goods)
        if size is not None:
            self.stays.append(Stay(goods.holder, size.id, self.span(locker_id, goods.window)))
        return size

    def shut(self, locker_id: str, goods: Goods) -> LockerClosedReason | None:
        """Why the locker cannot take the goods, or None."""
        there = [size for size in self.sizes.get(locker_id, ()) if size.count]
        if there and all(size.volume_ml < goods.volume_ml for size in there):
            return LockerClosedReason.TOO_SMALL
        return LockerClosedReason.FULL if self.free(locker_id, goods) is None else None

    def without(self, holders: Collection[str]) -> LockerRoom:
        """The same lockers without what these have."""
        return LockerRoom(self.sizes, self.kept, [one for one in self.stays if one.holder not in holders])

    def taken(self, compartment_id: str, span: Window) -> int:
        """The most of a size that are taken at any time of a span."""
        return busiest([one.span for one in self.stays if one.compartment_id == compartment_id], span)


def busiest(stays: Iterable[Window], span: Window) -> int:
    """How many of the stays there are at once, at the busiest time of a span.

    Compartments of one size are alike, so that as many as that are enough for all of them.
    """
    there = [one for one in stays if one.overlaps(span)]
    # Who leaves makes room for who comes at that instant.
    steps = sorted([(one.end, -1) for one in there] + [(max(one.start, span.start), 1) for one in there])
    most = now = 0
    for at, step in steps:
        if at >= span.end:
            break
        now += step
        most = max(most, now)
    return most
