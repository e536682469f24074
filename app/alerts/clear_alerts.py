"""Note that what operators were alerted to is over."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.rules import AlertKind
from app.alerts.tables import OperatorAlert
from app.database.rows import table_of


def clear_alerts(
    conn: Connection,
    *,
    now: datetime,
    kinds: Collection[AlertKind],
    but: Collection[str] = (),
    causes: Collection[str] | None = None,
) -> int:
    """Clear the open alerts of these kinds, of all causes or some; should they come again, that is news."""
    table = table_of(OperatorAlert)
    over = sa.and_(
        table.c.kind.in_(list(kinds)), table.c.cleared_at.is_(None), table.c.cause.not_in(list(but))
    )
    if causes is not None:
        over = sa.and_(over, table.c.cause.in_(list(causes)))
    return conn.execute(sa.update(table).where(over).values(cleared_at=now)).rowcount
