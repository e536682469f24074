"""Events: what happened, as rows in the transaction that made it happen; readers keep a cursor.

On PostgreSQL the cursor is the pair (transaction, id): ids are given before commits, so a reader that
remembers the id alone loses events of slower transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import Field, SQLModel

from app.database.rows import row_of, table_of


class Event(SQLModel, table=True):
    """One thing that happened. `xid` is the PostgreSQL transaction, 0 on SQLite."""

    __table_args__ = (sa.Index("event_cursor", "xid", "id"),)

    id: int | None = Field(
        default=None, sa_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    xid: int = Field(default=0, sa_type=sa.BigInteger)
    topic: str = Field(index=True)
    kind: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    at: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event a reader has seen."""

    xid: int = 0
    id: int = 0


def record(conn: Connection, *, now: datetime, topic: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Write down that something happened, visible when the transaction commits."""
    told = {"topic": topic, "kind": kind, "payload": dict(payload), "at": now}
    conn.execute(_recording(conn.dialect.name), told)


@cache
def _recording(dialect: str) -> sa.Insert:
    xid: Any = sa.literal_column("pg_current_xact_id()::text::bigint") if dialect == "postgresql" else 0
    columns: dict[str, Any] = {name: sa.bindparam(name) for name in ("topic", "kind", "payload", "at")}
    return sa.insert(table_of(Event)).values(xid=xid, **columns)


def since(conn: Connection, *, cursor: Cursor, topic: str | None = None, limit: int = 5000) -> list[Event]:
    """Events after the cursor in the order of their cursor, none skipped by concurrent writers."""
    table = table_of(Event)
    after = sa.or_(table.c.xid > cursor.xid, sa.and_(table.c.xid == cursor.xid, table.c.id > cursor.id))
    query = sa.select(table).where(after).order_by(table.c.xid, table.c.id).limit(limit)
    if topic is not None:
        query = query.where(table.c.topic == topic)
    if conn.dialect.name == "postgresql":
        # Transactions that may still commit below this number are waited for.
        settled: sa.ColumnElement[int] = sa.literal_column(
            "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        )
        query = query.where(table.c.xid < settled)
    return [row_of(Event, found._mapping) for found in conn.execute(query)]
