"""Jobs: outbox, retries and timers in one table, written in the transaction that causes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.database.rows import made, row_of, table_of
from app.values.ids import new_id

FIRST_RETRY = timedelta(seconds=5)
LAST_RETRY = timedelta(minutes=15)


class JobState(StrEnum):
    """A job waits (READY, also while a worker holds its lease), is DONE, or gave up (DEAD)."""

    READY = "READY"
    DONE = "DONE"
    DEAD = "DEAD"


_READY = "state = 'READY'"


class Job(SQLModel, table=True):
    """One piece of work to be done after the transaction that asked for it."""

    __table_args__ = (
        sa.Index(
            "job_ready",
            "run_at",
            postgresql_where=sa.text(_READY),
            sqlite_where=sa.text(_READY),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    kind: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    dedup_key: str | None = Field(default=None, unique=True)
    run_at: datetime
    attempts: int = 0
    max_attempts: int = 20
    locked_until: datetime | None = None
    state: JobState = Field(default=JobState.READY, sa_type=words(JobState))
    last_error: str | None = Field(default=None, sa_type=sa.Text)
    created_at: datetime


def later(
    conn: Connection,
    *,
    now: datetime,
    kind: str,
    payload: Mapping[str, Any],
    dedup_key: str | None = None,
    run_at: datetime | None = None,
    max_attempts: int = 20,
) -> bool:
    """Ask for a job; False when one with this dedup key was asked for before."""
    job = made(
        Job,
        kind=kind,
        payload=dict(payload),
        dedup_key=dedup_key,
        run_at=run_at or now,
        max_attempts=max_attempts,
        created_at=now,
    )
    told = {name: getattr(job, name) for name in Job.model_fields}
    return conn.execute(_asking(conn.dialect.name), told).first() is not None


@cache
def _asking(dialect: str) -> sa.Executable:
    table = table_of(Job)
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    return insert.on_conflict_do_nothing(index_elements=["dedup_key"]).returning(table.c.id)


def claim(conn: Connection, *, now: datetime, limit: int, lease: timedelta) -> list[Job]:
    """Lease due jobs that nobody holds; the attempt number is the fence of this lease."""
    table = table_of(Job)
    due = (
        sa.select(table.c.id)
        .where(
            _waiting(),
            table.c.run_at <= now,
            sa.or_(table.c.locked_until.is_(None), table.c.locked_until < now),
        )
        .order_by(table.c.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leased = conn.execute(
        sa.update(table)
        .where(table.c.id.in_(due.scalar_subquery()))
        .values(locked_until=now + lease, attempts=table.c.attempts + 1)
        .returning(table)
    )
    return [row_of(Job, found._mapping) for found in leased]


def _waiting() -> sa.TextClause:
    """That a job is READY, in the words of its partial index: SQLite proves nothing from a parameter."""
    return sa.text(f"job.{_READY}")


def renew(conn: Connection, *, now: datetime, job: Job, lease: timedelta) -> bool:
    """Hold a leased job for longer; False when a later lease has taken it over."""
    return _noted(conn, job, locked_until=now + lease)


def finish(conn: Connection, *, job: Job) -> bool:
    """Mark a leased job done; False when a later lease has taken it over."""
    return _noted(conn, job, state=JobState.DONE, locked_until=None)


def fail(conn: Connection, *, now: datetime, job: Job, error: str, final: bool = False) -> bool:
    """Give a leased job back to be retried with back-off, or bury it when it may not be.

    The wait is 5 s x 3^attempts, at most 15 minutes, give or take a tenth that differs per job.
    False when a later lease has taken it over.
    """
    if final or job.attempts >= job.max_attempts:
        return _noted(conn, job, state=JobState.DEAD, locked_until=None, last_error=error)
    wait = min(LAST_RETRY, FIRST_RETRY * 3 ** min(job.attempts - 1, 10))
    spread = 0.9 + 0.2 * (int(job.id.replace("-", "")[-4:], 16) / 0xFFFF)
    return _noted(conn, job, run_at=now + wait * spread, locked_until=None, last_error=error)


def _noted(conn: Connection, job: Job, **values: Any) -> bool:
    table = table_of(Job)
    leased = sa.and_(table.c.id == job.id, table.c.attempts == job.attempts, table.c.state == JobState.READY)
    return conn.execute(sa.update(table).where(leased).values(**values)).rowcount == 1
