"""When a window opens and closes: recurrence in local time, cut-offs, clock changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

import holidays
from dateutil.rrule import rrulestr

from app.values.window import SkippedLocalTime, Window, local_day, local_instant, local_window

EVENING_FROM = time(18)
_SATURDAY = 6


class CutoffKind(StrEnum):
    """How a cut-off is counted: in elapsed time, or in days back at a wall-clock time.

    A WAVE is counted like DAYS_BEFORE, closes all windows of a day at once and always when earlier.
    """

    ELAPSED = "ELAPSED"
    DAYS_BEFORE = "DAYS_BEFORE"
    WAVE = "WAVE"


class RuleKind(StrEnum):
    """What an operator may write into the calendar."""

    TEMPLATE = "TEMPLATE"
    EXCEPTION = "EXCEPTION"
    TIMETABLE = "TIMETABLE"
    HOLIDAY = "HOLIDAY"
    CUTOFF = "CUTOFF"
    PICK_WAVE = "PICK_WAVE"
    LEAD_TIME = "LEAD_TIME"
    HORIZON = "HORIZON"
    BLACKOUT = "BLACKOUT"


class SlotFate(StrEnum):
    """What a change of the calendar does to a slot."""

    OPENED = "OPENED"
    CLOSED = "CLOSED"
    CLOSED_FROM_NODE = "CLOSED_FROM_NODE"
    CUTOFF_MOVED = "CUTOFF_MOVED"


class Weekday(StrEnum):
    """A day of the week; rules keep them as ISO digits, Monday is 1."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


def weekday_digits(days: Iterable[Weekday]) -> str:
    """Weekdays as a rule keeps them, in the order of the week; one named twice stays twice."""
    return "".join(sorted(str(list(Weekday).index(day) + 1) for day in days))


def weekdays_of(digits: str) -> list[Weekday]:
    """The weekdays that a rule keeps as digits."""
    return [list(Weekday)[int(digit) - 1] for digit in digits]


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


class Scoped(Protocol):
    """A rule for one template, zone or node, or for all of what is None."""

    @property
    def key(self) -> str:
        """What operators call it."""

    @property
    def template_id(self) -> str | None:
        """The template it is for."""

    @property
    def zone_id(self) -> str | None:
        """The zone it is for."""

    @property
    def node_id(self) -> str | None:
        """The node it is for."""


class ScopedCutoff(Scoped, CutoffFacts, Protocol):
    """A cut-off rule with its scope; `weekdays` are the delivery days it is for, as ISO digits."""

    wave_id: str | None
    weekdays: str | None


class WaveFacts(Protocol):
    """A picking wave: which window starts of which weekdays it feeds, and until when it is picked."""

    id: str
    key: str
    node_id: str
    starts_from: str
    starts_until: str
    weekdays: str
    pick_by: str
    pick_days_before: int


class Recurring(Protocol):
    """What recurs over local days by an RFC 5545 rule."""

    rrule: str
    valid_from: date
    valid_until: date | None


class TemplateFacts(Recurring, Protocol):
    """A recurring window: an RFC 5545 rule over local days and two wall times."""

    name: str
    starts_local: str
    ends_local: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening days made: new slots, and a sentence for each that the clocks did not allow."""

    slots: int
    skipped: tuple[str, ...]


def occurs_on(template: Recurring, day: date) -> bool:
    """Whether the rule has an occurrence on a local day.

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

    ELAPSED counts real hours back from the start; DAYS_BEFORE and WAVE count calendar days back and take
    the wall time there, the first instant after a skipped hour.
    """
    if rule.kind is CutoffKind.ELAPSED:
        return window.start - timedelta(minutes=rule.elapsed_min or 0)
    closes = _days_back(window, rule.days_before or 0, rule.at_local or "00:00", zone)
    return min(closes, window.start)


def _days_back(window: Window, days: int, at_local: str, zone: str) -> datetime:
    day, at = local_day(window.start, zone) - timedelta(days=days), wall_time(at_local)
    try:
        return local_instant(day, at, zone)
    except SkippedLocalTime:
        return local_instant(day, time(at.hour + 1), zone)


def wave_of[W: WaveFacts](waves: Iterable[W], node_id: str, start: datetime, zone: str) -> W | None:
    """The picking wave of a node that feeds what begins at `start`; of several, the first by key."""
    local = start.astimezone(ZoneInfo(zone))
    fed = [
        wave
        for wave in waves
        if wave.node_id == node_id
        and str(local.isoweekday()) in wave.weekdays
        and wall_time(wave.starts_from) <= local.time() < wall_time(wave.starts_until)
    ]
    return min(fed, key=lambda wave: wave.key, default=None)


def specificity(rule: Scoped, wave_id: str | None = None) -> tuple[int, bool, bool, bool]:
    """How narrow a rule is: by the number of things it names, then node before zone before template.

    A picking wave counts twice, for it is a node and some of its windows.
    """
    node = bool(rule.node_id or wave_id)
    named = sum(map(bool, (rule.template_id, rule.zone_id, rule.node_id))) + 2 * bool(wave_id)
    return (named, node, bool(rule.zone_id), bool(rule.template_id))


def in_scope(rule: Scoped, *, template_id: str, zone_id: str, node_id: str | None) -> bool:
    """Whether a rule is for this template, zone and node."""
    return (
        rule.template_id in (None, template_id)
        and rule.zone_id in (None, zone_id)
        and rule.node_id in (None, node_id)
    )


def closing_instant(
    rules: Iterable[ScopedCutoff],
    waves: Iterable[WaveFacts],
    usual: CutoffFacts,
    *,
    template_id: str,
    zone_id: str,
    node_id: str | None,
    window: Window,
    zone: str,
) -> datetime:
    """When orders for a window from one node end.

    The most specific rule in scope wins over the template's `usual` one, the earlier of equals. A WAVE
    closes whenever it is earlier, and nothing is ordered from a node after its wave is picked.
    """
    weekday = str(window.start.astimezone(ZoneInfo(zone)).isoweekday())
    wave = wave_of(waves, node_id, window.start, zone) if node_id else None
    here = [
        rule
        for rule in rules
        if in_scope(rule, template_id=template_id, zone_id=zone_id, node_id=node_id)
        and rule.wave_id in (None, wave.id if wave else None)
        and (rule.weekdays is None or weekday in rule.weekdays)
    ]
    width = {rule.key: specificity(rule, rule.wave_id) for rule in here}
    single = [rule for rule in here if rule.kind is not CutoffKind.WAVE and width[rule.key][0]]
    narrowest = max((width[rule.key] for rule in single), default=None)
    counted: list[CutoffFacts] = [rule for rule in single if width[rule.key] == narrowest]
    if not counted:
        counted.append(usual)
    counted += [rule for rule in here if rule.kind is CutoffKind.WAVE]
    limits = [cutoff_instant(rule, window, zone) for rule in counted]
    if wave:
        limits.append(_days_back(window, wave.pick_days_before, wave.pick_by, zone))
    return min(limits)


def holiday_on(day: date, country_code: str, region: str | None) -> str | None:
    """The name of the public holiday of a country and region on a day, or None.

    Raises NotImplementedError for a country or region that the library of holidays does not know.
    """
    return _holidays(country_code, region, day.year).get(day)


@lru_cache(maxsize=256)
def _holidays(country_code: str, region: str | None, year: int) -> dict[date, str]:
    return dict(holidays.country_holidays(country_code, subdiv=region, years=year))


def wall_time(text: str) -> time:
    """A wall time written 'HH:MM'; raises ValueError for anything else."""
    return time.fromisoformat(text)


def elementary_buckets(windows: Iterable[Window], cuts: Iterable[datetime] = ()) -> list[Window]:
    """The disjoint pieces that all window boundaries and `cuts` cut out, where at least one window is.

    Each piece lies wholly inside or outside every window, so overlapping windows share capacity
    through the pieces.
    """
    known = sorted(set(windows))
    edges = sorted({*cuts, *(edge for window in known for edge in (window.start, window.end))})
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
