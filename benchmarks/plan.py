"""The capacity plan of one day (layer A, compact form) at three sizes: what is proved, and what building costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from app.allocation.check import check
from app.allocation.problem import DaySolution, Limits, Plan, Problem
from app.allocation.solve.day import DayModel, solve_day
from app.allocation.solve.sheet import Engine, Sheet
from benchmarks.city import city_day
from benchmarks.page import Section, Table, spread

NAME = "plan"
TITLE = "Capacity plan of one day"
SIZES = ((40, 2_000), (100, 6_000), (200, 20_000))
MARKS_S = (5.0, 30.0, 60.0)
AIM = 0.001
# HiGHS calls a plan proved that is within this of its bound.
PROVED = 1e-4
REPEATS = 3
# A wall-clock limit only for the worst case: all budgets here are CPU seconds.
WALL_S = 900.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The best plan and the proved bound after so many CPU seconds of solving."""

    cpu_s: float
    objective: float
    bound: float

    @property
    def gap(self) -> float | None:
        """(bound - plan) / |plan|; None before there is a plan that earns anything."""
        earns = 0 < self.objective < float("inf")
        return (self.bound - self.objective) / self.objective if earns else None


@dataclass(frozen=True, slots=True)
class Size:
    """One size: how the gap closed, and the product's own solves to the aim, each checked."""

    zones: int
    orders: int
    integers: int
    trace: list[Sample]
    solved: list[DaySolution]


def run() -> Section:
    """Measure every size."""
    return section([measured(*size, budget_s=MARKS_S[-1], repeats=REPEATS) for size in SIZES])


def measured(zones: int, orders: int, *, budget_s: float, repeats: int, aim: float = AIM) -> Size:
    """One size: the trace within a budget of CPU seconds, then solves to the aim."""
    problem = city_day(zones, orders)
    trace = traced(problem, budget_s)
    solved = [solved_once(problem, aim) for _ in range(repeats)]
    print(f"{NAME} {zones}/{orders}: gap {trace[-1].gap} after {trace[-1].cpu_s:.1f} CPU s", flush=True)
    return Size(zones, orders, len(problem.days[0].shifts), trace, solved)


def solved_once(problem: Problem, aim: float) -> DaySolution:
    """One day solved to the aim as the planner does it, and its plan checked."""
    limits = Limits(day_s=WALL_S, gap=aim, processes=1)
    solution = solve_day(problem, problem.days[0], hour_price=[0.0] * len(problem.nodes), limits=limits)
    free = ((0.0,),) * len(problem.nodes)
    plan = Plan((solution,), free, solution.objective, solution.bound, 0, 0, solution.columns)
    wrong = check(problem, plan)
    if wrong:
        raise SystemExit(f"the plan failed its check: {wrong}")
    return solution


def traced(problem: Problem, budget_s: float) -> list[Sample]:
    """How plan and bound close in on each other while the same model is solved on, by CPU seconds."""
    sheet = Sheet("trace")
    model = DayModel(problem, problem.days[0], sheet)
    sheet.maximise(model.objective([0.0] * len(problem.nodes)))
    engine = Engine(sheet, Limits())
    started = time.process_time()
    relaxed = engine.run().objective_function_value
    seen = [Sample(time.process_time() - started, float("-inf"), relaxed)]

    def look(event: Any) -> None:
        told, spent = event.data_out, time.process_time() - started
        seen.append(Sample(spent, told.mip_primal_bound, min(relaxed, told.mip_dual_bound)))
        if spent >= budget_s:
            event.interrupt()

    engine.highs.cbMipLogging.subscribe(look)
    engine.highs.cbMipInterrupt.subscribe(look)
    bound, values = engine.whole(model.counts, Limits(day_s=WALL_S, gap=PROVED))
    if values is not None:
        worth = zip(model.objective([0.0] * len(problem.nodes)), values, strict=True)
        earned = sum(factor * value for (_, factor), value in worth)
        seen.append(Sample(time.process_time() - started, earned, min(relaxed, bound)))
    return seen


def section(sizes: Sequence[Size]) -> Section:
    """The table."""
    rows = []
    for size in sizes:
        shares = [one.build_s / one.solver_s for one in size.solved]
        rows.append(
            (
                f"{size.zones} / {size.orders:,}",
                f"{size.solved[0].columns:,}",
                str(size.integers),
                *(gap_text(size.trace, mark) for mark in MARKS_S),
                reached_text(size.trace),
                f"{median(one.solver_s for one in size.solved):.1f} s",
                f"{median(one.build_s for one in size.solved):.2f} s",
                spread(shares, ".1%"),
            )
        )
    marks = [f"gap after {mark:.0f} s" for mark in MARKS_S]
    head = ("zones / orders", "columns", "integers", *marks, f"proved to {AIM:.1%} after")
    head += ("solve to there", "build and transfer", "share of the solve")
    text = f"""
CPU seconds of one thread; gap = (proved bound - plan) / plan. The gaps are read off one solve that goes on to
{PROVED:.2%} or {MARKS_S[-1]:.0f} s. The last three columns are the planner's own solve of a day to {AIM:.1%} (relaxation,
whole vehicles, flows with the vehicles fixed; median of {len(sizes[0].solved)}), and all it does besides solving: building the model
in PuLP, handing it to HiGHS, reading the answers. Every plan passed the independent checker. The city is
synthetic (`benchmarks/city.py`): it shows what is solvable, not what a retailer would save. The model does not
decide which slots open, so sizes with slot opening are not here. Aim: 100 zones and 6,000 orders proved to 0.1 %
in 30 CPU s, build and transfer at most 5 % of the solve.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)


def gap_text(trace: Sequence[Sample], mark_s: float) -> str:
    """The gap after so many CPU seconds; a solve that ended earlier says when."""
    gap = _last(trace, lambda sample: sample.cpu_s <= mark_s).gap
    ended = trace[-1].cpu_s < mark_s
    text = "no plan" if gap is None else f"{max(gap, 0.0):.3%}"
    return f"{text} (ended at {trace[-1].cpu_s:.1f} s)" if ended else text


def reached_text(trace: Sequence[Sample]) -> str:
    """The CPU seconds after which the gap was within the aim."""
    reached = (sample.cpu_s for sample in trace if sample.gap is not None and sample.gap <= AIM)
    first = next(reached, None)
    return "not reached" if first is None else f"{first:.1f} s"


def _last(trace: Sequence[Sample], fits: Callable[[Sample], bool]) -> Sample:
    return [sample for sample in trace if fits(sample)][-1]
