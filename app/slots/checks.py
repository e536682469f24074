"""Whether a rule that an operator wrote can mean anything: every field is named that does not."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from dateutil.rrule import rrulestr

from app.slots.drafts import (
    BlackoutDraft,
    CutoffDraft,
    Draft,
    ExceptionDraft,
    HolidayDraft,
    HorizonDraft,
    LeadTimeDraft,
    PickWaveDraft,
    TemplateDraft,
    TimetableDraft,
)
from app.slots.errors import (
    InvalidAmount,
    InvalidCutoff,
    InvalidLocalTime,
    InvalidRecurrence,
    InvalidSpan,
    InvalidText,
    InvalidWeekdays,
    UnknownRegion,
)
from app.slots.rules import CutoffKind, holiday_on

_PARTS = re.compile(
    r"(RRULE:)?FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)"
    r"(;(INTERVAL|COUNT|UNTIL|WKST|BYDAY|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYMONTH|BYSETPOS)=[A-Z0-9,+-]+)*"
)
_END = re.compile(r";(COUNT|UNTIL)=[^;]+")
_UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})")
_EMPTY = re.compile(r"(INTERVAL|COUNT)=0*(;|$)")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# A rule must show itself within this time, or it is taken for a mistake.
_SHOWS_WITHIN = timedelta(days=5 * 366)
# After so many days, 400 years, the calendar begins anew on the same weekday.
_CYCLE, _LATE_YEAR = timedelta(days=146_097), 9_990
_MOST_DAYS, _MOST_MIN = 366, 60 * 24 * 60


def check(draft: Draft) -> None:
    """Raises the refusal of the first field that makes no sense."""
    _text("key", draft.key)
    match draft:
        case TemplateDraft():
            _text("name", draft.name)
            _recurs(draft.rrule, draft.valid_from, draft.valid_until)
            _hours("starts_local", draft.starts_local, "ends_local", draft.ends_local)
        case ExceptionDraft():
            _other_hours(draft)
        case TimetableDraft():
            _text("name", draft.name)
            _recurs(draft.rrule, draft.valid_from, draft.valid_until)
        case HolidayDraft():
            _holidays(draft)
        case CutoffDraft():
            _cutoff(draft)
        case PickWaveDraft():
            _wave(draft)
        case LeadTimeDraft():
            _whole("least_min", draft.least_min, 1, _MOST_MIN)
        case HorizonDraft():
            _text("customer_group", draft.customer_group)
            _whole("days", draft.days, 1, _MOST_DAYS)
        case BlackoutDraft():
            _blackout(draft)


def path(name: str) -> tuple[str, ...]:
    """The path of an input field from the name it has here."""
    head, *rest = name.split("_")
    return ("input", head + "".join(word.capitalize() for word in rest))


def _text(name: str, text: str, most: int = 60) -> None:
    if not 1 <= len(text.strip()) <= most or not text.isprintable():
        raise InvalidText(field=path(name), most=most)


def _whole(name: str, number: int | None, least: int, most: int) -> None:
    if number is None or not least <= number <= most:
        raise InvalidAmount(field=path(name), least=least, most=most)


def _local(name: str, text: str | None) -> None:
    if text is None or not _TIME.fullmatch(text):
        raise InvalidLocalTime(field=path(name))


def _hours(first: str, begins: str, last: str, ends: str) -> None:
    _local(first, begins)
    _local(last, ends)
    if begins == ends:
        raise InvalidSpan(field=path(last), what="A window ends at another time than it begins.")


def _recurs(rule: str, valid_from: date, valid_until: date | None) -> None:
    if valid_until is not None and valid_until < valid_from:
        raise InvalidSpan(field=path("valid_until"), what="The last day lies before the first.")
    if len(rule) > 200 or not _PARTS.fullmatch(rule) or _EMPTY.search(rule):
        raise InvalidRecurrence(field=path("rrule"), why="it is not written as one rule over days")
    start = datetime.combine(valid_from, time())
    try:
        until = _UNTIL.search(str(rrulestr(rule, dtstart=start)))
        after = _shows_after(_END.sub("", rule), start)
    except (ValueError, TypeError) as why:
        raise InvalidRecurrence(field=path("rrule"), why=str(why)) from why
    ends = [_SHOWS_WITHIN, (valid_until or date.max) - valid_from]
    ends += [datetime.fromisoformat(until[1]) - start] if until else []
    if after is None or after > min(ends):
        raise InvalidRecurrence(field=path("rrule"), why="no day between its first and its last day fits")


def _shows_after(rule: str, start: datetime) -> timedelta | None:
    """How long after `start` a rule without an end shows for the first time.

    A rule that never shows is followed to the last year that there is, so it is asked in the last four
    centuries: the calendar repeats itself with its weekdays, and most of eight thousand years are saved.
    """
    late = start + _CYCLE * ((_LATE_YEAR - start.year) // 400)
    first = rrulestr(rule, dtstart=late).after(late, inc=True)
    return first - late if first else None


def _other_hours(draft: ExceptionDraft) -> None:
    if (draft.starts_local is None) != (draft.ends_local is None):
        missing = "starts_local" if draft.starts_local is None else "ends_local"
        what = "Give both times for other hours, or none to leave the window out."
        raise InvalidSpan(field=path(missing), what=what)
    if draft.starts_local is not None and draft.ends_local is not None:
        _hours("starts_local", draft.starts_local, "ends_local", draft.ends_local)


def _holidays(draft: HolidayDraft) -> None:
    try:
        holiday_on(date(2026, 1, 1), draft.country_code, draft.region)
    except NotImplementedError as why:
        name = "region" if draft.region else "country_code"
        raise UnknownRegion(field=path(name), country=draft.country_code, region=draft.region or "") from why


def _cutoff(draft: CutoffDraft) -> None:
    _weekdays(draft.weekdays)
    if draft.counted is CutoffKind.ELAPSED:
        if draft.days_before is not None or draft.at_local is not None:
            name = "days_before" if draft.days_before is not None else "at_local"
            raise InvalidCutoff(field=path(name), what="Elapsed time has minutes only; leave this out.")
        return _whole("elapsed_min", draft.elapsed_min, 0, _MOST_MIN)
    if draft.elapsed_min is not None:
        raise InvalidCutoff(field=path("elapsed_min"), what="Days before have no minutes; leave this out.")
    _whole("days_before", draft.days_before, 0, _MOST_DAYS)
    return _local("at_local", draft.at_local)


def _wave(draft: PickWaveDraft) -> None:
    _text("name", draft.name)
    _local("starts_from", draft.starts_from)
    _local("starts_until", draft.starts_until)
    if draft.starts_until <= draft.starts_from:
        what = "A wave feeds windows of one day: the last start lies after the first."
        raise InvalidSpan(field=path("starts_until"), what=what)
    _weekdays(draft.weekdays)
    _local("pick_by", draft.pick_by)
    _whole("pick_days_before", draft.pick_days_before, 0, 14)
    if draft.capacity_orders is not None:
        _whole("capacity_orders", draft.capacity_orders, 0, 1_000_000)


def _blackout(draft: BlackoutDraft) -> None:
    _text("reason", draft.reason, 200)
    if draft.ends_at <= draft.starts_at:
        raise InvalidSpan(field=path("ends_at"), what="A blackout must end after it starts.")


def _weekdays(digits: str | None) -> None:
    if digits is not None and (not digits or len(set(digits)) != len(digits)):
        raise InvalidWeekdays(field=path("weekdays"))
