"""Concave travel: what the tangent passes win, and how far the chord bound is."""

from __future__ import annotations

from collections.abc import Sequence

from app.allocation.problem import DaySolution, Limits
from app.allocation.solve.day import solve_day
from benchmarks.city import city_day
from benchmarks.page import Section, Table
from benchmarks.plan_days import verified

NAME = "travel"
TITLE = "Concave travel"
SIZES = ((40, 2_000), (100, 6_000), (200, 20_000))
LIMITS = Limits(day_s=15, gap=0.001, processes=1)


def run(sizes: Sequence[tuple[int, int]] = SIZES) -> Section:
    """Measure every size."""
    return section([(zones, orders, measured(zones, orders)) for zones, orders in sizes])


def measured(zones: int, orders: int, limits: Limits = LIMITS) -> DaySolution:
    """A day whose drops are nearer to each other the more there are, solved and checked."""
    problem = city_day(zones, orders, concave=True)
    free = [0.0] * len(problem.nodes)
    solution = solve_day(problem, problem.days[0], hour_price=free, limits=limits)
    verified(problem, solution)
    print(NAME, zones, orders, solution.passes, solution.objective, solution.chord_bound, flush=True)
    return solution


def section(found: Sequence[tuple[int, int, DaySolution]]) -> Section:
    """The table, in thousands of euros a day."""
    rows = []
    for zones, orders, one in found:
        chord = one.chord_bound or one.bound
        rows.append(
            (
                f"{zones} / {orders:,}",
                *(f"{earned / 100:,.0f}" for earned in one.passes),
                f"{one.objective / 100:,.0f}",
                f"{chord / 100:,.0f}",
                f"{(chord - one.objective) / one.objective:.1%}",
                f"{one.solver_s:.1f} s",
            )
        )
    head = ("zones / orders", *(f"pass {n + 1}" for n in range(len(rows[0]) - 5)))
    head += ("whole vehicles", "chord bound", "gap to it", "solve")
    text = f"""
EUR a day. The passes are what the relaxation earns on the real, concave way between drops: tangents at the plan of the
pass before, so none is worse than the one before it. "Whole vehicles" is the plan itself. The chord bound is the
relaxation with chords: no plan earns more, however its drops fall. The model with tangents is solved to {LIMITS.gap:.1%};
what remains is the looseness of the chords. CPU seconds of one thread.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
