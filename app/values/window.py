"""A half-open span of time, and how local wall time becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class SkippedLocalTime(ValueError):
    """The wall time does not exist on that day because the clocks jump over it."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """From `start` until just before `end`, both aware; kept in UTC, so that neighbours never overlap."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware instants")
        if self.end <= self.start:
            raise ValueError(f"a window must end after it starts: {self.start} .. {self.end}")
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            object.__setattr__(self, "start", self.start.astimezone(UTC))
            object.__setattr__(self, "end", self.end.astimezone(UTC))

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def covers(self, other: Window) -> bool:
        """Whether `other` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Window) -> bool:
        """Whether the two share any instant."""
        return self.start < other.end and other.start < self.end

    @property
    def duration(self) -> timedelta:
        """Elapsed time, right on clock-change days too."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class ZonedWindow:
    """A window as people in a zone read it: the same instants with the zone's offsets."""

    window: Window
    time_zone: str

    @property
    def starts_at(self) -> datetime:
        """The start with the zone's offset."""
        return self.window.start.astimezone(ZoneInfo(self.time_zone))

    @property
    def ends_at(self) -> datetime:
        """The end with the zone's offset; it does not belong to the window."""
        return self.window.end.astimezone(ZoneInfo(self.time_zone))


def local_instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant of a wall time on a local day.

    An hour that happens twice (autumn) is its first occurrence. Raises SkippedLocalTime for a time
    that the clocks jump over (spring).
    """
    tz = ZoneInfo(zone)
    local = datetime.combine(day, at, tzinfo=tz)
    instant = local.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise SkippedLocalTime(f"{day} {at} does not exist in {zone}: the clocks go forward")
    return instant


def local_window(day: date, start: time, end: time, zone: str) -> Window:
    """The window between two wall times of a local day; an end at or before the start is the next day.

    Raises SkippedLocalTime when either end does not exist on that day.
    """
    last = day + timedelta(days=1) if end <= start else day
    return Window(local_instant(day, start, zone), local_instant(last, end, zone))


def day_begins(day: date, zone: str) -> datetime:
    """The first instant of a local day, also where the clocks jump over midnight."""
    for hour in range(3):
        try:
            return local_instant(day, time(hour), zone)
        except SkippedLocalTime:
            continue
    raise ValueError(f"{day} has no morning in {zone}")


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day an instant falls on in a zone."""
    return instant.astimezone(ZoneInfo(zone)).date()
