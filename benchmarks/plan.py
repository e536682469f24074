"""The capacity plan of one day at three sizes: how near to its bound after so many seconds, what building costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.allocation.problem import DaySolution, Limits
from app.allocation.solve.day import solve_day
from benchmarks.city import city_day
from benchmarks.page import Section, Table, spread
from benchmarks.plan_days import gap, verified

NAME = "plan"
TITLE = "Capacity plan of one day"
SIZES = ((40, 2_000), (100, 6_000), (200, 20_000))
MARKS_S = (5.0, 30.0, 60.0)
AIM = 0.001
# As near as the last seconds are spent on.
PROVED = 1e-4
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Size:
    """One size: the day solved with each budget of CPU seconds, and several times to the aim."""

    zones: int
    orders: int
    integers: int
    within: tuple[DaySolution, ...]
    aimed: tuple[DaySolution, ...]


def run() -> Section:
    """Measure every size."""
    return section([measured(*size, marks_s=MARKS_S, repeats=REPEATS) for size in SIZES])


def measured(zones: int, orders: int, *, marks_s: Sequence[float], repeats: int) -> Size:
    """One size; every plan passes the independent checker."""
    within = [solved(zones, orders, Limits(mark_s, PROVED, 1)) for mark_s in marks_s]
    aimed = [solved(zones, orders, Limits(marks_s[-1], AIM, 1)) for _ in range(repeats)]
    integers = len(city_day(zones, orders).days[0].shifts)
    print(f"{NAME} {zones}/{orders}: gap {gap(within[-1].objective, within[-1].bound)}", flush=True)
    return Size(zones, orders, integers, tuple(within), tuple(aimed))


def solved(zones: int, orders: int, limits: Limits) -> DaySolution:
    """The day solved as the planner does it, and checked."""
    problem = city_day(zones, orders)
    found = solve_day(problem, problem.days[0], hour_price=[0.0] * len(problem.nodes), limits=limits)
    verified(problem, found)
    return found


def section(sizes: Sequence[Size]) -> Section:
    """The table."""
    rows = [
        (
            f"{size.zones} / {size.orders:,}",
            f"{size.aimed[0].columns:,}",
            str(size.integers),
            *(f"{gap(one.objective, one.bound)} ({one.solver_s:.1f} s)" for one in size.within),
            f"{gap(size.aimed[0].objective, size.aimed[0].bound)}",
            f"{median(one.solver_s for one in size.aimed):.1f} s",
            f"{median(one.build_s for one in size.aimed):.2f} s",
            spread([one.build_s / one.solver_s for one in size.aimed], ".1%"),
        )
        for size in sizes
    ]
    marks = [f"gap after {mark:.0f} s" for mark in MARKS_S]
    head = ("zones / orders", "columns", "integers", *marks, f"asked for {AIM:.1%}")
    head += ("solve", "build and transfer", "share of the solve")
    text = f"""
CPU seconds of one thread; gap = (proved bound - plan) / plan. A budget is for the whole numbers of vehicles; in brackets
is what all passes took: relaxed with travel in tangents, whole, with the vehicles fixed. A search ends early within
{PROVED:.2%}. The last four columns are the planner's own solve to {AIM:.1%} (median of {len(sizes[0].aimed)}), and all it does besides
solving: building the model in PuLP, handing it to HiGHS, reading the answers. Every plan passed the independent checker.
The city is synthetic (`benchmarks/city.py`): it shows what is solvable, not what a retailer would save. Aim: 100 zones
and 6,000 orders proved to 0.1 % in 30 CPU s, build and transfer at most 5 % of the solve. More of the allocation core,
another solver and a greedy rule beside it: [ALLOCATION.md](ALLOCATION.md).

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
