"""Plan capacity from end to end: freeze, solve in another process, check, publish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.clear_alerts import clear_alerts
from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.allocation.check import check
from app.allocation.errors import NothingToPlan
from app.allocation.problem import Limits, Plan, Problem, packed
from app.allocation.publish import publish
from app.allocation.queries import run_of
from app.allocation.refresh_prices import prices_begin
from app.allocation.rules import RunStatus
from app.allocation.snapshot import plan_days, snapshot
from app.allocation.soundness import contradictions, unreached
from app.allocation.tables import AllocationRun
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.tables import ShiftPattern
from app.places.tables import ServiceZone
from app.slots.open_days import open_days
from app.values.ids import new_id
from app.worker.paces import measure_paces
from app.worker.solver import COMMAND, Progress, SolverFailed, run_solver
from app.world.streets import Streets

_PLANS = (AlertKind.PLAN_FAILED, AlertKind.PLAN_REFUSED, AlertKind.PLAN_STALE)
_OVERTAKEN = "This run had no plan yet when the next one was begun."


def plan(
    db: Database,
    *,
    trigger: str,
    streets: Streets | None = None,
    first: date | None = None,
    days: int = 14,
    limits: Limits | None = None,
    wall_s: float = 900,
    progress: Progress | None = None,
    command: Sequence[str] = COMMAND,
) -> AllocationRun:
    """Open the days, plan their capacity and publish it; returns the run as it ended.

    How ways go is measured on the `streets` before, where that is due; without any they are straight lines.
    Whatever goes wrong ends in the run's status and message; the plan published last goes on selling.
    """
    limits = limits or Limits()
    if streets is not None:
        measure_paces(db, streets)
    run_id = new_id()
    begun = db.write_now(partial(_begin, run_id=run_id, trigger=trigger, first=first, days=days))
    if begun is not None:
        _solve_and_publish(db, run_id, begun, limits, wall_s, progress, command)
    run = db.read_now(lambda conn, _: run_of(conn, run_id))
    if run is None:
        raise LookupError(f"the run {run_id} is gone")
    return run


def _solve_and_publish(
    db: Database,
    run_id: str,
    problem: Problem,
    limits: Limits,
    wall_s: float,
    progress: Progress | None,
    command: Sequence[str],
) -> None:
    def end(status: RunStatus, message: str, cause: str) -> None:
        db.write_now(partial(_ended, run_id=run_id, status=status, message=message, cause=cause))

    try:
        answer = run_solver(problem, limits, wall_s=wall_s, progress=progress, command=command)
    except (SolverFailed, OSError) as why:
        cause = why.cause if isinstance(why, SolverFailed) else "begin"
        return end(RunStatus.FAILED, f"{why} The last published plan stays.", cause)
    wrong = check(problem, answer)
    if wrong:
        message = f"The plan failed its check and is not used: {' '.join(wrong[:5])}"
        return end(RunStatus.REFUSED, message, "check")
    return db.write_now(partial(_publish, run_id=run_id, problem=problem, answer=answer))


def _begin(
    conn: Connection, now: datetime, *, run_id: str, trigger: str, first: date | None, days: int
) -> Problem | None:
    """Freeze the problem and open a run; None when the data cannot work, which the run then says."""
    _bury_stale(conn, now)
    try:
        start = first or plan_days(conn, now=now)
        open_days(conn, now=now, first=start, days=days)
        problem = _frozen(conn, now, start, days)
    except NothingToPlan as why:
        add(conn, _run(run_id, trigger, now, first or now.date(), days, why))
        cause = f"plan:data:{sha256(why.message.encode()).hexdigest()}"
        raise_alert(conn, now=now, kind=AlertKind.PLAN_REFUSED, cause=cause, message=why.message)
        return None
    add(conn, _run(run_id, trigger, now, start, days, problem))
    return problem


def _frozen(conn: Connection, now: datetime, first: date, days: int) -> Problem:
    """The problem; raises NothingToPlan where the data contradicts itself, in words."""
    wrong = contradictions(rows(conn, ShiftPattern, sa.select(table_of(ShiftPattern)).order_by("key")))
    if wrong:
        raise NothingToPlan(what=" ".join(wrong))
    try:
        return snapshot(conn, now=now, first=first, days=days)
    except (ValueError, LookupError, ArithmeticError) as why:
        what = f"The data cannot be planned with ({type(why).__name__}: {why})."
        raise NothingToPlan(what=what) from why


def _run(
    run_id: str, trigger: str, now: datetime, first: date, days: int, outcome: Problem | NothingToPlan
) -> AllocationRun:
    refused = isinstance(outcome, NothingToPlan)
    return AllocationRun(
        id=run_id,
        status=RunStatus.REFUSED if refused else RunStatus.SOLVING,
        trigger=trigger,
        started_at=now,
        finished_at=now if refused else None,
        first_day=first,
        days=days,
        currency="EUR" if isinstance(outcome, NothingToPlan) else outcome.currency,
        message=outcome.message if isinstance(outcome, NothingToPlan) else None,
        problem=None if isinstance(outcome, NothingToPlan) else packed(outcome),
    )


def _bury_stale(conn: Connection, now: datetime) -> None:
    """End the runs that have no plan yet: their planner was killed, or this one is newer than theirs."""
    run = table_of(AllocationRun)
    conn.execute(
        sa.update(run)
        .where(run.c.status == RunStatus.SOLVING)
        .values(status=RunStatus.FAILED, finished_at=now, message=_OVERTAKEN)
    )


def _publish(conn: Connection, now: datetime, *, run_id: str, problem: Problem, answer: Plan) -> None:
    """Publish what was checked, unless a newer run has begun: an older plan never replaces a newer one."""
    run = table_of(AllocationRun)
    mine = sa.select(run.c.status).where(run.c.id == run_id).with_for_update()
    if conn.execute(mine).scalar_one() is RunStatus.SOLVING:
        publish(conn, now=now, run_id=run_id, problem=problem, plan=answer)
        prices_begin(conn, now=now, run_id=run_id)
        clear_alerts(conn, now=now, kinds=_PLANS)
        _tell_unreached(conn, now, run_id, problem)


def _tell_unreached(conn: Connection, now: datetime, run_id: str, problem: Problem) -> None:
    """Say in the run and to operators which zones nobody can reach, by name; where that is over, clear it."""
    zone = table_of(ServiceZone)
    missed = sorted(unreached(problem))
    told = f"zones:{sha256(' '.join(missed).encode()).hexdigest()}"
    clear_alerts(conn, now=now, kinds=[AlertKind.ZONE_UNREACHABLE], but=[told] if missed else [])
    if not missed:
        return
    query = sa.select(zone.c.name, zone.c.code).where(zone.c.id.in_(missed)).order_by(zone.c.code)
    names = ", ".join(f"{row.name} ({row.code})" for row in conn.execute(query))
    message = f"No vehicle reaches {names}; check the reach of classes and the nodes. The others are planned."
    run = table_of(AllocationRun)
    conn.execute(sa.update(run).where(run.c.id == run_id).values(message=message))
    raise_alert(conn, now=now, kind=AlertKind.ZONE_UNREACHABLE, cause=told, message=message)


def _ended(
    conn: Connection, now: datetime, *, run_id: str, status: RunStatus, message: str, cause: str
) -> None:
    run = table_of(AllocationRun)
    ended = conn.execute(
        sa.update(run)
        .where(run.c.id == run_id, run.c.status == RunStatus.SOLVING)
        .values(status=status, finished_at=now, message=message)
    )
    if ended.rowcount:
        raise_alert(conn, now=now, kind=AlertKind.PLAN_FAILED, cause=f"plan:{cause}", message=message)
