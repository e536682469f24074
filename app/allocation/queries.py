"""Reads of plan runs with more than one caller."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun, BindingLimit, DayPlan
from app.database.rows import one_or_none, rows, table_of

# The frozen problem is large and only a replay wants it.
_SHOWN = [c for c in table_of(AllocationRun).columns if c.name != "problem"]


def run_of(conn: Connection, run_id: str | None = None) -> AllocationRun | None:
    """The run with this id, or the newest that was published; without its frozen problem."""
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
