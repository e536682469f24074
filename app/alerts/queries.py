"""Reads of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.tables import OperatorAlert
from app.database.rows import by_id, rows, table_of


def alerts(conn: Connection, *, only_open: bool, limit: int = 100) -> Sequence[OperatorAlert]:
    """The newest alerts; only those that are not over, or all."""
    table = table_of(OperatorAlert)
    query = sa.select(table).order_by(table.c.raised_at.desc(), table.c.id.desc()).limit(limit)
    return rows(conn, OperatorAlert, query.where(table.c.cleared_at.is_(None)) if only_open else query)


def count_open(conn: Connection) -> int:
    """How many alerts are not over."""
    table = table_of(OperatorAlert)
    still = sa.select(sa.func.count()).select_from(table).where(table.c.cleared_at.is_(None))
    return int(conn.execute(still).scalar_one())


def unmailed(conn: Connection, alert_id: str) -> OperatorAlert | None:
    """The alert, if nobody has been told of it by mail."""
    found = by_id(conn, OperatorAlert, alert_id)
    return found if found and found.mailed_at is None else None


def mailed(conn: Connection, *, now: datetime, alert_id: str) -> None:
    """Note that operators were told of it."""
    table = table_of(OperatorAlert)
    conn.execute(sa.update(table).where(table.c.id == alert_id).values(mailed_at=now))
