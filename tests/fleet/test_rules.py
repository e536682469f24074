"""Wages by the quarter of an hour, the time and cost of a drop, and its grams, against hand-made sums."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.seed import read_seed
from app.fleet.rules import (
    DropEstimate,
    Pace,
    PremiumKind,
    drop_estimate,
    pace_of_lines,
    premium_bp,
    wage_minor,
)
from app.values.window import Window, local_window

LISBON = "Europe/Lisbon"
PREMIUMS = {
    PremiumKind.EVENING: 2_500,
    PremiumKind.SATURDAY: 2_000,
    PremiumKind.SUNDAY: 5_000,
    PremiumKind.HOLIDAY: 10_000,
}
WEDNESDAY, SATURDAY, SUNDAY = date(2026, 11, 25), date(2026, 11, 28), date(2026, 11, 29)


def wage(day: date, start: str, end: str, *, holiday: bool = False, hourly: int = 1_700) -> int:
    shift = local_window(day, time.fromisoformat(start), time.fromisoformat(end), LISBON)
    return wage_minor(
        shift,
        zone=LISBON,
        wage_minor_per_h=hourly,
        premiums_bp=PREMIUMS,
        evening_from=time(18),
        holiday=holiday,
    )


@pytest.mark.parametrize(
    ("day", "start", "end", "holiday", "cents"),
    [
        (WEDNESDAY, "10:00", "18:00", False, 8 * 1_700),
        (WEDNESDAY, "14:00", "22:00", False, 4 * 1_700 + 4 * 1_700 * 5 // 4),
        (WEDNESDAY, "17:45", "18:15", False, 425 + 531),  # 531.25: a quarter of an hour on either side
        (SATURDAY, "07:30", "12:00", False, 4.5 * 1_700 * 1.2),
        (SATURDAY, "18:00", "22:00", False, 4 * 1_700 * 1.45),
        (SUNDAY, "10:00", "18:00", False, 8 * 1_700 * 1.5),
        (WEDNESDAY, "10:00", "18:00", True, 8 * 1_700 * 2),
        (SUNDAY, "18:00", "22:00", True, 4 * 1_700 * 2.25),  # the holiday's premium, not Sunday's on top
        (WEDNESDAY, "20:00", "00:00", False, 4 * 1_700 * 5 // 4),
    ],
    ids=["day", "into the evening", "a quarter each", "saturday", "saturday evening", "sunday", "holiday"]
    + ["holiday on a sunday", "until midnight"],
)
def test_each_quarter_of_an_hour_has_its_own_rate(
    day: date, start: str, end: str, holiday: bool, cents: float
) -> None:
    assert wage(day, start, end, holiday=holiday) == round(cents)


def test_a_shift_over_a_clock_change_is_paid_for_the_hours_it_lasts() -> None:
    back, forth = date(2026, 10, 25), date(2026, 3, 29)
    assert wage(back, "00:00", "04:00") == 5 * 1_700 * 1.5
    assert wage(forth, "00:00", "04:00") == 3 * 1_700 * 1.5


@given(minutes=st.integers(1, 600), start=st.integers(0, 23 * 60))
def test_a_wage_is_never_below_the_basic_one_nor_above_the_dearest(minutes: int, start: int) -> None:
    begin = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(minutes=start)
    shift = Window(begin, begin + timedelta(minutes=minutes))
    paid = wage_minor(
        shift, zone=LISBON, wage_minor_per_h=1_700, premiums_bp=PREMIUMS, evening_from=time(18), holiday=False
    )
    basic = 1_700 * minutes / 60
    assert basic - 1 <= paid <= basic * 1.45 + 1


def test_the_evening_begins_by_the_clock_on_the_wall() -> None:
    july = datetime(2026, 7, 1, 17, tzinfo=UTC)  # 18:00 in Lisbon, where it is summer
    assert premium_bp(july, LISBON, PREMIUMS, time(18), False) == 2_500
    assert premium_bp(july - timedelta(minutes=1), LISBON, PREMIUMS, time(18), False) == 0


def test_the_region_of_the_seed_has_holidays_of_its_own() -> None:
    city = read_seed().city
    here = holidays.country_holidays(city.country_code, subdiv=city.holiday_region)
    lisbon = holidays.country_holidays(city.country_code, subdiv="11")
    assert date(2026, 12, 8) in here
    assert (date(2026, 6, 24) in here, date(2026, 6, 24) in lisbon) == (True, False)


VAN_PACE = pace_of_lines(speed_kmh=28, circuity_bp=13_000)


@dataclass
class Van:
    pace: Pace = VAN_PACE
    cost_minor_per_100km: int = 2_900
    handover_bp: int = 10_000
    parking_bp: int = 10_000
    stops_per_trip: int = 36
    reload_s: int = 1_500


BIKE = Van(
    pace=pace_of_lines(speed_kmh=14, circuity_bp=13_000),
    cost_minor_per_100km=600,
    handover_bp=9_500,
    parking_bp=1_500,
    stops_per_trip=7,
    reload_s=480,
)


def van_drop(pace: Pace) -> DropEstimate:
    """A drop of a van in a slow hour, a long way out."""
    return drop_estimate(
        Van(),
        pace=pace,
        stem_m=5_400,
        between_m=700,
        parking_s=300,
        slowdown_bp=14_000,
        grams_per_km=345.8,
        carbon_minor_per_tonne=12_000,
    )


def test_a_drop_takes_its_share_of_the_way_parking_and_reloading() -> None:
    found = van_drop(VAN_PACE)
    # 2 x 5400 / 36 + 700 = 1000 m; 1000 m at 28 km/h x 1.4 = 180 s; + 300 s + 1500 / 36 s
    assert found.distance_m == 1_000
    assert found.work_s == round(180 + 300 + 1_500 / 36)
    assert found.grams == 346
    # 1 km x 29 cents + 345.8 g x 120 EUR a tonne = 4.15 cents
    assert found.cost_minor == round(29 + 4.1496)


def test_a_drop_has_a_way_to_it_and_its_share_of_the_one_home() -> None:
    found = van_drop(Pace(13_000, 200.0, leg_s=90, measured=True))
    assert found.distance_m == 1_000
    assert found.work_s == round((200 + 90 * 37 / 36) * 1.4 + 300 + 1_500 / 36)


def test_a_bike_parks_at_the_door_and_emits_next_to_nothing_but_not_nothing() -> None:
    def of(kind: Van, grams_per_km: float) -> tuple[int, int]:
        found = drop_estimate(
            kind,
            pace=kind.pace,
            stem_m=700,
            between_m=200,
            parking_s=420,
            slowdown_bp=10_000,
            grams_per_km=grams_per_km,
            carbon_minor_per_tonne=12_000,
        )
        return found.work_s, found.grams

    assert of(BIKE, 0.92) == (round(400 / (14 / 3.6) + 420 * 0.15 + 480 / 7), 1)
    assert of(Van(), 345.8)[1] == 83


@given(
    stem=st.integers(0, 20_000),
    between=st.integers(0, 3_000),
    slowdown=st.integers(10_000, 20_000),
    more=st.integers(1, 5_000),
)
def test_farther_and_slower_never_costs_less(stem: int, between: int, slowdown: int, more: int) -> None:
    def of(stem_m: int, slowdown_bp: int) -> tuple[int, int, int]:
        found = drop_estimate(
            Van(),
            pace=Van().pace,
            stem_m=stem_m,
            between_m=between,
            parking_s=60,
            slowdown_bp=slowdown_bp,
            grams_per_km=345.8,
            carbon_minor_per_tonne=12_000,
        )
        return found.work_s, found.cost_minor, found.grams

    near = of(stem, slowdown)
    assert all(a <= b for a, b in zip(near, of(stem + more, slowdown), strict=True))
    assert all(a <= b for a, b in zip(near, of(stem, slowdown + more), strict=True))


def test_every_emission_factor_of_the_seed_names_its_source_and_every_class_has_one() -> None:
    seed = read_seed()
    factors = {factor.id: factor for factor in seed.emission_factors}
    assert {kind.kind for kind in seed.vehicle_classes} == {"VAN", "ELECTRIC_VAN", "CARGO_BIKE", "E_SCOOTER"}
    for kind in seed.vehicle_classes:
        factor = factors[kind.emission_factor_id]
        assert factor.grams_per_km > 0
        assert factor.source
        assert str(factor.year) in factor.id
    diesel, electric, bike, scooter = (factors[kind.emission_factor_id] for kind in seed.vehicle_classes)
    assert diesel.grams_per_km > electric.grams_per_km > bike.grams_per_km > scooter.grams_per_km


def test_a_dearer_price_of_carbon_makes_only_the_dirty_vehicle_dearer() -> None:
    def cost(kind: Van, grams_per_km: float, carbon: int) -> int:
        return drop_estimate(
            replace(kind, stops_per_trip=1),
            pace=kind.pace,
            stem_m=5_000,
            between_m=0,
            parking_s=0,
            slowdown_bp=10_000,
            grams_per_km=grams_per_km,
            carbon_minor_per_tonne=carbon,
        ).cost_minor

    assert cost(Van(), 345.8, 100_000) - cost(Van(), 345.8, 0) == round(3_458 * 0.1)
    assert cost(BIKE, 0.92, 100_000) - cost(BIKE, 0.92, 0) == 1
