"""The pace of ways from a sample of them, and what tours that reckon with it keep on streets they know."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fleet.rules import Pace
from app.tours.drive import drive, steps_of
from app.tours.pace import ONE_PLACE_M, Way, fitted, sampled
from app.tours.rules import seconds_per_leg, seconds_per_metre
from app.values.point import Point, distance_m
from tests.tours.drawn import MIDNIGHT, NODE, ROOM, drawn_stop, filled, frame, hours, vehicle

__all__ = ["MIDNIGHT"]


def around(count: int, seed: int = 1) -> list[Point]:
    rnd = Random(seed)
    return [
        Point(NODE.latitude + rnd.uniform(-0.02, 0.02), NODE.longitude + rnd.uniform(-0.02, 0.02))
        for _ in range(count)
    ]


@given(
    detour=st.floats(1.0, 2.0),
    s_per_km=st.floats(60, 400),
    leg_s=st.integers(0, 200),
    seed=st.integers(0, 99),
)
def test_streets_that_keep_a_pace_are_measured_exactly(
    detour: float, s_per_km: float, leg_s: int, seed: int
) -> None:
    ways = [
        Way(straight, round(straight * detour), round(leg_s + straight * detour / 1_000 * s_per_km))
        for straight in (distance_m(a, b) for a, b in sampled(NODE, around(60, seed), seed=seed))
    ]
    found = fitted(ways)
    assert found is not None
    assert found.measured
    assert found.detour_bp == pytest.approx(detour * 10_000, rel=0.01)
    assert found.s_per_km == pytest.approx(s_per_km, rel=0.03)
    assert found.leg_s == pytest.approx(leg_s, abs=2)


def test_short_ways_that_are_quicker_than_their_share_have_one_figure() -> None:
    ways = [Way(m, m, m // 10 if m < 500 else m // 2) for m in range(100, 2_000, 10)]
    found = fitted(ways)
    assert found is not None
    assert found.leg_s == 0
    assert found.s_per_km * sum(way.street_m for way in ways) / 1_000 == pytest.approx(
        sum(way.street_s for way in ways), rel=0.01
    )


def test_a_few_ways_tell_nothing() -> None:
    assert fitted([Way(100, 130, 40)] * 29) is None
    assert fitted([]) is None


def test_a_sample_has_ways_there_and_back_between_different_places() -> None:
    places = around(12)
    found = sampled(NODE, [*places, places[0]])
    assert found == sampled(NODE, [*places, places[0]])
    assert {(b, a) for a, b in found} == set(found)
    assert all(distance_m(a, b) > ONE_PLACE_M for a, b in found)
    assert {place for pair in found for place in pair} == {NODE, *places}


def test_tours_by_the_pace_are_in_time_where_those_by_straight_lines_are_late() -> None:
    """Streets on which every way takes a minute and a half besides: the margin of lines is no match."""
    real = Pace(14_000, 300.0, 90, measured=True)
    streets_s = seconds_per_metre(real, 0), seconds_per_leg(real, 0)
    late = {}
    for pace in (Pace(13_000, 257.1), real):
        the_frame = frame(*(replace(vehicle(shift=hours(15, 22)), pace=pace, room=ROOM) for _ in range(3)))
        sheet, stops = filled(Random(3), the_frame, 150)
        assert len(stops) > 12
        reckoned_s = seconds_per_metre(pace, the_frame.margin_bp), seconds_per_leg(pace, the_frame.margin_bp)

        def takes(a: Point, b: Point, reckoned_s: tuple[float, float] = reckoned_s) -> float:
            metres = distance_m(a, b)
            told = reckoned_s[0] * metres + reckoned_s[1]
            return (streets_s[0] * metres + streets_s[1]) / told if told else 1.0

        steps = steps_of(sheet, {stop.reference: stop for stop in stops})
        late[pace] = [one for one in drive(the_frame, steps, streets=takes) if one.what == "late"]
    assert late[real] == []
    assert late[Pace(13_000, 257.1)] != []


def test_a_class_on_slow_streets_is_refused_what_lines_would_take() -> None:
    slow = Pace(20_000, 500.0, 200, measured=True)
    by_lines, _ = filled(Random(1), frame(), 80)
    by_streets, _ = filled(Random(1), frame(vehicle(pace=slow)), 80)
    assert len(by_streets.references()) < len(by_lines.references())
    one = replace(drawn_stop(Random(2)), class_id="bike")
    assert by_streets.frame.vehicles[0].pace == slow
    assert one.reference not in by_streets
