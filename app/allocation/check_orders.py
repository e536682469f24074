"""Verify an allocation of orders against its problem, in own arithmetic, however it was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from app.allocation.orders import PARTNER, OpenPool, OrderPlan, OrderProblem
from app.values.load import DIMENSIONS

_MINOR = 1.0
_SHARE = 1e-6


def check_orders(problem: OrderProblem, plan: OrderPlan) -> list[str]:
    """What is wrong with the answer, a sentence each; an empty list says that it may be published."""
    if len(plan.chosen) != len(problem.orders):
        return [f"{len(plan.chosen)} orders are placed instead of {len(problem.orders)}."]
    if len(plan.overtime_s) != len(problem.pools):
        return [f"Overtime is told of {len(plan.overtime_s)} pools instead of {len(problem.pools)}."]
    strange = [
        f"Order {order.id} has no choice {place}."
        for order, place in zip(problem.orders, plan.chosen, strict=True)
        if place != PARTNER and not 0 <= place < len(order.choices)
    ]
    return strange or [
        *_rooms(problem, plan),
        *_skills(problem, plan),
        *_waves(problem, plan),
        *_money(problem, plan),
    ]


def _rooms(problem: OrderProblem, plan: OrderPlan) -> Iterator[str]:
    taken: dict[tuple[int, str], int] = defaultdict(int)
    for order, place in zip(problem.orders, plan.chosen, strict=True):
        if place != PARTNER:
            choice = order.choices[place]
            for name in DIMENSIONS:
                taken[choice.pool, name] += getattr(order.load(choice), name)
    for number, (pool, late_s) in enumerate(zip(problem.pools, plan.overtime_s, strict=True)):
        if not 0 <= late_s <= pool.overtime_s:
            yield f"Pool {_name(pool)} has {late_s} s of overtime and may have {pool.overtime_s} s."
        for name in DIMENSIONS:
            room = getattr(pool.room, name) + (late_s if name == "work_s" else 0)
            if taken[number, name] > max(0, room):
                yield f"Pool {_name(pool)} takes {taken[number, name]} {name} and has room for {room}."


def _skills(problem: OrderProblem, plan: OrderPlan) -> Iterator[str]:
    for order, place in zip(problem.orders, plan.chosen, strict=True):
        pool = None if place == PARTNER else problem.pools[order.choices[place].pool]
        lacks = set(order.needs) - set(pool.skills) if pool else set()
        if pool and lacks:
            yield f"Pool {_name(pool)} lacks {sorted(lacks)} for order {order.id}."
        if pool and order.at_door and order.choices[place].place:
            yield f"Order {order.id} may not go to a locker."


def _waves(problem: OrderProblem, plan: OrderPlan) -> Iterator[str]:
    picked: dict[int, int] = defaultdict(int)
    for order, place in zip(problem.orders, plan.chosen, strict=True):
        wave = None if place == PARTNER else problem.pools[order.choices[place].pool].wave
        if wave is not None:
            picked[wave] += 1
    for wave, orders in picked.items():
        if orders > problem.waves[wave]:
            yield f"Picking wave {wave} picks {orders} orders of {problem.waves[wave]}."


def _money(problem: OrderProblem, plan: OrderPlan) -> Iterator[str]:
    spent = 0.0
    for order, place in zip(problem.orders, plan.chosen, strict=True):
        if place == PARTNER:
            spent += order.partner_minor
        else:
            choice = order.choices[place]
            spent += choice.cost_minor + choice.worth_minor + choice.move_minor
    for pool, late_s in zip(problem.pools, plan.overtime_s, strict=True):
        spent += pool.overtime_minor * late_s / 60
    if abs(spent - plan.objective) > _MINOR + _SHARE * abs(spent):
        yield f"The answer claims to cost {plan.objective:.0f} and costs {spent:.0f}."
    if plan.bound > plan.objective + _MINOR + _SHARE * abs(spent):
        yield f"The bound {plan.bound:.0f} lies above the cost {plan.objective:.0f}."


def _name(pool: OpenPool) -> str:
    return f"{pool.id} ({pool.window.start:%H:%M})"
