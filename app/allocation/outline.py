"""What a plan sells and rosters, small enough to be kept with its run and compared with the next one.

Pure. Ids, not indices: two plans number their nodes, fleets and zones each in its own way.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import TypeAdapter

from app.allocation.problem import DayProblem, DaySolution, Plan, Problem, contribution
from app.capacity.rules import PoolPlan
from app.values.money import round_half_up
from app.values.window import Window


@dataclass(frozen=True, slots=True)
class PlannedPool:
    """What the vehicles of a class at a node sell in one bucket: `drops` are those planned, by zone id."""

    day: date
    node_id: str
    class_id: str
    window: Window
    vehicles: int
    orders: int
    drops: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class PlannedShift:
    """Vehicles of a class at a node that work one shift; hours and cost are those of all of them."""

    day: date
    node_id: str
    class_id: str
    window: Window
    vehicles: int
    hours: float
    cost_minor: int


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """What a day's orders still to come are to earn; `taken` are those booked or held already.

    `begins_at` is its first bucket that was planned.
    """

    day: date
    begins_at: datetime | None
    orders: float
    taken: int
    contribution_minor: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The pools, shifts and days of one published plan; `margin_minor` is an order's before delivery."""

    currency: str
    margin_minor: int
    pools: tuple[PlannedPool, ...]
    shifts: tuple[PlannedShift, ...]
    days: tuple[PlannedDay, ...]


_OUTLINE = TypeAdapter(Outline)


def outlined(problem: Problem, plan: Plan, pools: Sequence[PoolPlan]) -> Outline:
    """The outline of a plan that sells these pools."""
    drops = _drops(problem, plan)
    return Outline(
        currency=problem.currency,
        margin_minor=problem.margin_minor,
        pools=tuple(
            PlannedPool(
                day=pool.day,
                node_id=pool.node_id,
                class_id=pool.vehicle_class_id,
                window=pool.window,
                vehicles=pool.vehicles,
                orders=pool.sell.orders,
                drops=tuple(
                    (reach.zone_id, round(drops[_key(pool)].get(reach.zone_id, 0.0), 2))
                    for reach in pool.reach
                ),
            )
            for pool in pools
        ),
        shifts=tuple(
            PlannedShift(
                day=day.day,
                node_id=problem.nodes[problem.fleets[shift.fleet].node].id,
                class_id=problem.fleets[shift.fleet].class_id,
                window=shift.window,
                vehicles=count,
                hours=round(shift.hours * count, 2),
                cost_minor=shift.cost_minor * count,
            )
            for day, solution in zip(problem.days, plan.days, strict=True)
            for shift, count in zip(day.shifts, solution.vehicles, strict=True)
            if count
        ),
        days=tuple(
            _day(problem, day, solution) for day, solution in zip(problem.days, plan.days, strict=True)
        ),
    )


def _day(problem: Problem, day: DayProblem, solution: DaySolution) -> PlannedDay:
    return PlannedDay(
        day=day.day,
        begins_at=min((window.start for window in day.buckets), default=None),
        orders=round(sum(solution.served), 1),
        taken=sum(one.orders for one in day.taken),
        contribution_minor=round_half_up(contribution(problem, day, solution)),
    )


def _drops(problem: Problem, plan: Plan) -> dict[tuple[str, str, datetime], dict[str, float]]:
    """The planned drops of each pool by zone."""
    found: dict[tuple[str, str, datetime], dict[str, float]] = defaultdict(dict)
    for day, solution in zip(problem.days, plan.days, strict=True):
        for arc, amount in zip(day.arcs, solution.served, strict=True):
            fleet, zone = problem.fleets[arc.fleet], problem.zones[arc.zone]
            mine = found[problem.nodes[fleet.node].id, fleet.class_id, day.buckets[arc.bucket].start]
            mine[zone] = mine.get(zone, 0.0) + amount
    return found


def _key(pool: PoolPlan) -> tuple[str, str, datetime]:
    return pool.node_id, pool.vehicle_class_id, pool.window.start


def packed_outline(outline: Outline) -> bytes:
    """The outline as it is stored with its run."""
    return zlib.compress(_OUTLINE.dump_json(outline), 6)


def unpacked_outline(stored: bytes) -> Outline:
    """The outline of a stored run."""
    return _OUTLINE.validate_json(zlib.decompress(stored))
