"""Verify tours without knowing how they were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from operator import add

from app.tours.problem import (
    PlannedStop,
    PlannedTour,
    Routes,
    RoutingProblem,
    Vehicle,
    cost_of,
    travel_s,
)
from app.values.load import Load


def check(problem: RoutingProblem, routes: Routes) -> list[str]:
    """What is wrong with the routes, each in a sentence; nothing when they can be driven as they stand.

    A drop left out is no fault of the routes: whoever asked for it looks at `unserved`.
    """
    return [
        *_every_drop_once(problem, routes),
        *_every_vehicle_once(problem, routes),
        *(wrong for tour in routes.tours for wrong in _tour(problem, tour)),
        *_cost(problem, routes),
    ]


def _every_drop_once(problem: RoutingProblem, routes: Routes) -> Iterator[str]:
    stops = Counter(stop.drop for tour in routes.tours for trip in tour.trips for stop in trip.stops)
    stops.update(routes.unserved)
    for number, drop in enumerate(problem.drops):
        if stops[number] != 1:
            yield f"Drop {drop.id} is planned {stops[number]} times."


def _every_vehicle_once(problem: RoutingProblem, routes: Routes) -> Iterator[str]:
    for vehicle, times in Counter(tour.vehicle for tour in routes.tours).items():
        if times != 1:
            yield f"Vehicle {problem.vehicles[vehicle].id} has {times} tours."


def _tour(problem: RoutingProblem, tour: PlannedTour) -> Iterator[str]:
    vehicle = problem.vehicles[tour.vehicle]
    name = f"Vehicle {vehicle.id}"
    if len(tour.trips) - 1 > vehicle.reloads:
        yield f"{name} loads {len(tour.trips)} times."
    if not tour.trips or not all(trip.stops for trip in tour.trips):
        yield f"{name} has a trip without stops."
        return
    if tour.trips[0].leaves_s < vehicle.starts_s:
        yield f"{name} leaves before its shift begins."
    overtime_s = max(0, tour.returns_s - vehicle.ends_s)
    if overtime_s != tour.overtime_s or overtime_s > vehicle.overtime_s:
        yield f"{name} is {overtime_s} s late home, {tour.overtime_s} s said, {vehicle.overtime_s} s allowed."
    for trip in tour.trips:
        load = reduce(add, (problem.drops[stop.drop].load for stop in trip.stops), Load())
        if not _carries(vehicle, load):
            yield f"{name} carries {load} and has room for {vehicle.capacity}."
        yield from (wrong for stop in trip.stops for wrong in _stop(problem, vehicle, stop))
    yield from _drives(problem, tour)
    yield from _reaches(problem, tour)
    yield from _rests(problem, tour)


def _carries(vehicle: Vehicle, load: Load) -> bool:
    room = vehicle.capacity
    return Load(load.orders, 0, load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml).fits(room)


def _stop(problem: RoutingProblem, vehicle: Vehicle, stop: PlannedStop) -> Iterator[str]:
    drop = problem.drops[stop.drop]
    way = drop.ways[stop.way]
    if drop.kinds and vehicle.kind not in drop.kinds:
        yield f"Vehicle {vehicle.id} is of a kind that may not bring drop {drop.id}."
    if way.kinds and vehicle.kind not in way.kinds:
        yield f"Vehicle {vehicle.id} is of a kind that may not bring drop {drop.id} in this window."
    if problem.kinds[vehicle.kind].combustion:
        for begins_s, ends_s in drop.low_emission_s:
            if begins_s <= stop.starts_s < ends_s:
                yield f"Vehicle {vehicle.id} burns fuel at drop {drop.id} in a low-emission hour."
    if not drop.needs <= vehicle.skills:
        yield f"Vehicle {vehicle.id} lacks {sorted(drop.needs - vehicle.skills)} for drop {drop.id}."
    if not way.opens_s <= stop.starts_s <= way.closes_s:
        yield f"Drop {drop.id} is begun at {stop.starts_s} s, not between {way.opens_s} and {way.closes_s} s."
    if stop.leaves_s - stop.starts_s != way.at_door_s[vehicle.kind]:
        yield f"Drop {drop.id} has {stop.leaves_s - stop.starts_s} s at the door."


def _drives(problem: RoutingProblem, tour: PlannedTour) -> Iterator[str]:
    """Whether every way can be driven in the time between what is done at its ends, and how far it is all."""
    vehicle = problem.vehicles[tour.vehicle]
    place, free_s = vehicle.start, vehicle.starts_s
    for number, trip in enumerate(tour.trips):
        if number:
            home_s = _soonest(problem, tour, place, vehicle.start, free_s)
            if home_s + vehicle.reload_s > trip.leaves_s:
                yield f"Vehicle {vehicle.id} leaves before it is loaded again."
        if any(problem.drops[stop.drop].ready_s > trip.leaves_s for stop in trip.stops):
            yield f"Vehicle {vehicle.id} leaves before its goods are ready."
        place, free_s = vehicle.start, trip.leaves_s
        for stop in trip.stops:
            drop = problem.drops[stop.drop]
            way = drop.ways[stop.way]
            if _soonest(problem, tour, place, way.place, free_s) > stop.arrives_s:
                yield f"Vehicle {vehicle.id} cannot be at drop {drop.id} so soon."
            parking_s = way.parking_s[vehicle.kind] if way.place != place else 0
            if stop.arrives_s + parking_s > stop.starts_s:
                yield f"Vehicle {vehicle.id} has no time to park at drop {drop.id}."
            place, free_s = way.place, stop.leaves_s
    if _soonest(problem, tour, place, vehicle.end, free_s) > tour.returns_s:
        yield f"Vehicle {vehicle.id} cannot be back so soon."


def _reaches(problem: RoutingProblem, tour: PlannedTour) -> Iterator[str]:
    """Whether the metres are those of the order, and no more than the vehicle can drive."""
    vehicle = problem.vehicles[tour.vehicle]
    metres = problem.travels[problem.kinds[vehicle.kind].travel].metres
    places = [vehicle.start]
    for trip in tour.trips:
        places += [problem.drops[stop.drop].ways[stop.way].place for stop in trip.stops]
        places.append(vehicle.start)
    places[-1] = vehicle.end
    far_m = sum(metres.at(origin, goal) for origin, goal in pairwise(places))
    if far_m != tour.distance_m:
        yield f"Vehicle {vehicle.id} drives {far_m} m, {tour.distance_m} m said."
    if far_m > vehicle.range_m:
        yield f"Vehicle {vehicle.id} drives {far_m} m and reaches {vehicle.range_m} m."


def _soonest(problem: RoutingProblem, tour: PlannedTour, origin: int, goal: int, free_s: int) -> int:
    """When a vehicle that is free at `free_s` can be at the goal, after a pause that begins then or later.

    A pause belongs to the way on which it lies: between being free and the next thing done.
    """
    kind = problem.vehicles[tour.vehicle].kind
    for pause in sorted(tour.breaks, key=lambda one: one.starts_s):
        if pause.starts_s >= free_s and pause.starts_s < _next_done(tour, free_s):
            free_s = pause.ends_s
    leaving = [free_s, *(begins_s for begins_s in problem.bands_s if begins_s > free_s)]
    return min(at_s + travel_s(problem, kind, origin, goal, at_s) for at_s in leaving)


def _next_done(tour: PlannedTour, free_s: int) -> int:
    """When the next handover begins, or the vehicle is back."""
    starts = [stop.starts_s for trip in tour.trips for stop in trip.stops if stop.starts_s >= free_s]
    return min([*starts, tour.returns_s])


def _rests(problem: RoutingProblem, tour: PlannedTour) -> Iterator[str]:
    vehicle = problem.vehicles[tour.vehicle]
    taken = {pause.number: pause for pause in tour.breaks}
    for number, due in enumerate(vehicle.breaks):
        pause = taken.get(number)
        if pause is None:
            if tour.returns_s > due.latest_s:
                yield f"Vehicle {vehicle.id} is out at {due.latest_s} s and has had no break."
        elif not due.earliest_s <= pause.starts_s <= due.latest_s:
            yield f"Vehicle {vehicle.id} breaks at {pause.starts_s} s, outside its time."
        elif pause.ends_s - pause.starts_s != due.length_s:
            yield f"Vehicle {vehicle.id} breaks for {pause.ends_s - pause.starts_s} s."


def _cost(problem: RoutingProblem, routes: Routes) -> Iterator[str]:
    costs = cost_of(problem, routes.tours, routes.unserved)
    if abs(costs - routes.cost_minor) > 0.01 + abs(costs) * 1e-6:
        yield f"The routes cost {costs:.2f}, {routes.cost_minor:.2f} said."
