"""Fourteen days that share the drivers' hours: priced, solved day by day in two processes, repaired, proved."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.allocation.check import check
from app.allocation.problem import Limits, Plan
from app.allocation.solve.fortnight import solve
from benchmarks.city import city_fortnight
from benchmarks.page import Section, Table

NAME = "fortnight"
TITLE = "Fourteen days"
# Zones, orders, and the drivers' hours as a share of what all vehicles could work.
SIZES = ((40, 2_000, 4_000), (100, 6_000, 4_000))
LIMITS = Limits(day_s=15, gap=0.0008, processes=2)


@dataclass(frozen=True, slots=True)
class Measured:
    """A fortnight's plan and what it took on the wall."""

    zones: int
    orders: int
    plan: Plan
    wall_s: float


def run(sizes: Sequence[tuple[int, int, int]] = SIZES) -> Section:
    """Measure every size."""
    return section([measured(*size) for size in sizes])


def measured(zones: int, orders: int, hours_bp: int, limits: Limits = LIMITS) -> Measured:
    """One fortnight solved and checked."""
    problem = city_fortnight(zones, orders, hours_bp=hours_bp)
    started = time.monotonic()
    plan = solve(problem, limits, lambda fact: print(NAME, fact, flush=True))
    wrong = check(problem, plan)
    if wrong:
        raise SystemExit(f"the plan failed its check: {wrong}")
    return Measured(zones, orders, plan, time.monotonic() - started)


def section(found: Sequence[Measured]) -> Section:
    """The table."""
    rows = [
        (
            f"{one.zones} / {one.orders:,}",
            f"{one.plan.columns:,}",
            f"{min(p for node in one.plan.hour_price for p in node) / 100:.2f} - "
            f"{max(p for node in one.plan.hour_price for p in node) / 100:.2f} EUR",
            f"{one.plan.gap:.3%}",
            f"{one.plan.solver_s:.0f} s",
            f"{one.plan.build_s:.1f} s",
            f"{one.wall_s:.0f} s",
        )
        for one in found
    ]
    head = (
        "zones / orders",
        "columns",
        "price of an hour",
        "proved gap",
        "solve",
        "build and transfer",
        "wall",
    )
    text = f"""
The drivers' hours of each node and week are two fifths of what all its vehicles could work, so they bind. Their price comes
from the interior point of the relaxation of all days; the days are then solved alone, in {LIMITS.processes} processes, each to
{LIMITS.gap:.2%} or {LIMITS.day_s:.0f} CPU s; what asks for too many hours is solved again with those that remain. The gap is
to the Lagrangian bound and includes the repair. CPU seconds over all processes; the wall is that of a machine with
{os.cpu_count()} cores that others were using (see the load). Every plan passed the independent checker.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
