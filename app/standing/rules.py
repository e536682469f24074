"""Which days a standing slot has, what became of each, and what it costs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from app.booking.rules import OCCUPYING, BookingStatus, HoldStatus, SlotClosedReason
from app.pricing.rules import FeeTable, Quote, quote
from app.slots.rules import wall_time
from app.values.window import Window, local_day, local_window

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class StandingStatus(StrEnum):
    """The life of a standing slot; PAUSED while today lies in its pause, which is a comparison."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class OccurrenceState(StrEnum):
    """What became of one week of a standing slot.

    BOOKED_AHEAD and MOVED have a hold; what becomes of that hold is seen, and written down later.
    """

    BOOKED_AHEAD = "BOOKED_AHEAD"
    MOVED = "MOVED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"
    PAUSED = "PAUSED"
    MISSED = "MISSED"
    RELEASED = "RELEASED"


# States that wait for the customer's order.
OPEN = (OccurrenceState.BOOKED_AHEAD, OccurrenceState.MOVED)
# Refusals of booking that are called otherwise when they close a window.
_REASONS = {
    "SLOT_FULL": SlotClosedReason.FULL,
    "BASKET_TOO_LARGE": SlotClosedReason.FLEET_CAPACITY,
}


class SeriesFacts(Protocol):
    """What of a standing slot decides its days: a weekly RFC 5545 rule over local days, and wall times."""

    rrule: str
    starts_local: str
    ends_local: str
    time_zone: str
    first_day: date
    paused_from: date | None
    paused_until: date | None
    ended_at: datetime | None


def weekly_on(day: date) -> str:
    """The rule of every week on the weekday of this day."""
    return f"FREQ=WEEKLY;BYDAY={_WEEKDAYS[day.weekday()]}"


def wall_times(window: Window, zone: str) -> tuple[str, str]:
    """Start and end of a window as 'HH:MM' of its zone."""
    tz = ZoneInfo(zone)
    start, end = window.start.astimezone(tz), window.end.astimezone(tz)
    return start.strftime("%H:%M"), end.strftime("%H:%M")


def days_between(series: SeriesFacts, first: date, last: date) -> list[date]:
    """The local days of the rule from `first` to `last`, both included; clock changes move none."""
    begin, end = (datetime.combine(day, time()) for day in (first, last))
    rule = rrulestr(series.rrule, dtstart=datetime.combine(series.first_day, time()))
    return [found.date() for found in rule.between(begin, end, inc=True)]


def next_day(series: SeriesFacts, day: date) -> date:
    """The first day of the rule on or after a day."""
    return days_between(series, day, max(day, series.first_day) + timedelta(days=7))[0]


def window_of(series: SeriesFacts, day: date) -> Window:
    """The window of a day; raises SkippedLocalTime where the clocks jump over its start or end."""
    return local_window(day, wall_time(series.starts_local), wall_time(series.ends_local), series.time_zone)


def last_day_ahead(now: datetime, zone: str, horizon_days: int) -> date:
    """The last local day that can be booked now."""
    return local_day(now, zone) + timedelta(days=horizon_days - 1)


def week_of(day: date) -> tuple[date, date]:
    """Monday and Sunday of the day's week."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def paused_on(series: SeriesFacts, day: date) -> bool:
    """Whether the day lies in the pause; without an end it lasts until the series is resumed."""
    if series.paused_from is None or day < series.paused_from:
        return False
    return series.paused_until is None or day <= series.paused_until


def status_on(series: SeriesFacts, today: date) -> StandingStatus:
    """The status of a standing slot as seen on a local day."""
    if series.ended_at is not None:
        return StandingStatus.ENDED
    return StandingStatus.PAUSED if paused_on(series, today) else StandingStatus.ACTIVE


def state_at(
    written: OccurrenceState, hold: HoldStatus | None, booking: BookingStatus | None
) -> OccurrenceState:
    """The state of an occurrence as seen now, from what is written and what became of its hold."""
    if booking is not None:
        cancelled = booking is BookingStatus.CANCELLED
        return OccurrenceState.CANCELLED if cancelled else OccurrenceState.CONFIRMED
    return OccurrenceState.RELEASED if written in OPEN and hold not in OCCUPYING else written


def reason_of(code: str) -> SlotClosedReason | None:
    """Why a window cannot be had, from the code of the refusal; None where it says something else."""
    if code in _REASONS:
        return _REASONS[code]
    return SlotClosedReason(code) if code in SlotClosedReason.__members__ else None


def steady_fee(table: FeeTable, *, window: Window, zone: str, grams: int, handover_minor: int) -> Quote:
    """What a standing customer pays for a window: the price table without what moves with demand.

    `grams` of the series decide about the greener choice, so that the fee does not depend on who drives.
    """
    return quote(
        table,
        window=window,
        zone=zone,
        marginal_cost_minor=table.usual_cost_minor,
        grams=grams,
        handover_minor=handover_minor,
    )
