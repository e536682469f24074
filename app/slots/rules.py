"""When a window opens and closes: recurrence in local time, cut-offs, clock changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from app.values.window import SkippedLocalTime, Window, local_day, local_instant, local_window

EVENING_FROM = time(18)
_SATURDAY = 6


class CutoffKind(StrEnum):
    """How a cut-off is counted: in elapsed time, or in days back at a wall-clock time."""

    ELAPSED = "ELAPSED"
    DAYS_BEFORE = "DAYS_BEFORE"


class SlotLabel(StrEnum):
    """What a shopper should see at a glance about a window."""

    SAME_DAY = "SAME_DAY"
    NEXT_DAY = "NEXT_DAY"
    EVENING = "EVENING"
    WEEKEND = "WEEKEND"
    CHEAPEST = "CHEAPEST"
    GREENEST = "GREENEST"


class CutoffFacts(Protocol):
    """A cut-off rule: `elapsed_min` for ELAPSED, `days_before` and `at_local` for DAYS_BEFORE."""

    kind: CutoffKind
    elapsed_min: int | None
    days_before: int | None
    at_local: str | None


class TemplateFacts(Protocol):
    """A recurring window: an RFC 5545 rule over local days and two wall times."""

    name: str
    rrule: str
    starts_local: str
    ends_local: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening days made: new slots, and a sentence for each that the clocks did not allow."""

    slots: int
    skipped: tuple[str, ...]


def occurs_on(template: TemplateFacts, day: date) -> bool:
    """Whether the template's rule has an occurrence on a local day.

    The rule is evaluated over calendar days, so a clock change never moves it.
    """
    if day < template.valid_from or (template.valid_until and day > template.valid_until):
        return False
    start = datetime.combine(template.valid_from, time())
    at = datetime.combine(day, time())
    return bool(rrulestr(template.rrule, dtstart=start).between(at, at, inc=True))


def window_on(template: TemplateFacts, day: date, zone: str) -> Window:
    """The template's window on a day; raises SkippedLocalTime when the clocks jump over its start or end."""
    return local_window(day, wall_time(template.starts_local), wall_time(template.ends_local), zone)


def cutoff_instant(rule: CutoffFacts, window: Window, zone: str) -> datetime:
    """The latest moment to order, never after the window starts.

    ELAPSED counts real hours back from the start; DAYS_BEFORE counts calendar days back and takes the
    wall time there, the first instant after a skipped hour.
    """
    if rule.kind is CutoffKind.ELAPSED:
        return window.start - timedelta(minutes=rule.elapsed_min or 0)
    day = local_day(window.start, zone) - timedelta(days=rule.days_before or 0)
    at = wall_time(rule.at_local or "00:00")
    try:
        closes = local_instant(day, at, zone)
    except SkippedLocalTime:
        closes = local_instant(day, time(at.hour + 1), zone)
    return min(closes, window.start)


def wall_time(text: str) -> time:
    """A wall time written 'HH:MM'; raises ValueError for anything else."""
    return time.fromisoformat(text)


def elementary_buckets(windows: Iterable[Window]) -> list[Window]:
    """The disjoint pieces that all window boundaries cut out, where at least one window is.

    Each piece lies wholly inside or outside every window, so overlapping windows share capacity
    through the pieces.
    """
    known = sorted(set(windows))
    edges = sorted({edge for window in known for edge in (window.start, window.end)})
    pieces = (Window(start, end) for start, end in pairwise(edges))
    return [piece for piece in pieces if any(window.covers(piece) for window in known)]


def slot_labels(window: Window, zone: str) -> tuple[SlotLabel, ...]:
    """What a window is wherever one looks from: an evening one, a weekend one."""
    local = window.start.astimezone(ZoneInfo(zone))
    labels = []
    if local.time() >= EVENING_FROM:
        labels.append(SlotLabel.EVENING)
    if local.isoweekday() >= _SATURDAY:
        labels.append(SlotLabel.WEEKEND)
    return tuple(labels)


def labels_at(window: Window, zone: str, now: datetime) -> tuple[SlotLabel, ...]:
    """The labels of a window as seen now: today's and tomorrow's are marked."""
    ahead = (local_day(window.start, zone) - local_day(now, zone)).days
    near: Sequence[SlotLabel] = {0: [SlotLabel.SAME_DAY], 1: [SlotLabel.NEXT_DAY]}.get(ahead, [])
    return (*near, *slot_labels(window, zone))
