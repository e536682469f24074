"""Which cut-off wins: the most specific one, and a wave whenever it is earlier."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest

from app.slots.rules import CutoffKind, closing_instant, specificity, wave_of
from app.values.window import local_window

LISBON = "Europe/Lisbon"
WEDNESDAY = date(2026, 11, 25)
EVENING = local_window(WEDNESDAY, time(19), time(20), LISBON)


@dataclass
class Cutoff:
    key: str
    kind: CutoffKind = CutoffKind.DAYS_BEFORE
    elapsed_min: int | None = None
    days_before: int | None = 0
    at_local: str | None = None
    weekdays: str | None = None
    template_id: str | None = None
    zone_id: str | None = None
    node_id: str | None = None
    wave_id: str | None = None


@dataclass
class Wave:
    id: str = "late"
    key: str = "late"
    node_id: str = "mfc"
    starts_from: str = "18:00"
    starts_until: str = "22:00"
    weekdays: str = "12345"
    pick_by: str = "17:00"
    pick_days_before: int = 0


USUAL = Cutoff("usual", CutoffKind.ELAPSED, elapsed_min=120)


def closes(*rules: Cutoff, waves: tuple[Wave, ...] = (), node: str = "mfc") -> datetime:
    return closing_instant(
        rules, waves, USUAL, template_id="t", zone_id="z", node_id=node, window=EVENING, zone=LISBON
    )


def at(hour: int, minute: int = 0, day: int = 25) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_the_template_says_when_until_a_narrower_rule_does() -> None:
    assert closes() == at(17)
    assert closes(Cutoff("store", at_local="12:00", node_id="store")) == at(17)
    assert closes(Cutoff("mfc", at_local="16:00", node_id="mfc")) == at(16)


def test_a_narrower_rule_may_close_later_than_a_wider_one() -> None:
    zone = Cutoff("zone", at_local="09:00", zone_id="z")
    pair = Cutoff("pair", at_local="18:30", zone_id="z", node_id="mfc")
    assert closes(zone) == at(9)
    assert closes(zone, pair) == at(18, 30)
    assert closes(zone, pair, node="store") == at(9)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (Cutoff("a", node_id="mfc"), Cutoff("b", zone_id="z")),
        (Cutoff("a", zone_id="z"), Cutoff("b", template_id="t")),
        (Cutoff("a", wave_id="late"), Cutoff("b", node_id="mfc")),
        (Cutoff("a", wave_id="late"), Cutoff("b", zone_id="z", template_id="t")),
        (Cutoff("a", zone_id="z", template_id="t"), Cutoff("b", node_id="mfc")),
    ],
)
def test_a_rule_is_narrower_the_more_it_names_and_node_goes_before_zone_before_window(
    narrow: Cutoff, wide: Cutoff
) -> None:
    assert specificity(narrow, narrow.wave_id) > specificity(wide, wide.wave_id)


def test_of_two_equally_narrow_rules_the_earlier_holds() -> None:
    assert closes(
        Cutoff("a", at_local="16:00", node_id="mfc"), Cutoff("b", at_local="15:00", node_id="mfc")
    ) == at(15)


def test_a_wave_closes_every_window_of_its_days_whatever_single_windows_say() -> None:
    wave = Cutoff("wed", CutoffKind.WAVE, days_before=1, at_local="18:00", weekdays="3")
    late = Cutoff("late", CutoffKind.ELAPSED, elapsed_min=5, template_id="t", zone_id="z", node_id="mfc")
    assert closes(wave, late) == at(18, day=24)
    thursday = Cutoff("thu", CutoffKind.WAVE, days_before=1, at_local="18:00", weekdays="4")
    assert closes(thursday, late) == at(18, 55)


def test_a_wave_never_closes_later_than_the_window_itself() -> None:
    early = Cutoff("early", at_local="10:00", template_id="t")
    wave = Cutoff("wed", CutoffKind.WAVE, days_before=0, at_local="16:00", weekdays="3")
    assert closes(early, wave) == at(10)


def test_nothing_is_ordered_from_a_node_after_its_wave_is_picked() -> None:
    late = Cutoff("late", CutoffKind.ELAPSED, elapsed_min=5, node_id="mfc")
    assert closes(late, waves=(Wave(),)) == at(17)
    assert closes(late, waves=(Wave(weekdays="67"),)) == at(18, 55)
    assert closes(late, waves=(Wave(pick_days_before=1, pick_by="22:00"),)) == at(22, day=24)


def test_a_rule_for_a_wave_holds_for_the_windows_that_it_feeds() -> None:
    rule = Cutoff("through the wave", at_local="15:30", wave_id="late")
    assert closes(rule, waves=(Wave(),)) == at(15, 30)
    assert closes(rule, waves=(Wave(starts_from="12:00", starts_until="18:00"),)) == at(17)
    assert closes(rule, waves=(Wave(),), node="store") == at(17)


def test_a_wave_feeds_by_the_local_hour_of_the_start_on_both_sides_of_a_clock_change() -> None:
    waves = [Wave(weekdays="1234567")]
    for day in (date(2027, 3, 27), date(2027, 3, 28), date(2026, 10, 25)):
        first = local_window(day, time(18), time(19), LISBON).start
        assert wave_of(waves, "mfc", first, LISBON) is waves[0]
        assert wave_of(waves, "mfc", first - timedelta(hours=1), LISBON) is None
        assert wave_of(waves, "mfc", first + timedelta(hours=4), LISBON) is None


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2026, 10, 25)])
def test_a_wave_is_counted_in_days_on_the_days_that_the_clocks_change(day: date) -> None:
    window = local_window(day, time(11), time(13), LISBON)
    wave = Cutoff("sun", CutoffKind.WAVE, days_before=1, at_local="18:00", weekdays="7")
    found = closing_instant(
        [wave], [], USUAL, template_id="t", zone_id="z", node_id=None, window=window, zone=LISBON
    )
    assert found == local_window(day - timedelta(days=1), time(18), time(19), LISBON).start
