"""The plan that sells among the runs before and after it: what it changed, and what went wrong since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.outline import Outline, outlined, unpacked_outline
from app.allocation.plan_changes import PlanChanges, plan_changes
from app.allocation.publish import day_pools
from app.allocation.queries import SHOWN, question_and_answer, run_of
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun
from app.database.rows import one_or_none, rows, table_of


@dataclass(frozen=True, slots=True)
class ChangesSince:
    """What a published run changed against the one that was published before it."""

    run: AllocationRun
    before: AllocationRun
    changes: PlanChanges

    def of(self, day: date) -> ChangesSince:
        """Those of one local day."""
        return replace(self, changes=self.changes.of(day))


def changes_of_run(conn: Connection, run_id: str | None = None) -> ChangesSince | None:
    """What this run, or the newest published one, changed; None where there is nothing to compare with."""
    run = run_of(conn, run_id)
    before = _before(conn, run) if run and run.status is RunStatus.PUBLISHED else None
    if run is None or before is None:
        return None
    old, new = outline_of(conn, before.id), outline_of(conn, run.id)
    if old is None or new is None:
        return None
    return ChangesSince(run, before, plan_changes(old, new, since=run.started_at))


def outline_of(conn: Connection, run_id: str) -> Outline | None:
    """What a published run sells and rosters; worked out anew where it was not kept yet."""
    run = table_of(AllocationRun)
    stored = conn.execute(sa.select(run.c.outline).where(run.c.id == run_id)).scalar_one_or_none()
    if stored is not None:
        return unpacked_outline(stored)
    known = question_and_answer(conn, run_id)
    if known is None:
        return None
    problem, plan = known
    days = zip(problem.days, plan.days, strict=True)
    return outlined(problem, plan, [pool for day, s in days for pool in day_pools(problem, day, s)])


def runs_since(conn: Connection, run: AllocationRun) -> Sequence[AllocationRun]:
    """The runs that were begun after this one, the newest first, without question and answer."""
    table = table_of(AllocationRun)
    query = sa.select(*SHOWN).where(table.c.started_at > run.started_at, table.c.id != run.id)
    return rows(conn, AllocationRun, query.order_by(table.c.started_at.desc(), table.c.id.desc()))


def _before(conn: Connection, run: AllocationRun) -> AllocationRun | None:
    table = table_of(AllocationRun)
    query = (
        sa.select(*SHOWN)
        .where(
            table.c.status == RunStatus.PUBLISHED,
            table.c.id != run.id,
            sa.or_(
                table.c.started_at < run.started_at,
                sa.and_(table.c.started_at == run.started_at, table.c.id < run.id),
            ),
        )
        .order_by(table.c.started_at.desc(), table.c.id.desc())
        .limit(1)
    )
    return one_or_none(conn, AllocationRun, query)
