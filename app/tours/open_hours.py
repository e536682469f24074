"""When streets are open to whoever must stay out of them in some hours of the day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.values.window import Window


def closed_spans(window: Window, zone: str, closed: Collection[int]) -> Iterator[Window]:
    """The stretches of a window that lie in these local hours, in order; `zone` is the IANA time zone."""
    yield from _stretches(window, zone, lambda hour: hour in closed)


def open_spans(window: Window, zone: str, closed: Collection[int]) -> Iterator[Window]:
    """The stretches of a window that lie in none of these local hours, in order."""
    yield from _stretches(window, zone, lambda hour: hour not in closed)


def longest_open(window: Window, zone: str, closed: Collection[int]) -> Window | None:
    """The longest stretch of a window outside these local hours, the first of equals; None without any."""
    return max(open_spans(window, zone, closed), key=lambda one: one.duration, default=None)


def _stretches(window: Window, zone: str, wanted: Callable[[int], bool]) -> Iterator[Window]:
    begun: datetime | None = None
    for hour, piece in _by_hour(window, ZoneInfo(zone)):
        if not wanted(hour):
            if begun is not None:
                yield Window(begun, piece.start)
            begun = None
        elif begun is None:
            begun = piece.start
    if begun is not None:
        yield Window(begun, window.end)


def _by_hour(window: Window, zone: ZoneInfo) -> Iterator[tuple[int, Window]]:
    """The window cut at the full local hours, each piece with its hour of the day."""
    at = window.start
    while at < window.end:
        local = at.astimezone(zone)
        rest = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        until = min(at + timedelta(hours=1) - rest, window.end)
        yield local.hour, Window(at, until)
        at = until
