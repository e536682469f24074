"""The routing problem of one node and day, and its answer, as frozen values that can be stored and replayed.

Seconds count from `begins_at`; places, kinds, drops and vehicles are named by their index.
Money is in minor units; metres, grams and millilitres are whole.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from app.values.load import Load

# A drop and which of its ways is taken.
type Leg = tuple[int, int]

# What it costs to leave out a drop that must be brought, where no tour can: far above any detour.
LAST_RESORT_MINOR = 10_000


@dataclass(frozen=True, slots=True)
class Grid:
    """A square table of whole numbers from place to place: rows one after the other, four bytes each."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    side: int
    cells: bytes

    @staticmethod
    def of(rows: Sequence[Sequence[int]]) -> Grid:
        """The table with these rows; raises ValueError unless it is square."""
        if any(len(row) != len(rows) for row in rows):
            raise ValueError("a table from place to place is square")
        return Grid(len(rows), array("i", [cell for row in rows for cell in row]).tobytes())

    def at(self, origin: int, goal: int) -> int:
        """The number of the way from one place to another."""
        cell = 4 * (origin * self.side + goal)
        return int.from_bytes(self.cells[cell : cell + 4], "little", signed=True)


@dataclass(frozen=True, slots=True)
class Travel:
    """How one way of moving gets about: metres, free-flow seconds, and how much slower at what time.

    `slower_bp` has a row per band of the problem with a figure per place, in basis points of free flow: a
    way is slowed by the mean of its two ends. No rows: never slower. `source` names who gave the times.
    """

    name: str
    source: str
    metres: Grid
    seconds: Grid
    slower_bp: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """Vehicles that are alike in how they travel, park and hand over; `travel` is their row of `travels`.

    With `combustion` they hand nothing over in low-emission hours.
    """

    id: str
    name: str
    travel: int
    combustion: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """A pause of a driver who is out at `latest_s`; it begins between `earliest_s` and `latest_s`."""

    earliest_s: int
    latest_s: int
    length_s: int


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle with its driver's shift; `capacity` is that of one trip, its `work_s` is not looked at.

    It starts and ends at places, may come back for `reloads` further trips of `reload_s` each, and drives
    `range_m` at most on all of them. Overtime is what it comes back after `ends_s`, at most `overtime_s`.
    """

    id: str
    kind: int
    start: int
    end: int
    starts_s: int
    ends_s: int
    capacity: Load
    range_m: int
    cost_minor_per_km: int
    cost_minor_per_h: int = 0
    fixed_minor: int = 0
    overtime_s: int = 0
    overtime_minor_per_h: int = 0
    reloads: int = 0
    reload_s: int = 0
    breaks: tuple[Break, ...] = ()
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Way:
    """One acceptable way to serve a drop: where, in which window, and how long it takes each kind.

    `opens_s` and `closes_s` are the first and the last second at which the handover may begin; parking comes
    before it, unless the vehicle is parked at that place already. `dearer_minor` is what the way costs beside
    the others of the drop. It is for these `kinds` only, of those of the drop; none named: for all of them.
    """

    place: int
    opens_s: int
    closes_s: int
    at_door_s: tuple[int, ...]
    parking_s: tuple[int, ...]
    dearer_minor: int = 0
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """What is to be brought: one of its ways is taken, by one of `kinds` (none named: by any).

    `price_minor` is what leaving it out costs; None when it must be brought if any
    tour can. `ready_s` is when its goods can be loaded, `needs` the skills of its vehicle.
    `low_emission_s` are the spans of seconds, ends not included, in which combustion engines may not come.
    """

    id: str
    load: Load
    ways: tuple[Way, ...]
    kinds: tuple[int, ...] = ()
    needs: frozenset[str] = frozenset()
    ready_s: int = 0
    price_minor: int | None = None
    low_emission_s: tuple[tuple[int, int], ...] = ()

    def may(self, kind: int, way: int) -> bool:
        """Whether vehicles of a kind may bring it in one of its ways."""
        return not _outside(kind, self.kinds) and not _outside(kind, self.ways[way].kinds)


def _outside(kind: int, kinds: tuple[int, ...]) -> bool:
    return bool(kinds) and kind not in kinds


@dataclass(frozen=True, slots=True)
class Itinerary:
    """The order of one vehicle: its trips, each the legs of its stops."""

    vehicle: int
    trips: tuple[tuple[Leg, ...], ...]


@dataclass(frozen=True, slots=True)
class RoutingProblem:
    """All that tours are told. `bands_s` are the seconds at which streets change their speed, 0 first."""

    begins_at: datetime
    currency: str
    places: int
    travels: tuple[Travel, ...]
    kinds: tuple[Kind, ...]
    vehicles: tuple[Vehicle, ...]
    drops: tuple[Drop, ...]
    bands_s: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class RoutingLimits:
    """How long to search: seconds, iterations (the earlier ends it; only these repeat exactly), a seed."""

    seconds: float = 20.0
    iterations: int | None = None
    seed: int = 1


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A stop: `arrives_s` before parking, `starts_s` when the handover begins, `leaves_s` after it."""

    drop: int
    way: int
    arrives_s: int
    starts_s: int
    leaves_s: int


@dataclass(frozen=True, slots=True)
class PlannedTrip:
    """From one loading to the next: when the vehicle leaves its place of loading, and the stops."""

    leaves_s: int
    stops: tuple[PlannedStop, ...]


@dataclass(frozen=True, slots=True)
class PlannedBreak:
    """A pause, by its place among the vehicle's breaks."""

    number: int
    starts_s: int
    ends_s: int


@dataclass(frozen=True, slots=True)
class PlannedTour:
    """What one vehicle does in its shift, with its times."""

    vehicle: int
    trips: tuple[PlannedTrip, ...]
    breaks: tuple[PlannedBreak, ...]
    returns_s: int
    distance_m: int
    overtime_s: int

    @property
    def itinerary(self) -> Itinerary:
        """The order without the times."""
        return Itinerary(
            self.vehicle, tuple(tuple((s.drop, s.way) for s in trip.stops) for trip in self.trips)
        )


@dataclass(frozen=True, slots=True)
class Routes:
    """The answer: tours of the vehicles that go out, drops left out, what it costs, and how it was found."""

    tours: tuple[PlannedTour, ...]
    unserved: tuple[int, ...]
    cost_minor: float
    iterations: int
    solver_s: float

    @property
    def itineraries(self) -> tuple[Itinerary, ...]:
        """The orders of all vehicles: where a next search may start."""
        return tuple(tour.itinerary for tour in self.tours)


_PROBLEM = TypeAdapter(RoutingProblem)
_ROUTES = TypeAdapter(Routes)
_LIMITS = TypeAdapter(RoutingLimits)
_START = TypeAdapter(tuple[Itinerary, ...])


def routing_to_json(problem: RoutingProblem) -> bytes:
    """The problem as one line of JSON."""
    return _PROBLEM.dump_json(problem)


def routing_from_json(text: bytes) -> RoutingProblem:
    """The problem that was written; raises ValueError for anything else."""
    return _PROBLEM.validate_json(text)


def routes_to_json(routes: Routes) -> bytes:
    """The routes as one line of JSON."""
    return _ROUTES.dump_json(routes)


def routes_from_json(text: bytes) -> Routes:
    """The routes that were written; raises ValueError for anything else."""
    return _ROUTES.validate_json(text)


def routing_limits_to_json(limits: RoutingLimits) -> bytes:
    """The limits as one line of JSON."""
    return _LIMITS.dump_json(limits)


def routing_limits_from_json(text: bytes) -> RoutingLimits:
    """The limits that were written; raises ValueError for anything else."""
    return _LIMITS.validate_json(text)


def start_to_json(start: Sequence[Itinerary]) -> bytes:
    """The orders to start from as one line of JSON."""
    return _START.dump_json(tuple(start))


def start_from_json(text: bytes) -> tuple[Itinerary, ...]:
    """The orders that were written; raises ValueError for anything else."""
    return _START.validate_json(text)


def travel_s(problem: RoutingProblem, kind: int, origin: int, goal: int, at_s: int) -> int:
    """Seconds from place to place for a kind that leaves at `at_s`."""
    travel = problem.travels[problem.kinds[kind].travel]
    free_s = travel.seconds.at(origin, goal)
    if not travel.slower_bp:
        return free_s
    slower = travel.slower_bp[max(0, bisect_right(problem.bands_s, at_s) - 1)]
    return -(-free_s * (slower[origin] + slower[goal]) // 20_000)


def cost_of(problem: RoutingProblem, tours: Sequence[PlannedTour], unserved: Sequence[int]) -> float:
    """What tours cost in minor units: vehicles, metres, hours, overtime, dearer ways and drops left out."""
    prices = (problem.drops[drop].price_minor for drop in unserved)
    total = float(sum(LAST_RESORT_MINOR if price is None else price for price in prices))
    for tour in tours:
        vehicle = problem.vehicles[tour.vehicle]
        out_s = tour.returns_s - tour.trips[0].leaves_s
        total += vehicle.fixed_minor + tour.distance_m * vehicle.cost_minor_per_km / 1000
        total += (out_s * vehicle.cost_minor_per_h + tour.overtime_s * vehicle.overtime_minor_per_h) / 3600
        for drop, way in (leg for trip in tour.itinerary.trips for leg in trip):
            total += problem.drops[drop].ways[way].dearer_minor
    return total
