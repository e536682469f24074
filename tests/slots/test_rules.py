"""Local time is kept through both clock changes; cut-offs say which kind they are."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.slots.rules import (
    CutoffKind,
    SlotLabel,
    cutoff_instant,
    elementary_buckets,
    labels_at,
    occurs_on,
    window_on,
)
from app.values.window import SkippedLocalTime, Window, local_window

LISBON, BERLIN = "Europe/Lisbon", "Europe/Berlin"
SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)


@dataclass
class Template:
    starts_local: str = "18:00"
    ends_local: str = "20:00"
    rrule: str = "FREQ=DAILY"
    name: str = "Evening"
    valid_from: date = date(2026, 1, 1)
    valid_until: date | None = None


@dataclass
class Rule:
    kind: CutoffKind
    elapsed_min: int | None = None
    days_before: int | None = None
    at_local: str | None = None


def utc(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        (date(2027, 3, 27), utc(2027, 3, 27, 17)),
        (SPRING, utc(2027, 3, 28, 16)),
        (date(2027, 3, 29), utc(2027, 3, 29, 16)),
        (AUTUMN, utc(2026, 10, 25, 17)),
    ],
)
def test_six_in_the_evening_stays_six_in_the_evening(day: date, starts: datetime) -> None:
    assert window_on(Template(), day, BERLIN).start == starts


def test_the_hour_that_the_clocks_skip_has_no_window() -> None:
    with pytest.raises(SkippedLocalTime, match="clocks go forward"):
        window_on(Template("02:00", "03:00"), SPRING, BERLIN)
    with pytest.raises(SkippedLocalTime):
        window_on(Template("01:00", "02:00"), SPRING, LISBON)


def test_the_hour_that_happens_twice_is_opened_once_at_its_first_occurrence() -> None:
    window = window_on(Template("02:00", "03:00"), AUTUMN, BERLIN)
    assert window.start == utc(2026, 10, 25, 0)
    # Durations are elapsed time: from the first two o'clock to three o'clock two hours pass.
    assert window.duration == timedelta(hours=2)


@pytest.mark.parametrize(
    ("rule", "day", "closes_local"),
    [
        (Rule(CutoffKind.DAYS_BEFORE, days_before=1, at_local="11:00"), SPRING, time(11)),
        (Rule(CutoffKind.ELAPSED, elapsed_min=24 * 60), SPRING, time(10)),
        (Rule(CutoffKind.DAYS_BEFORE, days_before=1, at_local="11:00"), AUTUMN, time(11)),
        (Rule(CutoffKind.ELAPSED, elapsed_min=24 * 60), AUTUMN, time(12)),
    ],
    ids=["days in spring", "hours in spring", "days in autumn", "hours in autumn"],
)
def test_a_day_before_eleven_on_a_change_sunday(rule: Rule, day: date, closes_local: time) -> None:
    window = local_window(day, time(11), time(13), LISBON)
    closes = cutoff_instant(rule, window, LISBON)
    expected = local_window(day - timedelta(days=1), closes_local, time(23), LISBON).start
    assert closes == expected


def test_a_cut_off_never_lies_after_the_start() -> None:
    window = local_window(date(2026, 11, 25), time(8), time(10), LISBON)
    rule = Rule(CutoffKind.DAYS_BEFORE, days_before=0, at_local="20:00")
    assert cutoff_instant(rule, window, LISBON) == window.start


def test_a_rule_recurs_on_its_days_only() -> None:
    saturdays = Template(rrule="FREQ=WEEKLY;BYDAY=SA", valid_until=date(2026, 12, 5))
    days = [date(2026, 11, 28) + timedelta(days=n) for n in range(15)]
    assert [d for d in days if occurs_on(saturdays, d)] == [date(2026, 11, 28), date(2026, 12, 5)]


def test_labels_speak_of_the_address_day() -> None:
    window = local_window(date(2026, 11, 28), time(18), time(20), LISBON)
    labels = labels_at(window, LISBON, utc(2026, 11, 27, 23))
    assert set(labels) == {SlotLabel.NEXT_DAY, SlotLabel.EVENING, SlotLabel.WEEKEND}


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 8)), min_size=1, max_size=12))
def test_a_bucket_lies_wholly_inside_or_outside_every_window(spans: list[tuple[int, int]]) -> None:
    start = utc(2026, 11, 24, 0)
    windows = [Window(start + timedelta(hours=a), start + timedelta(hours=a + n)) for a, n in spans]
    buckets = elementary_buckets(windows)

    for bucket in buckets:
        assert all(w.covers(bucket) or not w.overlaps(bucket) for w in windows)
    for window in windows:
        inside = [b for b in buckets if window.covers(b)]
        assert sum((b.duration for b in inside), timedelta()) == window.duration
