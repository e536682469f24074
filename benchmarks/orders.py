"""Which pool serves each booked order (layer B), at three sizes, beside first come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.allocation.check_orders import check_orders
from app.allocation.orders import PARTNER, OrderLimits, OrderPlan, OrderProblem, cost_of
from app.allocation.solve.orders import solve_orders
from app.allocation.solve.rounding import first_come
from benchmarks.booked import booked_day
from benchmarks.page import Section, Table

NAME = "orders"
TITLE = "Allocation of booked orders"
# Zones, orders a day, CPU seconds, seed of the city: the small one is another city with every seed.
SIZES = (
    (40, 2_350, 30.0, 1),
    (40, 2_350, 30.0, 2),
    (40, 2_350, 30.0, 3),
    (100, 7_300, 30.0, 1),
    (200, 24_000, 45.0, 1),
)
AIM = 0.01
# Where the product stops looking.
GAP = OrderLimits().gap


@dataclass(frozen=True, slots=True)
class Size:
    """One size: what first come leaves and costs, and the plan with its proof."""

    seed: int
    problem: OrderProblem
    greedy: list[int]
    plan: OrderPlan
    cpu_s: float


def run() -> Section:
    """Measure every size."""
    return section([measured(zones, orders, seconds, seed) for zones, orders, seconds, seed in SIZES])


def measured(zones: int, orders: int, seconds: float, seed: int = 1) -> Size:
    """One size: first come, then the product's solve, checked."""
    problem = booked_day(zones, orders, seed)
    plan, cpu_s = _solved(problem, OrderLimits(seconds=seconds, gap=GAP))
    print(f"{NAME} {len(problem.orders)}: gap {plan.gap:.3%} in {cpu_s:.1f} CPU s", flush=True)
    return Size(seed, problem, first_come(problem), plan, cpu_s)


def _solved(problem: OrderProblem, limits: OrderLimits) -> tuple[OrderPlan, float]:
    began = time.process_time()
    plan = solve_orders(problem, limits)
    spent = time.process_time() - began
    wrong = check_orders(problem, plan)
    if wrong:
        raise SystemExit(f"the allocation failed its check: {wrong[:3]}")
    return plan, spent


def section(sizes: Sequence[Size]) -> Section:
    """The table."""
    head = (
        "orders",
        "city",
        "columns of the relaxation",
        "first come: cost / not placed",
        "bound",
        "fractional",
    )
    more = ("plan", "gap to the bound", "not placed", "overtime", "CPU s")
    rows = [
        (
            f"{len(size.problem.orders):,}",
            str(size.seed),
            f"{size.plan.columns:,}",
            f"{cost_of(size.problem, size.greedy) / 100:,.0f} / {size.greedy.count(PARTNER)}",
            f"{size.plan.bound / 100:,.0f}",
            str(size.plan.fractional),
            f"{size.plan.objective / 100:,.0f}",
            f"{size.plan.gap:.2%}",
            str(size.plan.partner_couriers),
            f"{sum(size.plan.overtime_s) / 60:.0f} min",
            f"{size.cpu_s:.1f}",
        )
        for size in sizes
    ]
    text = f"""
Costs in EUR: distance and carbon, incentives, overtime, and 14 EUR and more for an order that a partner courier
must bring; wages are paid anyway. The bound is the linear relaxation, partner couriers not split in all: no
allocation costs less. First come takes orders as they were booked, each the cheapest pool with room, which is what
counters do. CPU seconds of one thread, building the model included; the search ends within {GAP:.1%} of the
bound. Every plan passed the independent checker. Aim: everything placed, within {AIM:.0%} of the bound, 7,000
orders in 30 s and 23,000 in 45 s. The smallest size stands with three cities, each another seed of the generator.

{Table((*head, *more), rows)}
"""
    return Section(NAME, TITLE, text)
