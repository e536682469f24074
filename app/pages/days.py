"""Windows as a page groups them: by local day, then by morning, afternoon and evening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Protocol
from zoneinfo import ZoneInfo

from app.booking.offer import DEFAULT_DAYS
from app.slots.tables import DeliverySlot

WEEK = timedelta(days=DEFAULT_DAYS)
_NOON, _EVENING = 12, 18


class OnPage(Protocol):
    """What a page shows of a window: its slot, and whether it can be had."""

    @property
    def slot(self) -> DeliverySlot:
        """The window."""

    @property
    def available(self) -> bool:
        """Whether it can be had."""


@dataclass(frozen=True, slots=True)
class PartOfDay[T]:
    """The windows of a morning, an afternoon or an evening."""

    name: str
    offers: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class ShownDay[T]:
    """A day as the page groups it; `open` counts the windows that can be had."""

    day: datetime
    zone: str
    open: int
    parts: tuple[PartOfDay[T], ...]


def by_day[T: OnPage](offers: Iterable[T]) -> list[ShownDay[T]]:
    """The windows by day and part of the day, in order of start and length."""
    ordered = sorted(offers, key=lambda one: (one.slot.day, one.slot.starts_at, one.slot.ends_at))
    return [_shown(list(same)) for _, same in groupby(ordered, lambda one: one.slot.day)]


def _shown[T: OnPage](offers: list[T]) -> ShownDay[T]:
    zone = offers[0].slot.time_zone
    parts = groupby(offers, lambda one: _part(one.slot.starts_at, zone))
    return ShownDay(
        day=offers[0].slot.starts_at,
        zone=zone,
        open=sum(one.available for one in offers),
        parts=tuple(PartOfDay(name, tuple(same)) for name, same in parts),
    )


def _part(start: datetime, zone: str) -> str:
    hour = start.astimezone(ZoneInfo(zone)).hour
    return "morning" if hour < _NOON else "afternoon" if hour < _EVENING else "evening"


def day_of(text: str) -> date | None:
    """The day that a link names, or none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
