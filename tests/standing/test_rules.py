"""Days of a weekly rule, pauses, and what a week is seen as: pure decisions."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from app.booking.rules import BookingStatus, HoldStatus, SlotClosedReason
from app.standing.rules import (
    OccurrenceState,
    StandingStatus,
    days_between,
    last_day_ahead,
    next_day,
    paused_on,
    reason_of,
    state_at,
    status_on,
    wall_times,
    week_of,
    weekly_on,
    window_of,
)
from app.values.window import SkippedLocalTime
from tests.factories import NOW, ZONE, evening

FRIDAY = date(2026, 11, 27)
WEEK = timedelta(days=7)


@dataclass
class Fridays:
    rrule: str = "FREQ=WEEKLY;BYDAY=FR"
    starts_local: str = "19:00"
    ends_local: str = "20:00"
    time_zone: str = ZONE
    first_day: date = FRIDAY
    paused_from: date | None = None
    paused_until: date | None = None
    ended_at: datetime | None = None


def test_the_days_of_a_rule_begin_with_its_first_and_include_both_ends() -> None:
    assert days_between(Fridays(), FRIDAY - 3 * WEEK, FRIDAY + WEEK) == [FRIDAY, FRIDAY + WEEK]
    assert days_between(Fridays(), FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=6)) == []
    assert next_day(Fridays(), FRIDAY - 3 * WEEK) == FRIDAY
    assert next_day(Fridays(), FRIDAY) == FRIDAY
    assert next_day(Fridays(), FRIDAY + timedelta(days=1)) == FRIDAY + WEEK


@pytest.mark.parametrize("ahead", range(7))
def test_a_rule_is_made_for_every_weekday(ahead: int) -> None:
    day = FRIDAY + timedelta(days=ahead)
    series = Fridays(rrule=weekly_on(day), first_day=day)
    assert days_between(series, day, day + WEEK) == [day, day + WEEK]


def test_wall_times_are_those_of_the_zone_and_make_the_window_again() -> None:
    window = evening(date(2026, 7, 3), 19, 20)
    starts, ends = wall_times(window, ZONE)
    assert (starts, ends) == ("19:00", "20:00")
    assert window_of(Fridays(starts_local=starts, ends_local=ends), date(2026, 7, 3)) == window
    with pytest.raises(SkippedLocalTime):
        window_of(Fridays(starts_local="01:00", ends_local="02:00"), date(2027, 3, 28))


def test_a_pause_includes_both_its_days_and_lasts_without_an_end() -> None:
    paused = Fridays(paused_from=FRIDAY, paused_until=FRIDAY + WEEK)
    days = [FRIDAY - WEEK, FRIDAY, FRIDAY + WEEK, FRIDAY + 2 * WEEK]
    assert [paused_on(paused, day) for day in days] == [False, True, True, False]
    assert paused_on(Fridays(paused_from=FRIDAY), FRIDAY + 100 * WEEK)
    assert not paused_on(Fridays(), FRIDAY)
    statuses = [
        status_on(paused, FRIDAY - WEEK),
        status_on(paused, FRIDAY),
        status_on(Fridays(ended_at=NOW), FRIDAY),
    ]
    assert statuses == [StandingStatus.ACTIVE, StandingStatus.PAUSED, StandingStatus.ENDED]


def test_the_horizon_counts_today() -> None:
    assert last_day_ahead(NOW, ZONE, 1) == NOW.date()
    assert last_day_ahead(NOW, ZONE, 14) == NOW.date() + timedelta(days=13)


def test_a_week_runs_from_monday_to_sunday() -> None:
    week = date(2026, 11, 23), date(2026, 11, 29)
    assert {week_of(week[0] + timedelta(days=n)) for n in range(7)} == {week}


@pytest.mark.parametrize(
    ("written", "hold", "booking", "seen"),
    [
        ("BOOKED_AHEAD", "ACTIVE", None, "BOOKED_AHEAD"),
        ("BOOKED_AHEAD", "CONFLICTED", None, "BOOKED_AHEAD"),
        ("MOVED", "ACTIVE", None, "MOVED"),
        ("MOVED", "EXPIRED", None, "RELEASED"),
        ("BOOKED_AHEAD", "RELEASED", None, "RELEASED"),
        ("BOOKED_AHEAD", "CONFIRMED", "CONFIRMED", "CONFIRMED"),
        ("RELEASED", "CONFIRMED", "LOCKED", "CONFIRMED"),
        ("CONFIRMED", "CONFIRMED", "CANCELLED", "CANCELLED"),
        ("SKIPPED", None, None, "SKIPPED"),
        ("MISSED", None, None, "MISSED"),
    ],
)
def test_a_week_is_seen_as_what_became_of_its_hold(
    written: str, hold: str | None, booking: str | None, seen: str
) -> None:
    found = state_at(
        OccurrenceState(written),
        HoldStatus(hold) if hold else None,
        BookingStatus(booking) if booking else None,
    )
    assert found == seen


def test_refusals_of_booking_are_reasons_and_others_are_not() -> None:
    assert reason_of("SLOT_FULL") is SlotClosedReason.FULL
    assert reason_of("BASKET_TOO_LARGE") is SlotClosedReason.FLEET_CAPACITY
    assert reason_of("BLACKOUT") is SlotClosedReason.BLACKOUT
    assert reason_of("NO_PRICE_TABLE") is None
