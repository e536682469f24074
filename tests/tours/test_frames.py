"""What vehicles may do on tentative tours beside keeping windows: rest, and stay out of low-emission hours."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import orjson
import pytest

from app.tours.packing import frame_from_bytes, frame_to_bytes
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


def test_nothing_burns_fuel_where_a_low_emission_hour_lies_in_the_window(centre: Frame) -> None:
    sheet = empty_sheet(centre)
    van, bike = sheet.groups["van"], sheet.groups["bike"]
    asked = sheet.windows("flat", [hours(18, 20), hours(19, 21), hours(20, 22)])
    found = sheet.fit(stop().point, 240, (1, 1, 0, 0), asked)
    assert found.extra[van, :2].tolist() == [inf, inf]
    assert found.short[van, :2].tolist() == [inf, inf]
    assert found.extra[van, 2] < inf
    assert (found.extra[bike] < inf).all()


def test_a_stop_keeps_out_of_them_also_when_it_is_moved(centre: Frame) -> None:
    sheet = empty_sheet(centre)
    night = stop(hours(20, 22), class_id="van")
    placed = sheet.inserted(night)
    assert placed is not None
    evening = replace(night, window=hours(19, 22))
    assert sheet.inserted(evening) is None
    assert placed.changed(evening) is None
    assert placed.changed(replace(night, window=hours(20, 21))) is not None
    assert sheet.inserted(replace(evening, class_id="bike")) is not None


def test_a_frame_is_read_as_it_was_written_and_an_older_one_without_low_emission_hours(centre: Frame) -> None:
    packed = frame_to_bytes(centre)
    assert frame_from_bytes(packed) == centre
    told = orjson.loads(packed)
    told["zones"] = {zone: lists[:2] for zone, lists in told["zones"].items()}
    for one in told["vehicles"]:
        del one["combustion"]
    older = frame_from_bytes(orjson.dumps(told))
    assert not older.combustion
    assert older.may("van", "flat", hours(18, 20))
