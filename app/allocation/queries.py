"""Reads of plan runs with more than one caller."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import Plan, Problem, unpacked, unpacked_plan
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun, BindingLimit, DayPlan
from app.database.rows import one_or_none, rows, table_of

# Question and answer are large and only a replay wants them.
_SHOWN = [c for c in table_of(AllocationRun).columns if c.name not in ("problem", "plan")]


def run_of(conn: Connection, run_id: str | None = None) -> AllocationRun | None:
    """The run with this id, or the newest that was published; without question and answer."""
    run = table_of(AllocationRun)
    query = sa.select(*_SHOWN)
    if run_id is None:
        published = run.c.status == RunStatus.PUBLISHED
        query = query.where(published).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(1)
    else:
        query = query.where(run.c.id == run_id)
    return one_or_none(conn, AllocationRun, query)


def newest_run(conn: Connection) -> AllocationRun | None:
    """The newest run, whatever became of it."""
    run = table_of(AllocationRun)
    query = sa.select(*_SHOWN).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(1)
    return one_or_none(conn, AllocationRun, query)


def binding_limits(conn: Connection, run_id: str) -> Sequence[BindingLimit]:
    """What limited a run, the dearest first."""
    limit = table_of(BindingLimit)
    query = sa.select(limit).where(limit.c.run_id == run_id).order_by(limit.c.worth_minor.desc(), limit.c.id)
    return rows(conn, BindingLimit, query)


def day_plans(conn: Connection, run_id: str) -> Sequence[DayPlan]:
    """The certificates of a run's days."""
    plan = table_of(DayPlan)
    return rows(conn, DayPlan, sa.select(plan).where(plan.c.run_id == run_id).order_by(plan.c.day))


def question_and_answer(conn: Connection, run_id: str) -> tuple[Problem, Plan] | None:
    """The frozen problem of a published run and the plan it got; None for any other run."""
    run = table_of(AllocationRun)
    row = conn.execute(sa.select(run.c.problem, run.c.plan).where(run.c.id == run_id)).one_or_none()
    if row is None or row.problem is None or row.plan is None:
        return None
    return unpacked(row.problem), unpacked_plan(row.plan)
