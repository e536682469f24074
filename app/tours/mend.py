"""Bring further drops on tours that are published: the order of the stops that are there stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

from app.tours.problem import (
    Itinerary,
    Leg,
    PlannedTour,
    Routes,
    RoutingProblem,
    Vehicle,
    cost_of,
)
from app.tours.schedule import schedule
from app.values.load import Load

type Trips = tuple[tuple[Leg, ...], ...]


def mended(problem: RoutingProblem, orders: Sequence[Itinerary]) -> Routes:
    """The orders with every other drop where it adds the least way, as far as windows, loads and range allow.

    A stop that its tour cannot keep any more leaves it and is treated as the others. Drops with the narrowest
    windows come first, or those that are due first, whichever brings more. What fits nowhere is named.
    """
    kept = _kept(problem, orders)
    there = {drop for trips in kept.values() for trip in trips for drop, _ in trip}
    waiting = [drop for drop in range(len(problem.drops)) if drop not in there]
    turns = (
        sorted(waiting, key=lambda d: (_slack(problem, d), d)),
        sorted(waiting, key=lambda d: (min(w.closes_s for w in problem.drops[d].ways), d)),
    )
    found = [_routes(problem, _with(problem, kept, turn)) for turn in turns]
    return min(found, key=lambda routes: (len(routes.unserved), routes.cost_minor))


def _slack(problem: RoutingProblem, drop: int) -> int:
    return sum(way.closes_s - way.opens_s for way in problem.drops[drop].ways)


def _routes(problem: RoutingProblem, trips: dict[int, Trips]) -> Routes:
    tours = []
    for vehicle in sorted(trips):
        tour = schedule(problem, Itinerary(vehicle, trips[vehicle]))
        if tour is not None and tour.trips:
            tours.append(tour)
    there = {stop.drop for tour in tours for trip in tour.trips for stop in trip.stops}
    left = tuple(drop for drop in range(len(problem.drops)) if drop not in there)
    return Routes(tuple(tours), left, cost_of(problem, tours, left), 0, 0.0)


def _kept(problem: RoutingProblem, orders: Sequence[Itinerary]) -> dict[int, Trips]:
    """The orders, without the stops that they cannot keep: as few as can be, one after the other."""
    found: dict[int, Trips] = {}
    for order in orders:
        trips = order.trips
        while trips and _tour(problem, order.vehicle, trips) is None:
            trips = _one_fewer(problem, order.vehicle, trips)
        if trips:
            found[order.vehicle] = trips
    return found


def _one_fewer(problem: RoutingProblem, vehicle: int, trips: Trips) -> Trips:
    """Without the stop that makes it work, else without the last."""
    for t, trip in enumerate(trips):
        for s in range(len(trip)):
            rest = _tidy((*trips[:t], trip[:s] + trip[s + 1 :], *trips[t + 1 :]))
            if not rest or _tour(problem, vehicle, rest) is not None:
                return rest
    return _tidy((*trips[:-1], trips[-1][:-1]))


def _tidy(trips: Trips) -> Trips:
    return tuple(trip for trip in trips if trip)


def _with(problem: RoutingProblem, kept: dict[int, Trips], waiting: Sequence[int]) -> dict[int, Trips]:
    trips = dict(kept)
    for drop in waiting:
        for _, vehicle, changed in sorted(_places(problem, trips, drop), key=lambda place: place[0]):
            if _tour(problem, vehicle, changed) is not None:
                trips[vehicle] = changed
                break
    return trips


def _places(
    problem: RoutingProblem, trips: dict[int, Trips], number: int
) -> Iterator[tuple[float, int, Trips]]:
    """Everywhere a drop could go: what way it adds there, the vehicle and its trips then."""
    drop = problem.drops[number]
    for v, vehicle in enumerate(problem.vehicles):
        if not drop.needs <= vehicle.skills:
            continue
        mine = trips.get(v, ())
        for way in range(len(drop.ways)):
            if not drop.may(vehicle.kind, way):
                continue
            leg = (number, way)
            for t, trip in enumerate(mine):
                if not _holds(problem, vehicle, (*trip, leg)):
                    continue
                for s in range(len(trip) + 1):
                    changed = (*mine[:t], (*trip[:s], leg, *trip[s:]), *mine[t + 1 :])
                    yield _added(problem, vehicle, trip, s, leg), v, changed
            if len(mine) <= vehicle.reloads and _holds(problem, vehicle, (leg,)):
                for t in range(len(mine) + 1):
                    far = _added(problem, vehicle, (), 0, leg)
                    yield far + (0.0 if mine else vehicle.fixed_minor), v, (*mine[:t], (leg,), *mine[t:])


def _holds(problem: RoutingProblem, vehicle: Vehicle, trip: Sequence[Leg]) -> bool:
    load = reduce(add, (problem.drops[drop].load for drop, _ in trip), Load())
    return Load(load.orders, 0, load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml).fits(
        vehicle.capacity
    )


def _added(problem: RoutingProblem, vehicle: Vehicle, trip: Sequence[Leg], at: int, leg: Leg) -> float:
    """What the way that a stop adds costs."""
    metres = problem.travels[problem.kinds[vehicle.kind].travel].metres

    def place(one: Leg) -> int:
        return problem.drops[one[0]].ways[one[1]].place

    before = place(trip[at - 1]) if at else vehicle.start
    after = place(trip[at]) if at < len(trip) else vehicle.end
    direct = metres.at(before, after) if trip else 0
    far = metres.at(before, place(leg)) + metres.at(place(leg), after) - direct
    return far * vehicle.cost_minor_per_km / 1_000 + problem.drops[leg[0]].ways[leg[1]].dearer_minor


def _tour(problem: RoutingProblem, vehicle: int, trips: Trips) -> PlannedTour | None:
    """The tour of these trips, if it can be driven: times, loads, range, kinds, skills."""
    facts = problem.vehicles[vehicle]
    for trip in trips:
        if any(not problem.drops[drop].may(facts.kind, way) for drop, way in trip):
            return None
        if any(not problem.drops[drop].needs <= facts.skills for drop, _ in trip):
            return None
        if not _holds(problem, facts, trip):
            return None
    if len(trips) - 1 > facts.reloads:
        return None
    tour = schedule(problem, Itinerary(vehicle, trips))
    return tour if tour is not None and tour.distance_m <= facts.range_m else None
