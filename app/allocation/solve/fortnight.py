"""All days together: hours priced by the linear relaxation, days solved in parallel, hours kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing import get_context

from app.allocation.problem import (
    DayProblem,
    DaySolution,
    Limits,
    Plan,
    Problem,
    contribution,
    hours_used,
)
from app.allocation.solve.day import solve_day
from app.allocation.solve.model import DayModel
from app.allocation.solve.sheet import Engine, Sheet, Terms, uncollected

# Hours are kept to this.
_DUST_H = 1e-6

type Progress = Callable[[dict[str, object]], None]


def solve(problem: Problem, limits: Limits, progress: Progress) -> Plan:
    """The capacity plan of all days, never infeasible, with a bound that no plan can exceed.

    The days share only the drivers' hours of a week. Their price comes from the linear relaxation of
    all days at once; then each day is solved on its own with hours at that price.
    """
    started = time.process_time()
    hour_price, relaxed_s = price_hours(problem, limits)
    priced_s = time.process_time() - started
    progress({"step": "hours", "seconds": priced_s})
    pool: Executor | None = None
    if limits.processes > 1 and len(problem.days) > 1:
        pool = ProcessPoolExecutor(limits.processes, mp_context=get_context("spawn"))
    with pool or nullcontext():
        days = _all_days(problem, hour_price, limits, progress, pool)
    hours_worth = sum(
        price * hours
        for node, prices in zip(problem.nodes, hour_price, strict=True)
        for hours, price in zip(node.hours, prices, strict=True)
    )
    bound = sum(d.bound for d in days) + hours_worth
    chord_bound = sum(d.bound if d.chord_bound is None else d.chord_bound for d in days) + hours_worth
    days = _repaired(problem, days, hour_price, limits)
    earned = [contribution(problem, p, s) for p, s in zip(problem.days, days, strict=True)]
    objective = sum(earned)
    return Plan(
        days=tuple(days),
        hour_price=tuple(tuple(prices) for prices in hour_price),
        objective=objective,
        bound=max(bound, objective),
        chord_bound=max(chord_bound, objective),
        solver_s=relaxed_s + sum(d.solver_s for d in days),
        build_s=priced_s - relaxed_s + sum(d.build_s for d in days),
        columns=sum(d.columns for d in days),
    )


def price_hours(problem: Problem, limits: Limits) -> tuple[list[list[float]], float]:
    """Minor units of one more driver hour, per node and week, from the relaxation of all days.

    Also the CPU seconds of the solve. By interior point without crossover: only the prices of a few
    rows are wanted, and any non-negative price gives a valid bound.
    """
    weeks = max((len(node.hours) for node in problem.nodes), default=0)
    with uncollected():
        sheet = Sheet("fortnight")
        models = [DayModel(problem, day, sheet, tag=str(i)) for i, day in enumerate(problem.days)]
        sheet.maximise([term for model in models for term in model.objective()])
        rows: dict[tuple[int, int], int] = {}
        for node, facts in enumerate(problem.nodes):
            for week, hours in enumerate(facts.hours):
                terms = _hour_terms(problem, models, node, week)
                if terms:
                    rows[node, week] = sheet.row(terms, "<=", hours)
        engine = Engine(sheet, limits, solver="ipm", run_crossover="off")
    engine.run()
    worths = engine.worths()
    prices = [[0.0] * weeks for _ in problem.nodes]
    for (node, week), row in rows.items():
        # An interior point leaves dust on rows that do not bind.
        prices[node][week] = worths[row] if worths[row] > 0.5 else 0.0
    return prices, engine.solve_s


def _hour_terms(problem: Problem, models: Sequence[DayModel], node: int, week: int) -> Terms:
    return [
        (model.n[s], shift.hours)
        for model in models
        if model.day.week == week
        for s, shift in enumerate(model.day.shifts)
        if problem.fleets[shift.fleet].node == node
    ]


def _prices_of(day: DayProblem, hour_price: Sequence[Sequence[float]]) -> list[float]:
    return [prices[day.week] for prices in hour_price]


def _all_days(
    problem: Problem,
    hour_price: Sequence[Sequence[float]],
    limits: Limits,
    progress: Progress,
    pool: Executor | None,
) -> list[DaySolution]:
    """Every day's solution in order; each process is sent only its own day."""
    solved: dict[int, DaySolution] = {}

    def done(index: int, solution: DaySolution) -> None:
        solved[index] = solution
        gap = (solution.bound - solution.objective) / max(abs(solution.objective), 1.0)
        progress({"step": "day", "day": solution.day.isoformat(), "gap": gap, "seconds": solution.solver_s})

    tasks = [(_only(problem, day), _prices_of(day, hour_price), limits) for day in problem.days]
    if pool is None:
        for index, task in enumerate(tasks):
            done(index, solve_one(*task))
    else:
        running = {pool.submit(solve_one, *task): index for index, task in enumerate(tasks)}
        for future in as_completed(running):
            done(running[future], future.result())
    return [solved[index] for index in range(len(tasks))]


def _only(problem: Problem, day: DayProblem) -> Problem:
    return replace(problem, days=(day,))


def solve_one(problem: Problem, hour_price: list[float], limits: Limits) -> DaySolution:
    """The only day of a problem, at module level so that another process can run it."""
    return solve_day(problem, problem.days[0], hour_price=hour_price, limits=limits)


def _repaired(
    problem: Problem, days: list[DaySolution], hour_price: Sequence[Sequence[float]], limits: Limits
) -> list[DaySolution]:
    """The days with every week's hours kept, and with scarce hours used up.

    Priced hours may leave a week with too many or with some to spare. Its longest days are solved again, with
    the hours that remain to them as a limit instead of a price, until all are kept.
    """
    count = len(problem.nodes)
    used = [hours_used(p, s.vehicles, count, problem.fleets) for p, s in zip(problem.days, days, strict=True)]
    for week in sorted({day.week for day in problem.days}):
        mine = [i for i, day in enumerate(problem.days) if day.week == week]
        for index in sorted(mine, key=lambda i: -sum(used[i])):
            spare = _spare(problem, week, used, mine)
            prices = _prices_of(problem.days[index], hour_price)
            if _kept(spare, prices, limits.gap * sum(abs(days[i].objective) for i in mine)):
                break
            day = problem.days[index]
            days[index] = solve_day(
                problem,
                day,
                # A node whose hours are limited needs no price for them.
                hour_price=[0.0] * count,
                limits=limits,
                most_hours={n: max(0.0, used[index][n] + spare[n]) for n in range(count)},
            )
            used[index] = hours_used(day, days[index].vehicles, count, problem.fleets)
    return days


def _kept(spare: Sequence[float], prices: Sequence[float], little: float) -> bool:
    """Whether a week asks for no more hours than there are, and leaves none that are worth much."""
    left = sum(hours * price for hours, price in zip(spare, prices, strict=True))
    return all(hours >= -_DUST_H for hours in spare) and left <= little


def _spare(problem: Problem, week: int, used: Sequence[Sequence[float]], mine: Sequence[int]) -> list[float]:
    """The hours of a week that each node has left; negative where it has too few."""
    return [node.hours[week] - sum(used[i][n] for i in mine) for n, node in enumerate(problem.nodes)]
