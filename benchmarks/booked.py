"""A day of booked orders on the synthetic city, with a fixed seed: what an allocation of orders is measured on.

The vehicles are those that the capacity plan sends out; the orders are drawn from the demand it steers, as it
fills them, at 97 % of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from random import Random

from app.allocation.orders import Choice, OpenPool, Order, OrderProblem
from app.allocation.problem import DayProblem, DaySolution, Limits, Problem
from app.allocation.solve.day import solve_day
from app.values.load import DIMENSIONS, Load
from benchmarks.city import city_day

SHARE = 0.97
# Kinds of vehicle: litres in all, chilled and frozen; whether it takes what is bulky; the most it takes of one order.
_CARRIES = {
    "van": (3_000, 900, 500, True, 10_000),
    "e-van": (2_600, 800, 400, True, 10_000),
    "cargo bike": (360, 120, 60, False, 180),
    "scooter": (90, 40, 20, False, 45),
}
_OVERTIME_MINOR = 43.0
_MOST_CHOICES = 14
_BUCKET_MOVED, _NODE_MOVED, _KIND_MOVED = 150.0, 200.0, 30.0


def booked_day(zones: int, orders: int, seed: int = 1, share: float = SHARE) -> OrderProblem:
    """The orders of one Saturday against the vehicles that are out, `share` of what these could bring."""
    problem = city_day(zones, orders, seed)
    day = problem.days[0]
    free = [0.0] * len(problem.nodes)
    solution = solve_day(problem, day, hour_price=free, limits=Limits(day_s=60.0, gap=0.01, processes=1))
    pools, place = _pools(problem, day, solution)
    rng = Random(seed)
    arcs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for a, arc in enumerate(day.arcs):
        if (arc.fleet, arc.bucket) in place:
            arcs[arc.zone, arc.bucket].append(a)
    made: list[Order] = []
    for group, amounts in zip(day.groups, solution.steered, strict=True):
        wanted = sum(amounts) * share
        count = int(wanted) + (rng.random() < wanted % 1)
        for _ in range(count):
            order = _order(problem, day, rng, f"o{len(made)}", group.zone, group.accepts, arcs, place)
            if order is not None:
                made.append(order)
    rng.shuffle(made)
    return OrderProblem(day=day.day, currency="EUR", pools=tuple(pools), waves=(), orders=tuple(made))


def _pools(
    problem: Problem, day: DayProblem, solution: DaySolution
) -> tuple[list[OpenPool], dict[tuple[int, int], int]]:
    out: dict[tuple[int, int], int] = defaultdict(int)
    for shift, count in zip(day.shifts, solution.vehicles, strict=True):
        for bucket in shift.covers:
            out[shift.fleet, bucket] += count
    pools: list[OpenPool] = []
    place: dict[tuple[int, int], int] = {}
    quickest: dict[tuple[int, int], int] = {}
    for arc in day.arcs:
        key = (arc.fleet, arc.bucket)
        quickest[key] = min(arc.work_s, quickest.get(key, arc.work_s))
    for (f, bucket), vehicles in sorted(out.items()):
        if not vehicles:
            continue
        fleet = problem.fleets[f]
        seconds = vehicles * day.bucket_s(bucket)
        litres, chilled, frozen, _, _ = _CARRIES[fleet.class_id]
        # As many trips as the drops of the usable time need, reloading in between.
        drops = day.bucket_s(bucket) * problem.usable_bp / 10_000 / quickest[f, bucket]
        trips = vehicles * ceil(max(1.0, drops / fleet.stops_per_trip))
        place[f, bucket] = len(pools)
        pools.append(
            OpenPool(
                id=f"{fleet.class_id} {fleet.node} {bucket}",
                node_id=problem.nodes[fleet.node].id,
                class_id=fleet.class_id,
                window=day.buckets[bucket],
                room=Load(
                    trips * fleet.stops_per_trip * 4,
                    round(seconds * problem.usable_bp / 10_000),
                    trips * litres * 1_000,
                    trips * litres * 400,
                    trips * chilled * 1_000,
                    trips * frozen * 1_000,
                ),
                overtime_s=round(seconds * 0.05),
                overtime_minor=_OVERTIME_MINOR,
            )
        )
    return pools, place


def _order(
    problem: Problem,
    day: DayProblem,
    rng: Random,
    name: str,
    zone: int,
    accepts: tuple[tuple[int, int], ...],
    arcs: dict[tuple[int, int], list[int]],
    place: dict[tuple[int, int], int],
) -> Order | None:
    """An order of a zone, with the least dear of the pools that may serve it; None where there is none."""
    small = rng.random() < problem.small_orders_bp / 10_000
    litres = rng.uniform(6, 40) if small else min(260.0, 30 + rng.expovariate(1 / 45))
    bulky = not small and rng.random() < 0.04
    chilled = litres * rng.uniform(0, 0.4)
    frozen = litres * (rng.uniform(0, 0.2) if rng.random() < 0.5 else 0)
    usual = rng.uniform(0.75, 1.15)
    choices = []
    for window, (bucket, incentive) in enumerate(accepts):
        for a in arcs[zone, bucket]:
            arc = day.arcs[a]
            fleet = problem.fleets[arc.fleet]
            _, _, _, takes_bulky, most = _CARRIES[fleet.class_id]
            if (bulky and not takes_bulky) or litres > most or (fleet.small_orders_only and not small):
                continue
            work = arc.travel_s + (arc.work_s - arc.travel_s) * usual
            choices.append(Choice(place[arc.fleet, bucket], window, round(work), arc.cost_minor + incentive))
    choices.sort(key=lambda choice: choice.cost_minor)
    if not choices:
        return None
    volume = round(litres * 1_000)
    return Order(
        id=name,
        volume_ml=volume,
        weight_g=round(litres * 350),
        chilled_ml=round(chilled * 1_000),
        frozen_ml=round(frozen * 1_000),
        partner_minor=1_400 + 4 * litres,
        present=None,
        choices=tuple(choices[:_MOST_CHOICES]),
    )


def broken_evening(problem: OrderProblem, chosen: Sequence[int], classes: int = 3) -> OrderProblem:
    """The evening after a quarter of so many of its largest classes (of a node) was lost at half past five.

    Only orders that were to come from six on are open; leaving the running plan has its price.
    """
    evening = evening_pools(problem)
    by_class: dict[tuple[str, str], int] = defaultdict(int)
    for p in evening:
        by_class[_fleet(problem.pools[p])] += problem.pools[p].room.work_s
    largest = sorted(by_class, key=lambda key: -by_class[key])[:classes]
    number = {p: i for i, p in enumerate(evening)}
    orders = []
    for order, place in zip(problem.orders, chosen, strict=True):
        if place < 0 or order.choices[place].pool not in number:
            continue
        present = order.choices[place].pool
        kept = [
            replace(choice, pool=number[choice.pool], move_minor=_moved(problem, present, choice.pool))
            for choice in order.choices
            if choice.pool in number
        ]
        orders.append(replace(order, present=number[present], choices=tuple(kept)))
    pools = [_reduced(problem.pools[p], lost=_fleet(problem.pools[p]) in largest) for p in evening]
    return replace(problem, pools=tuple(pools), orders=tuple(orders))


def evening_pools(problem: OrderProblem) -> list[int]:
    """The pools whose window begins at six or later."""
    return [p for p, pool in enumerate(problem.pools) if pool.window.start.hour >= 18]


def stays(order: Order) -> int:
    """The place of the choice that leaves an order where it is."""
    return next(place for place, choice in enumerate(order.choices) if choice.pool == order.present)


def _fleet(pool: OpenPool) -> tuple[str, str]:
    return (pool.node_id, pool.class_id)


def _reduced(pool: OpenPool, *, lost: bool) -> OpenPool:
    if not lost:
        return pool
    room = Load(*(getattr(pool.room, d) * 3 // 4 for d in DIMENSIONS))
    return replace(pool, room=room, overtime_s=pool.overtime_s * 3 // 4)


def _moved(problem: OrderProblem, before: int, after: int) -> float:
    a, b = problem.pools[before], problem.pools[after]
    return (
        _BUCKET_MOVED * (a.window != b.window)
        + _NODE_MOVED * (a.node_id != b.node_id)
        + _KIND_MOVED * (a.class_id != b.class_id)
    )
