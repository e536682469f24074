"""Assign a day's bookings to pools from end to end: freeze, solve in another process, check, publish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.check_orders import check_orders
from app.allocation.orders import OrderLimits, OrderPlan, packed_orders
from app.allocation.rules import RunStatus
from app.assignment.facts import Scope
from app.assignment.publish import Told, publish_assignment
from app.assignment.queries import assignment_run_of
from app.assignment.rules import AssignmentTrigger
from app.assignment.snapshot import Frozen, freeze
from app.assignment.tables import AssignmentRun
from app.booking.lock_unchanged import Outdated
from app.capacity.transfer import NoRoom
from app.database.rows import add, table_of
from app.database.runner import Database
from app.values.ids import new_id
from app.worker.day_alerts import assignment_failed, assignment_works
from app.worker.solver import ORDERS_COMMAND, SolverFailed, run_orders

TRIES = 3
_REASONS = {
    AssignmentTrigger.HOUR: "the hourly plan found a better vehicle for it",
    AssignmentTrigger.CUTOFF: "planned at the cut-off",
    AssignmentTrigger.OPERATOR: "an operator had the day planned anew",
    AssignmentTrigger.DISRUPTION: "what should have brought it broke down",
}
_MEANWHILE = "Something was booked while this was solved; the next run takes it into account."

type Publish = Callable[[Connection, datetime, str, Frozen, OrderPlan], None]


def assign(
    db: Database,
    *,
    day: date,
    trigger: AssignmentTrigger,
    scope: Scope | None = None,
    limits: OrderLimits | None = None,
    wall_s: float = 300,
    command: Sequence[str] = ORDERS_COMMAND,
    publish: Publish | None = None,
    disruption_id: str | None = None,
) -> AssignmentRun:
    """Assign and publish; returns the last run as it ended. A plan that something was booked under is made
    again, at most three times; whatever fails leaves every booking where it is and alerts operators.
    """
    scope = scope or Scope(at_cutoff=trigger is AssignmentTrigger.CUTOFF)
    told = Told("planner", _REASONS[trigger], disruption_id)
    writing = publish or partial(_publish, told=told)
    run = _once(db, day, trigger, scope, limits or OrderLimits(), wall_s, command, writing, disruption_id)
    for _ in range(TRIES - 1):
        if run.message != _MEANWHILE:
            break
        run = _once(db, day, trigger, scope, limits or OrderLimits(), wall_s, command, writing, disruption_id)
    if run.status is not RunStatus.PUBLISHED and disruption_id is None:
        message = run.message or run.status
        db.write_now(lambda conn, now: assignment_failed(conn, now, day=day, message=message))
    return run


def _once(
    db: Database,
    day: date,
    trigger: AssignmentTrigger,
    scope: Scope,
    limits: OrderLimits,
    wall_s: float,
    command: Sequence[str],
    publish: Publish,
    disruption_id: str | None,
) -> AssignmentRun:
    run_id = new_id()
    frozen = db.write_now(
        partial(_begin, run_id=run_id, day=day, trigger=trigger, scope=scope, disruption_id=disruption_id)
    )

    def end(status: RunStatus, message: str) -> AssignmentRun:
        db.write_now(partial(_ended, run_id=run_id, status=status, message=message))
        return _run(db, run_id)

    try:
        plan = run_orders(frozen.problem, limits, wall_s=wall_s, command=command)
    except (SolverFailed, OSError) as why:
        return end(RunStatus.FAILED, f"{why} Every booking stays where it is.")
    wrong = check_orders(frozen.problem, plan)
    if wrong:
        return end(RunStatus.REFUSED, f"The plan failed its check and is not used: {' '.join(wrong[:5])}")

    def write(conn: Connection, now: datetime) -> None:
        publish(conn, now, run_id, frozen, plan)
        assignment_works(conn, now, day=day)

    try:
        db.write_now(write)
    except (Outdated, NoRoom):
        return end(RunStatus.FAILED, _MEANWHILE)
    return _run(db, run_id)


def _begin(
    conn: Connection,
    now: datetime,
    *,
    run_id: str,
    day: date,
    trigger: AssignmentTrigger,
    scope: Scope,
    disruption_id: str | None,
) -> Frozen:
    frozen = freeze(conn, now=now, day=day, scope=scope)
    run = AssignmentRun(
        id=run_id,
        status=RunStatus.SOLVING,
        trigger=trigger,
        day=day,
        started_at=now,
        currency=frozen.problem.currency,
        orders=len(frozen.bookings),
        disruption_id=disruption_id,
        problem=packed_orders(frozen.problem),
    )
    add(conn, run)
    return frozen


def _publish(
    conn: Connection, now: datetime, run_id: str, frozen: Frozen, plan: OrderPlan, *, told: Told
) -> None:
    publish_assignment(conn, now=now, run_id=run_id, frozen=frozen, plan=plan, told=told)


def _ended(conn: Connection, now: datetime, *, run_id: str, status: RunStatus, message: str) -> None:
    run = table_of(AssignmentRun)
    conn.execute(
        sa.update(run).where(run.c.id == run_id).values(status=status, finished_at=now, message=message)
    )


def _run(db: Database, run_id: str) -> AssignmentRun:
    run = db.read_now(lambda conn, _: assignment_run_of(conn, run_id))
    if run is None:
        raise LookupError(f"the run {run_id} is gone")
    return run
