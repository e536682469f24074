"""The routing problem as PyVRP's data, and orders there and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyvrp import (
    Activity,
    ActivityType,
    Client,
    ClientGroup,
    Depot,
    Location,
    ProblemData,
    Route,
    Solution,
    VehicleType,
)

from app.tours.problem import Drop, Grid, Itinerary, Leg, RoutingProblem, Vehicle, Way
from app.values.load import Load

# PyVRP's own declarations say no more of its tables than this.
type Table = np.ndarray[Any, np.dtype[np.int64]]

# PyVRP counts costs in whole numbers: thousandths of a minor unit, so that a metre has a price.
MILS = 1_000
# Metres and seconds of a way that a vehicle may not take: no tour has them, and no sum of them overflows.
_BARRED = 100_000_000
# No clock of a day comes here.
_NEVER = 1 << 40


@dataclass(frozen=True)
class LaidOut:
    """PyVRP's data; a client is a leg, a vehicle type the vehicles (by index) that are alike."""

    data: ProblemData
    legs: tuple[Leg | None, ...]
    fleets: tuple[tuple[int, ...], ...]
    reload_depots: tuple[int | None, ...]

    def solution(self, start: Sequence[Itinerary]) -> Solution:
        """The orders as PyVRP's; legs, vehicles and reloads that are no more are left out."""
        client = {leg: place for place, leg in enumerate(self.legs) if leg is not None}
        fleet_of = {vehicle: fleet for fleet, vehicles in enumerate(self.fleets) for vehicle in vehicles}
        routes = []
        seen: set[int] = set()
        for itinerary in start:
            fleet = fleet_of.get(itinerary.vehicle)
            if fleet is None:
                continue
            visits: list[Activity] = []
            for trip in itinerary.trips:
                known = [leg for leg in trip if leg in client and leg[0] not in seen]
                seen.update(drop for drop, _ in known)
                reload = self.reload_depots[fleet]
                if visits and known and reload is not None:
                    visits.append(Activity(ActivityType.DEPOT, reload))
                visits += [Activity(ActivityType.CLIENT, client[leg]) for leg in known]
            if visits:
                routes.append(Route(self.data, visits, fleet))
        return Solution(self.data, routes)

    def itineraries(self, solution: Solution, start: Sequence[Itinerary]) -> tuple[Itinerary, ...]:
        """PyVRP's routes, each given to the vehicle of its kind that had most of its drops before."""
        had = {one.vehicle: {drop for trip in one.trips for drop, _ in trip} for one in start}
        free = [list(fleet) for fleet in self.fleets]
        found = []
        for route in sorted(solution.routes(), key=lambda route: -route.num_clients()):
            trips = self._trips(route)
            drops = {drop for trip in trips for drop, _ in trip}
            if not drops:
                continue
            vehicles = free[route.vehicle_type()]
            vehicle = max(vehicles, key=lambda one: len(had.get(one, set()) & drops))
            vehicles.remove(vehicle)
            found.append(Itinerary(vehicle, trips))
        return tuple(sorted(found, key=lambda one: one.vehicle))

    def _trips(self, route: Route) -> tuple[tuple[Leg, ...], ...]:
        trips: list[list[Leg]] = [[]]
        for activity in route.schedule():
            if activity.is_depot():
                trips.append([])
            elif (leg := self.legs[activity.idx]) is not None:
                trips[-1].append(leg)
        return tuple(tuple(trip) for trip in trips if trip)


@dataclass(frozen=True)
class _Spot:
    """A row of the matrices: a place with, for a client, its way (by number too) and its drop.

    `door_s` is the least time at its door.
    """

    place: int
    way: Way | None = None
    drop: Drop | None = None
    door_s: int = 0
    number: int = 0


@dataclass(frozen=True)
class _Profile:
    """Vehicles that are as quick everywhere and may go to the same drops; `rests` is one that breaks."""

    kind: int
    skills: frozenset[str]
    rests: int | None


def lay_out(problem: RoutingProblem, resting: frozenset[int]) -> LaidOut:
    """The problem as PyVRP's data. The vehicles named in `resting` take their breaks at their node.

    Every way of a drop is a client of its own, one of a group where there are several, and every client a
    location of its own: what an hour adds to a way depends on the windows at its ends.
    """
    legs = [(drop, way) for drop, one in enumerate(problem.drops) for way in range(len(one.ways))]
    fleets, profiles = _alike(problem, resting)
    depots = _Depots(problem)
    spots = [_Spot(place) for place in depots.places]
    spots += [_spot(problem, leg) for leg in legs]
    breaks = [(v, b) for v in sorted(resting) for b in range(len(problem.vehicles[v].breaks))]
    spots += [_Spot(problem.vehicles[v].start) for v, _ in breaks]
    kept = _dimensions(problem)
    clients = [*_clients(problem, legs, len(depots.places), kept)]
    clients += [
        _rest(problem.vehicles[v], b, len(depots.places) + len(legs) + n, len(kept))
        for n, (v, b) in enumerate(breaks)
    ]
    tables = [
        _tables(problem, profile, spots, {len(spots) - len(breaks) + n: v for n, (v, _) in enumerate(breaks)})
        for profile in profiles
    ]
    types = [
        _type(
            problem.vehicles[fleet[0]],
            len(fleet),
            profiles.index(_profile(problem, fleet[0], resting)),
            depots,
            kept,
        )
        for fleet in fleets
    ]
    data = ProblemData(
        [Location(0, 0) for _ in spots],
        clients,
        depots.made,
        types,
        [table for table, _ in tables],
        [table for _, table in tables],
        _groups(problem),
    )
    return LaidOut(
        data,
        (*legs, *(None for _ in breaks)),
        tuple(fleets),
        tuple(depots.reload(problem.vehicles[fleet[0]]) for fleet in fleets),
    )


def _alike(problem: RoutingProblem, resting: frozenset[int]) -> tuple[list[tuple[int, ...]], list[_Profile]]:
    """The vehicles in groups that differ in nothing but their names, and the profiles they use."""
    fleets: dict[tuple[Vehicle, _Profile], list[int]] = {}
    for number, vehicle in enumerate(problem.vehicles):
        profile = _profile(problem, number, resting)
        fleets.setdefault((replace(vehicle, id=""), profile), []).append(number)
    return [tuple(fleet) for fleet in fleets.values()], list(dict.fromkeys(p for _, p in fleets))


def _profile(problem: RoutingProblem, number: int, resting: frozenset[int]) -> _Profile:
    vehicle = problem.vehicles[number]
    return _Profile(vehicle.kind, vehicle.skills, number if number in resting else None)


class _Depots:
    """Where vehicles start, end and load again; loading takes its time at a depot of its own."""

    def __init__(self, problem: RoutingProblem) -> None:
        self.places = sorted({place for one in problem.vehicles for place in (one.start, one.end)})
        reloading = {(one.start, one.reload_s) for one in problem.vehicles if one.reloads}
        self._known = [*((place, 0) for place in self.places), *sorted(one for one in reloading if one[1])]
        self.made = [
            Depot(self.places.index(place), service_duration=loading_s) for place, loading_s in self._known
        ]

    def at(self, place: int) -> int:
        return self._known.index((place, 0))

    def reload(self, vehicle: Vehicle) -> int | None:
        return self._known.index((vehicle.start, vehicle.reload_s)) if vehicle.reloads else None


def _spot(problem: RoutingProblem, leg: Leg) -> _Spot:
    drop = problem.drops[leg[0]]
    way = drop.ways[leg[1]]
    return _Spot(way.place, way, drop, min(way.at_door_s), leg[1])


def _dimensions(problem: RoutingProblem) -> list[str]:
    """What can run out: amounts of which all drops together are more than one vehicle has room for."""
    total = Load()
    for drop in problem.drops:
        total = total + drop.load
    names = ("orders", "volume_ml", "weight_g", "chilled_ml", "frozen_ml")
    return [
        name
        for name in names
        if getattr(total, name) > min(getattr(one.capacity, name) for one in problem.vehicles)
    ]


def _clients(
    problem: RoutingProblem, legs: Sequence[Leg], first: int, kept: Sequence[str]
) -> Iterable[Client]:
    groups = {number: group for group, number in enumerate(_several(problem))}
    for number, (place, way_number) in enumerate(legs):
        drop = problem.drops[place]
        way = drop.ways[way_number]
        dearest = max(one.dearer_minor for one in drop.ways)
        worth = dearest if drop.price_minor is None else drop.price_minor
        yield Client(
            first + number,
            delivery=[getattr(drop.load, name) for name in kept],
            service_duration=min(way.at_door_s),
            tw_early=max(0, way.opens_s),
            tw_late=max(0, way.closes_s),
            release_time=drop.ready_s,
            prize=max(0, worth - way.dearer_minor) * MILS if place in groups or drop.price_minor else 0,
            required=drop.price_minor is None and place not in groups,
            group=groups.get(place),
        )


def _rest(vehicle: Vehicle, number: int, location: int, dimensions: int) -> Client:
    pause = vehicle.breaks[number]
    return Client(
        location,
        delivery=[0] * dimensions,
        service_duration=pause.length_s,
        tw_early=pause.earliest_s,
        tw_late=pause.latest_s,
    )


def _several(problem: RoutingProblem) -> list[int]:
    return [number for number, drop in enumerate(problem.drops) if len(drop.ways) > 1]


def _groups(problem: RoutingProblem) -> list[ClientGroup]:
    first, starts = 0, []
    for drop in problem.drops:
        starts.append(first)
        first += len(drop.ways)
    return [
        ClientGroup(
            list(range(starts[number], starts[number] + len(problem.drops[number].ways))),
            required=problem.drops[number].price_minor is None,
        )
        for number in _several(problem)
    ]


def _type(
    vehicle: Vehicle, available: int, profile: int, depots: _Depots, kept: Sequence[str]
) -> VehicleType:
    reload = depots.reload(vehicle)
    kind = VehicleType(
        available,
        capacity=[getattr(vehicle.capacity, name) for name in kept],
        start_depot=depots.at(vehicle.start),
        end_depot=depots.at(vehicle.end),
        fixed_cost=vehicle.fixed_minor * MILS,
        tw_early=vehicle.starts_s,
        tw_late=vehicle.ends_s + vehicle.overtime_s,
        max_distance=vehicle.range_m,
        unit_distance_cost=vehicle.cost_minor_per_km,
        unit_duration_cost=_per_second(vehicle.cost_minor_per_h),
        profile=profile,
        reload_depots=[] if reload is None else [reload],
        max_reloads=vehicle.reloads,
    )
    if not vehicle.overtime_s:
        return kind
    # Counted from the begin of the shift, overtime is what the vehicle comes back too late.
    return kind.replace(
        start_late=vehicle.starts_s,
        shift_duration=vehicle.ends_s - vehicle.starts_s,
        max_overtime=vehicle.overtime_s,
        unit_overtime_cost=_per_second(vehicle.overtime_minor_per_h),
    )


def _per_second(minor_per_h: int) -> int:
    return round(minor_per_h * MILS / 3600)


def _tables(
    problem: RoutingProblem, profile: _Profile, spots: Sequence[_Spot], rests: dict[int, int]
) -> tuple[Table, Table]:
    """Metres and seconds between all spots; parking comes before a door, more time at it on the way on."""
    kind = profile.kind
    travel = problem.travels[problem.kinds[kind].travel]
    places = np.array([spot.place for spot in spots])
    metres, free = _square(travel.metres, places), _square(travel.seconds, places)
    elsewhere = places[:, None] != places[None, :]
    parking = np.array([spot.way.parking_s[kind] if spot.way else 0 for spot in spots], dtype=np.int64)
    doors = np.array([spot.way.at_door_s[kind] if spot.way else 0 for spot in spots], dtype=np.int64)
    least = np.array([spot.door_s for spot in spots], dtype=np.int64)
    to_park = parking[None, :] * elsewhere
    seconds = _slowest(problem, profile, spots, places, free, doors, to_park) + to_park
    seconds = seconds + (doors - least)[:, None]
    for number, spot in enumerate(spots):
        barred = spot.drop is not None and not _may(profile, spot.drop, spot.number)
        if barred or (number in rests and profile.rests != rests[number]):
            for table in (metres, seconds):
                table[number, :] = table[:, number] = _BARRED
    for table in (metres, seconds):
        np.fill_diagonal(table, 0)
    return metres, seconds


def _may(profile: _Profile, drop: Drop, way: int) -> bool:
    return drop.may(profile.kind, way) and drop.needs <= profile.skills


def _square(grid: Grid, places: Table) -> Table:
    table = np.frombuffer(grid.cells, dtype="<i4").reshape(grid.side, grid.side)
    square: Table = table[np.ix_(places, places)].astype(np.int64)
    return square


def _slowest(
    problem: RoutingProblem,
    profile: _Profile,
    spots: Sequence[_Spot],
    places: Table,
    free: Table,
    doors: Table,
    to_park: Table,
) -> Table:
    """Travel seconds at the slowest hour in which each way can be begun without missing its ends' windows.

    A way from i to j is begun after i's handover and early enough for j's; whoever is earlier waits first
    at i until it arrives when j opens. So the begin lies in [max(open_i + door_i, open_j - longest),
    min(close_i + door_i, close_j)], or at its left end where that is empty.
    """
    travel = problem.travels[problem.kinds[profile.kind].travel]
    if not travel.slower_bp:
        return free
    fleet = [one for one in problem.vehicles if (one.kind, one.skills) == (profile.kind, profile.skills)]
    home = (min(one.starts_s for one in fleet), max(one.ends_s + one.overtime_s for one in fleet))
    opens = np.array([spot.way.opens_s if spot.way else home[0] for spot in spots], dtype=np.int64)
    closes = np.array([spot.way.closes_s if spot.way else home[1] for spot in spots], dtype=np.int64)
    slower = np.array(travel.slower_bp, dtype=np.int64)[:, places]
    hours = [-(-free * (row[:, None] + row[None, :]) // 20_000) for row in slower]
    longest = np.maximum.reduce(hours) + to_park
    first = np.maximum((opens + doors)[:, None], opens[None, :] - longest)
    last = np.maximum(first, np.minimum((closes + doors)[:, None], closes[None, :]))
    ends = [*problem.bands_s[1:], _NEVER]
    found = np.zeros_like(free)
    for number, (begins_s, ends_s, table) in enumerate(zip(problem.bands_s, ends, hours, strict=True)):
        within = (last >= begins_s if number else True) & (first < ends_s)
        found = np.where(within, np.maximum(found, table), found)
    return found
