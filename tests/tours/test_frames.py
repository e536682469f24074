"""What vehicles may do on tentative tours beside keeping windows: rest, and stay out of low-emission hours."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import orjson
import pytest

from app.allocation.solve.routes import route
from app.fleet.rules import Pace
from app.tours.arrange import arranged
from app.tours.as_problem import better, tour_problem, tours_of
from app.tours.check import check
from app.tours.drive import drive, steps_of
from app.tours.open_hours import closed_spans, longest_open, open_spans
from app.tours.packing import frame_from_bytes, frame_to_bytes
from app.tours.problem import RoutingLimits
from app.tours.records import reference_of
from app.tours.rules import BREAK_S, Frame, ZoneHours, parts_of
from app.tours.sheet import empty_sheet
from tests.tours.drawn import frame, hours, stop, vehicle

DAY_LONG = ZoneHours((60,) * 24, (10_000,) * 24, low_emission=tuple(range(8, 20)))


@pytest.fixture
def centre() -> Frame:
    """A van that burns fuel and a bike, in a zone that is closed to fuel from eight to eight."""
    van = vehicle("van", hours(8, 14), combustion=True)
    late = vehicle("van", hours(17, 22), combustion=True)
    return frame(van, late, vehicle("bike"), zones={"flat": DAY_LONG})


def test_a_short_shift_is_driven_through_and_a_long_one_has_its_break_at_the_node() -> None:
    evening, day = vehicle(shift=hours(16, 22)), vehicle(shift=hours(10, 18), range_m=40_000)
    assert parts_of(evening) == (evening,)
    before, after = parts_of(day)
    assert (before.shift.start, after.shift.end) == (day.shift.start, day.shift.end)
    assert before.shift.duration == timedelta(hours=3)
    assert after.shift.start - before.shift.end == timedelta(seconds=BREAK_S + day.reload_s)
    assert before.range_m + after.range_m == day.range_m
    assert before.range_m < after.range_m


def test_fuel_is_burnt_only_in_the_hours_of_a_window_that_are_left_to_it(centre: Frame) -> None:
    sheet = empty_sheet(centre)
    van, bike = sheet.groups["van"], sheet.groups["bike"]
    windows = [hours(18, 20), hours(19, 21), hours(20, 22), hours(12, 14), hours(19.5, 20.25)]
    asked = sheet.windows("flat", windows)
    for least, short in ((True, True), (False, False)):
        found = sheet.fit(stop().point, 240, (1, 1, 0, 0), asked, least=least, short=short)
        assert found.extra.shape == (2, len(windows))
        assert [extra < inf for extra in found.extra[van]] == [False, True, True, False, True]
        assert found.short[van, [0, 3]].tolist() == [inf, inf]
        assert (found.extra[bike, [0, 1, 2, 4]] < inf).all()
    assert centre.permitted("van", "flat", hours(19.5, 20.25)) == hours(20, 20.25)
    assert centre.permitted("bike", "flat", hours(19, 21)) == hours(19, 21)
    assert not centre.may("van", "flat", hours(18, 20))


def test_a_window_is_left_its_longest_stretch_the_first_of_equals_and_by_local_hours() -> None:
    assert longest_open(hours(8, 22), "UTC", {12, 17}) == hours(8, 12)
    assert longest_open(hours(8, 22), "UTC", {10, 17}) == hours(11, 17)
    assert longest_open(hours(10, 13), "UTC", {11}) == hours(10, 11)
    assert list(open_spans(hours(8, 22), "UTC", {8, 12, 21})) == [hours(9, 12), hours(13, 21)]
    assert list(closed_spans(hours(8.5, 22), "UTC", {8, 12, 13})) == [hours(8.5, 9), hours(12, 14)]
    assert longest_open(hours(8, 9), "UTC", {8}) is None
    # In India eight o'clock begins at half past two.
    assert longest_open(hours(2, 4), "Asia/Kolkata", {8}) == hours(2, 2.5)
    # The night of 25 October 2026 has the hour from one to two twice.
    night = hours(-24 * 31, -24 * 31 + 4)
    assert list(open_spans(night, "Europe/Lisbon", {1})) == [hours(-24 * 31 + 2, -24 * 31 + 4)]


def test_a_stop_keeps_out_of_them_also_when_it_is_moved(centre: Frame) -> None:
    sheet = empty_sheet(centre)
    night = stop(hours(20, 22), class_id="van")
    placed = sheet.inserted(night)
    assert placed is not None
    evening = replace(night, window=hours(18, 20))
    assert sheet.inserted(evening) is None
    assert placed.changed(evening) is None
    assert placed.changed(replace(night, window=hours(20, 21))) is not None
    assert sheet.inserted(replace(evening, class_id="bike")) is not None
    # Of a longer window the van has the end.
    longer = replace(night, window=hours(18, 21))
    for made in (placed.changed(longer), sheet.inserted(longer)):
        assert made is not None
        (visit,) = made.visits()
        assert (visit.record["opens"], visit.record["closes"]) == (20 * 3_600, 21 * 3_600 - 1)
        assert made.has_as_told(longer)
        assert drive(centre, steps_of(made, {longer.reference: longer})) == []


def test_driving_finds_fuel_that_is_burnt_in_a_low_emission_hour(centre: Frame) -> None:
    evening = stop(hours(18, 20), class_id="van")
    unheeding = empty_sheet(replace(centre, zones={})).inserted(evening)
    assert unheeding is not None
    (fault,) = drive(centre, steps_of(unheeding, {evening.reference: evening}))
    assert (fault.what, fault.reference) == ("late", evening.reference)


def test_tours_of_before_are_not_carried_over_into_hours_that_are_low_emission_now(centre: Frame) -> None:
    kept, lost = stop(hours(19, 21), class_id="van"), stop(hours(18, 20), class_id="van")
    before = arranged(replace(centre, zones={}), [kept, lost])
    assert len(before.placed) == 2
    after = arranged(centre, [kept, lost], before)
    assert [reference_of(record) for record in after.placed] == [kept.reference]
    assert [reference_of(record) for record in after.unplaced] == [lost.reference]


def test_better_tours_are_searched_for_in_the_hours_of_each_class(centre: Frame) -> None:
    """A bike has a long window whose end is left to the vans: the search gives it to one, who comes then."""
    told = stop(hours(18, 21))
    cheap = replace(centre, vehicles=tuple(replace(one, cost_minor_per_km=5 if one.combustion else 500)
                                           for one in centre.vehicles))  # fmt: skip
    sheet = empty_sheet(cheap).inserted(told)
    assert sheet is not None
    problem = tour_problem(sheet, {told.reference: {"van"}}, {told.reference: told})
    assert problem is not None
    van, bike = sheet.groups["van"], sheet.groups["bike"]
    (drop,) = problem.problem.drops
    assert [(way.opens_s // 3_600, way.kinds) for way in drop.ways] == [(18, (bike,)), (20, (van,))]
    routes = route(problem.problem, RoutingLimits(seconds=5, iterations=50), problem.start)
    assert check(problem.problem, routes) == []
    found = sheet.rearranged(tours_of(problem, routes), {told.reference: told})
    assert found.has_as_told(replace(told, class_id="van"))
    assert better(sheet, found)
    # And back, to the whole of its window.
    again = found.rearranged(
        [[told.reference] if one.class_id == "bike" else [] for one in centre.vehicles],
        {told.reference: told},
    )
    assert again.has_as_told(told)


def test_a_frame_is_read_as_it_was_written_and_an_older_one_as_it_was_meant(centre: Frame) -> None:
    packed = frame_to_bytes(centre)
    assert frame_from_bytes(packed) == centre
    told = orjson.loads(packed)
    # Before low-emission hours, and before paces were measured.
    told["zones"] = {zone: lists[:2] for zone, lists in told["zones"].items()}
    told["circuity_bp"] = 12_000
    for one in told["vehicles"]:
        del one["combustion"], one["pace"]
        one["speed_kmh"] = 18
    older = frame_from_bytes(orjson.dumps(told))
    assert not older.combustion
    assert older.may("van", "flat", hours(18, 20))
    assert {one.pace for one in older.vehicles} == {Pace(12_000, 200.0)}
