"""What a plan opens and what not, where opening rules make it choose: told to the slots and to operators."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from app.allocation.problem import DayProblem, DaySolution, Plan, Problem
from app.allocation.tables import ZoneOpening
from app.database.rows import add
from app.slots.mark_unopened import mark_unopened
from app.values.window import Window


def publish_openings(conn: Connection, *, run_id: str, problem: Problem, plan: Plan) -> None:
    """Mark the slots that nobody opens, and keep per zone and day what was chosen."""
    opened: dict[str, list[Window]] = defaultdict(list)
    for day, solution in zip(problem.days, plan.days, strict=True):
        chosen = zone_openings(run_id, problem, day, solution)
        for one in chosen:
            opened[one.zone_id] += _windows(day, solution, problem.zones.index(one.zone_id))
        add(conn, *chosen)
    mark_unopened(conn, first=problem.days[0].day, last=problem.days[-1].day, opened=opened)


def zone_openings(run_id: str, problem: Problem, day: DayProblem, solution: DaySolution) -> list[ZoneOpening]:
    """The day's choice for every zone with an opening rule."""
    found = []
    for rule, (orders, windows) in zip(day.openings, solution.short, strict=False):
        chosen = _windows(day, solution, rule.zone)
        found.append(
            ZoneOpening(
                run_id=run_id,
                day=day.day,
                zone_id=problem.zones[rule.zone],
                opened=[_spelt(window) for window in chosen],
                unopened=[_spelt(window) for window in day.buckets if window not in chosen],
                short_orders=round(orders, 1),
                short_windows=round(windows, 1),
            )
        )
    return found


def _windows(day: DayProblem, solution: DaySolution, zone: int) -> list[Window]:
    return [day.buckets[bucket] for here, bucket in solution.opened if here == zone]


def _spelt(window: Window) -> list[str]:
    return [window.start.isoformat(), window.end.isoformat()]
