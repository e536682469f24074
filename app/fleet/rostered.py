"""What is left of shifts while vehicles are out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.values.window import Window

# Less than this of a shift is no use for a tour.
_LEAST = timedelta(minutes=30)


class Outage(Protocol):
    """So many vehicles of a class (of all classes, all vehicles where not told) from then until then."""

    vehicle_class_id: str | None
    vehicles: int | None
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rostered:
    """A vehicle of a class in (a part of) its shift."""

    class_id: str
    window: Window


def touches(outage: Outage, window: Window) -> bool:
    """Whether an outage falls into a window."""
    return outage.starts_at < window.end and (outage.ends_at is None or outage.ends_at > window.start)


def without(rostered: Sequence[Rostered], outages: Sequence[Outage]) -> list[Rostered]:
    """What is left of shifts: at any time of an outage so many fewer of its class are on the road.

    A shift is cut where its vehicle goes out and where it is back. Pieces of less than half an hour fall
    away.
    """
    left = list(rostered)
    for outage in outages:
        left = _cut(left, outage)
    return left


def _cut(rostered: list[Rostered], outage: Outage) -> list[Rostered]:
    last = max((one.window.end for one in rostered), default=outage.starts_at)
    ends_at = last if outage.ends_at is None else outage.ends_at
    if ends_at <= outage.starts_at:
        return rostered
    gap = Window(outage.starts_at, ends_at)
    mine = [one for one in rostered if outage.vehicle_class_id in (None, one.class_id)]
    left = [one for one in rostered if outage.vehicle_class_id not in (None, one.class_id)]
    if outage.vehicles is None:
        return left + [piece for one in mine for piece in _pieces(one, [gap])]
    for _ in range(outage.vehicles):
        mine = _one_fewer(mine, gap)
    return left + mine


def _one_fewer(rostered: list[Rostered], gap: Window) -> list[Rostered]:
    """The shifts with one fewer on the road throughout the gap: of those that overlap, one is cut."""
    missing, left = [gap], []
    longest = sorted(rostered, key=lambda one: (_shared(one.window, gap), one.window), reverse=True)
    for one in longest:
        hit = [part for part in missing if part.overlaps(one.window)]
        left += _pieces(one, hit)
        missing = [rest for part in missing for rest in minus(part, one.window)] if hit else missing
    return sorted(left, key=lambda one: (one.window.start, one.window.end, one.class_id))


def _shared(window: Window, gap: Window) -> timedelta:
    return max(timedelta(), min(window.end, gap.end) - max(window.start, gap.start))


def _pieces(one: Rostered, gaps: Sequence[Window]) -> list[Rostered]:
    windows = [one.window]
    for gap in gaps:
        windows = [rest for window in windows for rest in minus(window, gap)]
    if windows == [one.window]:
        return [one]
    return [Rostered(one.class_id, window) for window in windows if window.duration >= _LEAST]


def minus(window: Window, gap: Window) -> list[Window]:
    """What of a window is outside a gap."""
    if not window.overlaps(gap):
        return [window]
    parts = []
    if window.start < gap.start:
        parts.append(Window(window.start, gap.start))
    if gap.end < window.end:
        parts.append(Window(gap.end, window.end))
    return parts
