"""Drops that come on top of published tours: the order that is there stays, and everything is driven in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.tours.check import check
from app.tours.mend import mended
from app.tours.problem import Drop, Grid, Itinerary, Kind, RoutingProblem, Travel, Vehicle, Way
from app.values.load import Load

HOUR = 3_600


def line(*drops: Drop, vehicles: int = 1, **changes: Any) -> RoutingProblem:
    """Places on a line, 600 m and a minute apart, the node first."""
    places = 8
    far = [[600 * abs(a - b) for b in range(places)] for a in range(places)]
    late = [[60 * abs(a - b) for b in range(places)] for a in range(places)]
    van = Vehicle(
        id="van", kind=0, start=0, end=0, starts_s=0, ends_s=3 * HOUR, capacity=Load(4, 0, 100, 100, 0, 0),
        range_m=100_000, cost_minor_per_km=30, reloads=3, reload_s=300,
    )  # fmt: skip
    return RoutingProblem(
        begins_at=datetime(2026, 11, 25, tzinfo=UTC),
        currency="EUR",
        places=places,
        travels=(Travel("van", "made by hand", Grid.of(far), Grid.of(late)),),
        kinds=(Kind("van", "Van", 0),),
        vehicles=tuple(replace(van, id=f"van {n}", **changes) for n in range(vehicles)),
        drops=drops,
    )


def drop(name: str, place: int, opens: int = 0, closes: int = 2 * HOUR, ready_s: int = 0) -> Drop:
    way = Way(place, opens, closes, at_door_s=(120,), parking_s=(0,))
    return Drop(name, Load(1, 0, 10, 10, 0, 0), (way,), ready_s=ready_s)


def order_of(problem: RoutingProblem, orders: list[Itinerary]) -> list[list[list[str]]]:
    routes = mended(problem, orders)
    assert check(problem, routes) == []
    return [[[problem.drops[s.drop].id for s in trip.stops] for trip in tour.trips] for tour in routes.tours]


def test_a_drop_goes_between_others_where_it_adds_least_and_their_order_stays() -> None:
    # The order of before is a poor one, on purpose: nobody unloads a van to better it.
    problem = line(drop("far", 5), drop("near", 1), drop("new", 4))
    assert order_of(problem, [Itinerary(0, (((0, 0), (1, 0)),))]) == [[["new", "far", "near"]]]


def test_a_full_trip_is_left_alone_and_another_one_follows() -> None:
    problem = line(*(drop(f"d{n}", n + 1, closes=2_400) for n in range(4)), drop("new", 2))
    full = Itinerary(0, (((0, 0), (1, 0), (2, 0), (3, 0)),))
    assert order_of(problem, [full]) == [[["new"], ["d0", "d1", "d2", "d3"]]]
    late = replace(problem, drops=(*problem.drops[:4], drop("new", 2, ready_s=HOUR)))
    assert order_of(late, [full]) == [[["d0", "d1", "d2", "d3"], ["new"]]]


def test_windows_loads_range_and_kinds_are_kept_and_what_fits_nowhere_is_named() -> None:
    first = drop("first", 7, closes=420)
    problem = line(first, drop("before", 1, closes=100))
    routes = mended(problem, [Itinerary(0, (((0, 0),),))])
    assert (routes.unserved, check(problem, routes)) == ((1,), [])
    two = line(first, drop("before", 1, closes=100), vehicles=2)
    assert order_of(two, [Itinerary(0, (((0, 0),),))]) == [[["first"]], [["before"]]]
    short = line(drop("one", 1), drop("far", 7), range_m=2_000)
    assert mended(short, [Itinerary(0, (((0, 0),),))]).unserved == (1,)
    barred = line(drop("one", 1), replace(drop("new", 2), kinds=(1,)))
    assert mended(barred, [Itinerary(0, (((0, 0),),))]).unserved == (1,)


def test_a_drop_has_the_window_of_the_kind_that_comes() -> None:
    new = drop("new", 2)
    apart = (replace(new.ways[0], kinds=(1,)), replace(new.ways[0], opens_s=HOUR, kinds=(0,)))
    problem = line(drop("one", 1), replace(new, ways=apart))
    routes = mended(problem, [Itinerary(0, (((0, 0),),))])
    (late,) = [stop for trip in routes.tours[0].trips for stop in trip.stops if stop.drop == 1]
    assert (late.way, late.starts_s, check(problem, routes)) == (1, HOUR, [])
    theirs = line(drop("one", 1), replace(new, ways=apart[:1]))
    assert mended(theirs, [Itinerary(0, (((0, 0), (1, 0)),))]).unserved == (1,)


def test_stops_that_a_tour_cannot_keep_any_more_leave_it_and_the_others_stay() -> None:
    # It begins an hour later than it was planned for: one of its three is lost, and another van takes it.
    problem = line(drop("a", 1), drop("b", 2, closes=HOUR), drop("c", 3), vehicles=2)
    late = replace(problem.vehicles[0], starts_s=HOUR)
    problem = replace(problem, vehicles=(late, problem.vehicles[1]))
    assert order_of(problem, [Itinerary(0, (((0, 0), (1, 0), (2, 0)),))]) == [[["a", "c"]], [["b"]]]


def test_a_stop_that_its_vehicle_cannot_bring_any_more_goes_to_one_that_can() -> None:
    wine = replace(drop("wine", 2), needs=frozenset({"AGE_CHECK"}))
    problem = line(drop("a", 1), wine, drop("b", 3), vehicles=2)
    able = replace(problem.vehicles[1], skills=frozenset({"AGE_CHECK"}))
    problem = replace(problem, vehicles=(problem.vehicles[0], able))
    assert order_of(problem, [Itinerary(0, (((0, 0), (1, 0), (2, 0)),))]) == [[["a", "b"]], [["wine"]]]
    nobody = replace(problem, vehicles=problem.vehicles[:1])
    assert mended(nobody, [Itinerary(0, (((0, 0), (1, 0), (2, 0)),))]).unserved == (1,)
