"""Insertion against a driver who tries every place, compiled code against plain Python."""

from dataclasses import replace
from itertools import pairwise, product
from math import dist, inf, isinf
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tours.drive import Step, drive, steps_of
from app.tours.insertion import PLAIN_PYTHON, compiled
from app.tours.rules import Frame, TourStop, seconds_per_leg, seconds_per_metre
from app.tours.sheet import Sheet, empty_sheet
from app.values.load import Load
from app.values.point import Point
from tests.tours.drawn import allowed, drawn_frame, drawn_stop, filled, frame, hours, stop, vehicle

SEEDS = st.integers(0, 2**32)


def fits(the_frame: Frame, tours: list[list[Step]], number: int, steps: list[Step]) -> bool:
    """Whether the tours are still kept when one of them is driven like this."""
    return not drive(the_frame, [steps if n == number else tour for n, tour in enumerate(tours)])


def overflows(the_frame: Frame, number: int, steps: list[Step]) -> bool:
    """Whether a trip of the tour holds too much, whatever the clock says."""
    faults = drive(the_frame, [steps if n == number else [] for n in range(len(the_frame.vehicles))])
    return any(f.what not in ("late", "after the shift", "beyond the range") for f in faults)


def brute_force(sheet: Sheet, placed: list[TourStop], one: TourStop) -> bool:
    """Whether any place on any tour of its class takes the stop, found by driving all of them."""
    the_frame, known = sheet.frame, {s.reference: s for s in placed}
    tours = steps_of(sheet, known)
    for number, tour in enumerate(tours):
        if the_frame.vehicles[number].class_id != one.class_id:
            continue
        for place in range(len(tour) + 1):
            for added in ([one], [None, one], [one, None]):
                steps = [*tour[:place], *added, *tour[place:]]
                if not overflows(the_frame, number, steps):
                    # The first way of loading that holds is the one that is driven.
                    if fits(the_frame, tours, number, steps):
                        return True
                    break
    return False


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_stop_is_taken_exactly_when_driving_every_place_finds_one(seed: int) -> None:
    rnd = Random(seed)
    sheet, placed = filled(rnd, drawn_frame(rnd), 14)
    for one in (drawn_stop(rnd) for _ in range(4)):
        assert (sheet.inserted(one) is not None) == brute_force(sheet, placed, one)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_times_after_each_change_are_those_of_driving_the_tours_anew(seed: int) -> None:
    rnd = Random(seed)
    sheet, placed = filled(rnd, drawn_frame(rnd), 20)
    known = {s.reference: s for s in placed}
    assert sheet.keeps_all
    assert drive(sheet.frame, steps_of(sheet, known)) == []
    anew_earliest, anew_latest = driven(sheet, known)
    found = list(sheet.visits())
    assert [v.earliest_s for v in found] == pytest.approx(anew_earliest)
    assert [v.latest_s for v in found] == pytest.approx(anew_latest)
    gone = [s.reference for s in placed if rnd.random() < 0.4]
    fewer = sheet.without(gone)
    assert fewer.keeps_all
    assert set(fewer.references()) == set(known) - set(gone)
    assert drive(fewer.frame, steps_of(fewer, known)) == []


def driven(sheet: Sheet, known: dict[str, TourStop]) -> tuple[list[float], list[float]]:
    """Earliest and latest beginnings of all steps, from the clock going forward and back again."""
    the_frame = sheet.frame
    earliest: list[float] = []
    latest: list[float] = []
    for number, tour in enumerate(steps_of(sheet, known)):
        one = the_frame.vehicles[number]
        start, end = the_frame.second(one.shift.start), the_frame.second(one.shift.end)
        per_m = seconds_per_metre(one.pace, the_frame.margin_bp)
        per_leg = seconds_per_leg(one.pace, the_frame.margin_bp)
        spots = [(0.0, 0.0), *(_spot(sheet, step) for step in tour), (0.0, 0.0)]
        slow = [1.0, *(_slow(the_frame, step) for step in tour), 1.0]
        legs = [
            (dist(a, b) * per_m + per_leg * (a != b)) * max(slow_a, slow_b)
            for (a, slow_a), (b, slow_b) in pairwise(zip(spots, slow, strict=True))
        ]
        within = [allowed(the_frame, one.class_id, s) if isinstance(s, TourStop) else None for s in tour]
        opens = [the_frame.second(window.start) if window else start for window in within]
        closes = [the_frame.last(window) if window else end for window in within]
        service = [_service(the_frame, number, step) for step in tour]
        at, gone = float(start), 0.0
        for open_s, leg, needs in zip(opens, legs[:-1], service, strict=True):
            at = max(at + gone + leg, open_s)
            gone = needs
            earliest.append(at)
        due, backwards = float(end), []
        for close_s, leg, needs in reversed(list(zip(closes, legs[1:], service, strict=True))):
            due = min(close_s, due - leg - needs)
            backwards.append(due)
        latest += reversed(backwards)
    return earliest, latest


def _spot(sheet: Sheet, step: Step) -> tuple[float, float]:
    return (0.0, 0.0) if step is None else sheet._ground(step.point)


def _slow(the_frame: Frame, step: Step) -> float:
    if not isinstance(step, TourStop):
        return 1.0
    return the_frame.streets(step.zone_id, step.window)[1] / 10_000


def _service(the_frame: Frame, number: int, step: Step) -> float:
    one = the_frame.vehicles[number]
    if not isinstance(step, TourStop):
        return float(one.reload_s)
    parking_s, _ = the_frame.streets(step.zone_id, step.window)
    return (step.at_door_s * one.handover_bp + parking_s * one.parking_bp) / 10_000


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_least_detour_and_the_nearest_miss_are_those_of_looking_at_every_gap(seed: int) -> None:
    rnd = Random(seed)
    sheet, placed = filled(rnd, drawn_frame(rnd), 20)
    known = {s.reference: s for s in placed}
    one = drawn_stop(rnd)
    windows = [hours(h, h + rnd.choice((1, 2, 4))) for h in range(6, 21, 2)]
    goods = (one.load.volume_ml, one.load.weight_g, one.load.chilled_ml, one.load.frozen_ml)
    asked = sheet.windows(one.zone_id, windows)
    least = sheet.fit(one.point, one.at_door_s, goods, asked, least=True)
    near = sheet.fit(one.point, one.at_door_s, goods, asked, short=True)
    quick = sheet.fit(one.point, one.at_door_s, goods, asked)
    for (class_id, group), (column, window) in product(sheet.groups.items(), enumerate(windows)):
        wanted = replace(one, class_id=class_id, window=window)
        extra, short = every_gap(sheet, known, wanted)
        assert least.extra[group, column] == pytest.approx(extra, abs=0.05)
        assert isinf(near.extra[group, column]) == isinf(quick.extra[group, column]) == isinf(extra)
        if isinf(extra):
            assert near.short[group, column] == pytest.approx(short, abs=0.05)


def every_gap(sheet: Sheet, known: dict[str, TourStop], one: TourStop) -> tuple[float, float]:
    """The least seconds a stop adds, else the least it misses by, over the gaps that open before its window
    ends and close after it begins."""
    extra = short = inf
    the_frame = sheet.frame
    visits = list(sheet.visits())
    within = allowed(the_frame, one.class_id, one)
    if within is None:
        return extra, short
    opens, closes = the_frame.second(within.start), the_frame.last(within)
    for number, tour in enumerate(steps_of(sheet, known)):
        one_vehicle = the_frame.vehicles[number]
        if one_vehicle.class_id != one.class_id:
            continue
        mine = [v for v in visits if v.tour == number]
        served = [v.earliest_s + _service(the_frame, number, s) for v, s in zip(mine, tour, strict=True)]
        leaves = [float(the_frame.second(one_vehicle.shift.start)), *served]
        due = [*(v.latest_s for v in mine), float(the_frame.second(one_vehicle.shift.end))]
        for place in range(len(tour) + 1):
            loading = loaded_as(the_frame, number, tour, place, one)
            if leaves[place] > closes or due[place] < opens or loading is None:
                continue
            ways = ways_of(sheet, number, tour, place, one, loading)
            if ways is None:
                continue
            there_s, back_s, gone_s = ways
            begins = max(leaves[place] + there_s, opens)
            until = min(closes, due[place] - _service(the_frame, number, one) - back_s)
            if begins > until:
                short = min(short, begins - until)
            else:
                extra = min(extra, there_s + back_s - gone_s)
    return extra, short


def loaded_as(
    the_frame: Frame, number: int, tour: list[Step], place: int, one: TourStop
) -> tuple[bool, bool] | None:
    """Whether the vehicle loads before or after it; None where its goods fit in no way."""
    for before, after in ((False, False), (True, False), (False, True)):
        steps = [*tour[:place], *[None] * before, one, *[None] * after, *tour[place:]]
        if not overflows(the_frame, number, steps):
            return before, after
    return None


def ways_of(
    sheet: Sheet, number: int, tour: list[Step], place: int, one: TourStop, loading: tuple[bool, bool]
) -> tuple[float, float, float] | None:
    """Seconds there, back, and of the way without it; None where that is beyond the range."""
    the_frame, vehicle_of = sheet.frame, sheet.frame.vehicles[number]
    per_m = seconds_per_metre(vehicle_of.pace, the_frame.margin_bp)
    per_leg = seconds_per_leg(vehicle_of.pace, the_frame.margin_bp)
    home = ((0.0, 0.0), 1.0)
    spots = [home, *((_spot(sheet, step), _slow(the_frame, step)) for step in tour), home]
    here = (sheet._ground(one.point), _slow(the_frame, one))
    before, after = loading
    there = [spots[place], *[home] * before, here]
    back = [here, *[home] * after, spots[place + 1]]
    gone = spots[place : place + 2]
    driven = _metres(spots) + _metres(there) + _metres(back) - _metres(gone)
    if vehicle_of.pace.street_m(driven) > vehicle_of.range_m:
        return None
    there_s, back_s, gone_s = (
        sum(
            (dist(p, q) * per_m + per_leg * (p != q)) * max(slow_p, slow_q)
            for (p, slow_p), (q, slow_q) in pairwise(legs)
        )
        for legs in (there, back, gone)
    )
    return there_s + vehicle_of.reload_s * before, back_s + vehicle_of.reload_s * after, gone_s


def _metres(legs: list[tuple[tuple[float, float], float]]) -> float:
    return sum(dist(p, q) for (p, _), (q, _) in pairwise(legs))


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_compiled_code_answers_like_plain_python(seed: int) -> None:
    rnd = Random(seed)
    sheet, _ = filled(rnd, drawn_frame(rnd), 20)
    fast = Sheet(sheet.frame, sheet.records, compiled())
    for name in ("earliest", "latest", "before", "trip", "length"):
        assert np.array_equal(getattr(sheet.laid, name), getattr(fast.laid, name))
    one = drawn_stop(rnd)
    asked = sheet.windows("steep", [hours(h, h + 2) for h in range(8, 20, 2)])
    for least, short in product((False, True), repeat=2):
        told = (one.point, one.at_door_s, (20_000, 4_000, 0, 0), asked)
        plain, quick = (it.fit(*told, least=least, short=short) for it in (sheet, fast))
        assert np.array_equal(plain.found, quick.found)


def test_the_least_detour_is_taken() -> None:
    east, west = Point(41.149, -8.59), Point(41.149, -8.63)
    sheet = empty_sheet(frame(vehicle(), vehicle()), PLAIN_PYTHON)
    for one in (stop(point=east), stop(point=west, class_id="bike")):
        found = sheet.inserted(one)
        assert found is not None
        sheet = found
    assert [v.tour for v in sheet.visits()] == [0, 0]
    near_east = stop(point=Point(41.149, -8.5905))
    found = sheet.inserted(near_east)
    assert found is not None
    order = [v.point.longitude for v in found.visits()]
    assert abs(order.index(-8.59) - order.index(-8.5905)) == 1


def test_a_trip_that_is_full_reloads() -> None:
    sheet = empty_sheet(frame(vehicle(stops_per_trip=2)), PLAIN_PYTHON)
    stops = [stop(hours(18, 22)) for _ in range(5)]
    for one in stops:
        found = sheet.inserted(one)
        assert found is not None
        sheet = found
    kinds = [int(v.record["kind"]) for v in sheet.visits()]
    assert sorted(kinds) == [0] * 5 + [1] * 2
    assert drive(sheet.frame, steps_of(sheet, {s.reference: s for s in stops})) == []
    nobody = sheet.without([s.reference for s in stops])
    assert len(nobody.records) == 0


def test_what_no_vehicle_holds_or_reaches_is_refused_and_missed_by_how_much() -> None:
    sheet = empty_sheet(frame(), PLAIN_PYTHON)
    assert sheet.inserted(stop(load=Load(0, 0, 500_000, 0, 0, 0))) is None
    assert sheet.inserted(stop(class_id="van")) is None
    assert sheet.inserted(stop(point=Point(41.6, -8.6))) is None
    asked = sheet.windows("flat", [hours(17, 18), hours(6, 7)])
    far = sheet.fit(Point(41.26, -8.607), 240, (1, 1, 0, 0), asked, short=True)
    assert isinf(far.extra[0, 0])
    assert 0 < far.short[0, 0] < inf
    assert sheet.fit(Point(41.149, -8.606), 240, (1, 1, 0, 0), asked).extra[0].tolist()[1] == inf


def test_unplaced_stops_are_kept_in_sight_and_can_be_taken_away() -> None:
    sheet = empty_sheet(frame(), PLAIN_PYTHON)
    lost = stop(class_id="van")
    sheet = sheet.settled(lost)
    assert (len(sheet.placed), len(sheet.unplaced)) == (0, 1)
    assert lost.reference in sheet
    assert len(sheet.without([lost.reference]).records) == 0


def test_a_larger_basket_stays_where_it_is_or_goes_elsewhere() -> None:
    one, other = stop(load=Load(0, 0, 90_000, 0, 0, 0)), stop(load=Load(0, 0, 90_000, 0, 0, 0))
    sheet = empty_sheet(frame(vehicle(reload_s=30_000)), PLAIN_PYTHON).settled(one).settled(other)
    same = sheet.changed(stop(reference=one.reference, load=Load(0, 0, 110_000, 0, 0, 0)))
    assert same is not None
    assert same.keeps_all
    assert sheet.changed(stop(reference=one.reference, load=Load(0, 0, 120_000, 0, 0, 0))) is None
    twice = empty_sheet(frame(vehicle(), vehicle()), PLAIN_PYTHON).settled(one).settled(other)
    assert twice.changed(stop(reference=one.reference, load=Load(0, 0, 190_000, 0, 0, 0))) is not None


def test_a_place_is_still_passed_where_the_way_without_it_would_be_slower() -> None:
    """Streets slow down with the stops they join, so a stop left out can make the way longer."""
    beside = stop(hours(17, 18), point=Point(41.149, -8.5481), at_door_s=0)
    steep = stop(hours(17, 17.6), zone_id="hilly", point=Point(41.149, -8.548))
    empty = empty_sheet(frame(), PLAIN_PYTHON)
    assert empty.inserted(steep) is None
    sheet = empty.settled(beside).settled(steep)
    assert len(sheet.unplaced) == 0
    left = sheet.without([beside.reference])
    assert left.keeps_all
    assert list(left.references()) == [steep.reference]
    assert [int(v.record["kind"]) for v in left.visits()] == [2, 0]
    assert drive(left.frame, steps_of(left, {steep.reference: steep})) == []
