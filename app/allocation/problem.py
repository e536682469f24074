"""The capacity plan's question and answer, as frozen values that can be stored and replayed.

Indices instead of ids keep them small: an arc names a fleet, a zone and a bucket of its day.
Seconds, metres, grams and minor units throughout; windows are UTC.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import date

from pydantic import TypeAdapter

from app.allocation.travel import between_m
from app.values.window import Window


@dataclass(frozen=True, slots=True)
class Node:
    """A node: what its door lets through, and its drivers' hours in each week of the plan."""

    id: str
    name: str
    door_orders_per_h: int
    hours: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The vehicles of one class at one node; volumes and weights are those of one vehicle.

    `minor_per_m` and `grams_per_m` are what a metre costs, carbon included, and emits; `combustion` keeps
    them out of streets at their low-emission hours.
    """

    node: int
    class_id: str
    class_name: str
    kind: str
    vehicles: int
    range_m: int
    small_orders_only: bool
    stops_per_trip: int
    volume_ml: int
    weight_g: int
    chilled_ml: int
    frozen_ml: int
    combustion: bool = False
    minor_per_m: float = 0.0
    grams_per_m: float = 0.0
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Customers of a zone who accept the same buckets: (bucket, minor units it takes to move them there)."""

    zone: int
    orders: float
    accepts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Arc:
    """A fleet serving a zone in a bucket: what one drop takes. `work_s` includes the usual handover.

    With `spread_m` (see `travel`) the way between drops comes on top, at `s_per_m`; `placed` drops are there
    already. `stem_m` is the way out and back of a whole trip; `reload_node` the centre where it loads again,
    if that is nearer than its own node.
    """

    fleet: int
    zone: int
    bucket: int
    work_s: int
    travel_s: int
    handover_bp: int
    distance_m: int
    cost_minor: float
    grams: int
    spread_m: int = 0
    s_per_m: float = 0.0
    placed: int = 0
    stem_m: int = 0
    reload_node: int | None = None


@dataclass(frozen=True, slots=True)
class ShiftOption:
    """A shift that one vehicle of a fleet may work: its cost, paid hours and the buckets it covers."""

    fleet: int
    pattern_id: str
    window: Window
    hours: float
    cost_minor: int
    covers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What holds and bookings already occupy of a fleet's bucket; the plan must keep room for it."""

    fleet: int
    bucket: int
    work_s: int
    orders: int


@dataclass(frozen=True, slots=True)
class Wave:
    """Orders that a node can pick for some buckets in one go, and how many of them are taken already."""

    node: int
    buckets: tuple[int, ...]
    orders: int
    taken: int


@dataclass(frozen=True, slots=True)
class OpeningRule:
    """A zone whose buckets are opened one by one: from `least` to `most` of them, each at a cost, and each
    visited. `service_bp` of the zone's demand shall be served; what is missing is priced, never forbidden."""

    zone: int
    least: int
    most: int
    cost_minor: int
    service_bp: int


@dataclass(frozen=True, slots=True)
class DayProblem:
    """One local day; `week` is its place among the weeks of the plan.

    `low_emission` are the (zone, bucket) where combustion engines may not go. Zones without an opening rule
    are open wherever it pays to serve them. `out` are the (fleet, bucket) with so many vehicles that are out.
    """

    day: date
    week: int
    buckets: tuple[Window, ...]
    groups: tuple[Group, ...]
    arcs: tuple[Arc, ...]
    shifts: tuple[ShiftOption, ...]
    taken: tuple[Taken, ...]
    waves: tuple[Wave, ...] = ()
    low_emission: tuple[tuple[int, int], ...] = ()
    openings: tuple[OpeningRule, ...] = ()
    out: tuple[tuple[int, int, int], ...] = ()

    def most_vehicles(self, fleet: int, bucket: int, vehicles: int) -> int:
        """How many of a fleet's vehicles can be on the road in a bucket."""
        return max(0, vehicles - sum(count for f, b, count in self.out if (f, b) == (fleet, bucket)))

    def bucket_s(self, bucket: int) -> int:
        """Elapsed seconds of a bucket."""
        return int(self.buckets[bucket].duration.total_seconds())


@dataclass(frozen=True, slots=True)
class Problem:
    """All a capacity plan is told. `usable_bp` is the share of shift time that can be sold,
    `small_orders_bp` the share of orders small enough for a small vehicle, `margin_minor` the
    contribution of an order before delivery, `at_door_s` the usual handover. `needs` are the sets of skills
    that some orders need, with their share of all in basis points; the others need none."""

    currency: str
    margin_minor: int
    usable_bp: int
    small_orders_bp: int
    at_door_s: int
    zones: tuple[str, ...]
    nodes: tuple[Node, ...]
    fleets: tuple[Fleet, ...]
    days: tuple[DayProblem, ...]
    needs: tuple[tuple[tuple[str, ...], int], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how exactly to solve: CPU seconds and relative gap a day, processes, and a fixed seed."""

    day_s: float = 20.0
    gap: float = 0.002
    processes: int = 2
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Binding:
    """A limit that binds, in business words, and what one more unit of it is worth in minor units."""

    limit: str
    unit: str
    worth_minor: float
    node: int | None = None
    fleet: int | None = None
    bucket: int | None = None
    zone: int | None = None


@dataclass(frozen=True, slots=True)
class DaySolution:
    """What a day's model decided and proved.

    `vehicles` per shift option, `served` per arc, `steered` per (group, place in its accepts),
    `overflow_s` per entry of `taken`. Of the zones with opening rules: `opened` are their open
    (zone, bucket), `empty_trips` per arc what is missing to a whole trip there, `short` per rule the orders
    and the windows below what it asks for. `passes` are what the relaxation earned after each pass of
    concave travel. Objective and bounds are contribution minus priced driver hours: `bound` with
    travel as dense as planned, `chord_bound` whatever the plan. `minute_worth` is, per (fleet, bucket), minor
    units of one more vehicle minute.
    """

    day: date
    vehicles: tuple[int, ...]
    served: tuple[float, ...]
    steered: tuple[tuple[float, ...], ...]
    overflow_s: tuple[float, ...]
    objective: float
    bound: float
    solver_s: float
    build_s: float
    columns: int
    minute_worth: tuple[tuple[int, int, float], ...] = ()
    bindings: tuple[Binding, ...] = field(default=())
    opened: tuple[tuple[int, int], ...] = ()
    empty_trips: tuple[float, ...] = ()
    short: tuple[tuple[float, float], ...] = ()
    chord_bound: float | None = None
    passes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class DayChange:
    """What has changed of a day since its problem was frozen: whole new amounts, not differences.

    `to_come` are the orders still to come of a zone, shared by its groups as they were; `taken` what a
    fleet's bucket has taken by now. What is not named stays as it was told last.
    """

    day: date
    to_come: tuple[tuple[int, float], ...] = ()
    taken: tuple[Taken, ...] = ()


@dataclass(frozen=True, slots=True)
class DayWorths:
    """What one more vehicle minute is worth now, in minor units, per (fleet, bucket) of a day; those that
    are not named are worth nothing. `solver_s` are the CPU seconds of finding out."""

    day: date
    minute_worth: tuple[tuple[int, int, float], ...]
    solver_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer for all days. `hour_price` is, per node and week, minor units of one more driver hour.

    `objective` is the contribution of the plan, `bound` what no plan can exceed (the days' bounds plus
    the priced hours: a Lagrangian bound) with travel as dense as planned, `chord_bound` with any travel.
    """

    days: tuple[DaySolution, ...]
    hour_price: tuple[tuple[float, ...], ...]
    objective: float
    bound: float
    solver_s: float
    build_s: float
    columns: int
    chord_bound: float | None = None

    @property
    def gap(self) -> float:
        """(bound - objective) / |objective|."""
        return max(0.0, self.bound - self.objective) / max(abs(self.objective), 1.0)


_PROBLEM = TypeAdapter(Problem)
_PLAN = TypeAdapter(Plan)
_LIMITS = TypeAdapter(Limits)
_CHANGES = TypeAdapter(tuple[DayChange, ...])
_WORTHS = TypeAdapter(tuple[DayWorths, ...])

# Minor units a second for work that is promised already but has no vehicle: far above any wage.
OVERFLOW_PRICE = 5.0
# Minor units for an order or a window below what an opening rule asks for: far above any margin.
SHORT_PRICE = 5_000.0


def problem_to_json(problem: Problem) -> bytes:
    """The problem as JSON."""
    return _PROBLEM.dump_json(problem)


def problem_from_json(text: bytes) -> Problem:
    """The problem that was written; raises ValueError for anything else."""
    return _PROBLEM.validate_json(text)


def plan_to_json(plan: Plan) -> bytes:
    """The plan as JSON."""
    return _PLAN.dump_json(plan)


def plan_from_json(text: bytes) -> Plan:
    """The plan that was written; raises ValueError for anything else."""
    return _PLAN.validate_json(text)


def limits_to_json(limits: Limits) -> bytes:
    """The limits as JSON."""
    return _LIMITS.dump_json(limits)


def limits_from_json(text: bytes) -> Limits:
    """The limits that were written."""
    return _LIMITS.validate_json(text)


def changes_to_json(changes: tuple[DayChange, ...]) -> bytes:
    """Changes of days as JSON."""
    return _CHANGES.dump_json(changes)


def changes_from_json(text: bytes) -> tuple[DayChange, ...]:
    """The changes that were written; raises ValueError for anything else."""
    return _CHANGES.validate_json(text)


def worths_to_json(worths: tuple[DayWorths, ...]) -> bytes:
    """The worths of days' minutes as JSON."""
    return _WORTHS.dump_json(worths)


def worths_from_json(text: bytes) -> tuple[DayWorths, ...]:
    """The worths that were written; raises ValueError for anything else."""
    return _WORTHS.validate_json(text)


def packed(problem: Problem) -> bytes:
    """The problem as it is stored with its run."""
    return zlib.compress(problem_to_json(problem), 6)


def unpacked(stored: bytes) -> Problem:
    """The problem of a stored run."""
    return problem_from_json(zlib.decompress(stored))


def packed_plan(plan: Plan) -> bytes:
    """The plan as it is stored with its run."""
    return zlib.compress(plan_to_json(plan), 6)


def unpacked_plan(stored: bytes) -> Plan:
    """The plan of a stored run."""
    return plan_from_json(zlib.decompress(stored))


def hours_used(
    day: DayProblem, vehicles: tuple[int, ...] | tuple[float, ...], nodes: int, fleets: tuple[Fleet, ...]
) -> list[float]:
    """Driver hours of a day by node."""
    used = [0.0] * nodes
    for shift, count in zip(day.shifts, vehicles, strict=True):
        used[fleets[shift.fleet].node] += shift.hours * count
    return used


def contribution(problem: Problem, day: DayProblem, solution: DaySolution) -> float:
    """What a day earns: margins less incentives, less wages, distance and carbon, openings and shortages."""
    earned = sum(
        amount * (problem.margin_minor - incentive)
        for group, amounts in zip(day.groups, solution.steered, strict=True)
        for (_, incentive), amount in zip(group.accepts, amounts, strict=True)
    )
    spent = sum(
        arc.cost_minor * x + problem.fleets[arc.fleet].minor_per_m * between_m(arc, x)
        for arc, x in zip(day.arcs, solution.served, strict=True)
    )
    empty = sum(
        problem.fleets[arc.fleet].minor_per_m * arc.stem_m * y
        for arc, y in zip(day.arcs, solution.empty_trips, strict=False)
    )
    costs = {rule.zone: rule.cost_minor for rule in day.openings}
    opened = sum(costs.get(zone, 0) for zone, _ in solution.opened)
    wages = sum(shift.cost_minor * n for shift, n in zip(day.shifts, solution.vehicles, strict=True))
    missing = SHORT_PRICE * sum(map(sum, solution.short)) + OVERFLOW_PRICE * sum(solution.overflow_s)
    return earned - spent - empty - opened - wages - missing
