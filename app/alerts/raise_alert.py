"""Let operators know of something, once for as long as it lasts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app import events, jobs
from app.alerts.rules import AlertKind
from app.alerts.tables import OperatorAlert
from app.database.rows import table_of


def raise_alert(conn: Connection, *, now: datetime, kind: AlertKind, cause: str, message: str) -> bool:
    """Whether it is news: then an event is recorded and a mail is left to be sent.

    An alert of the same cause that is still open is counted once more, and nobody is told again.
    """
    table = table_of(OperatorAlert)
    again = {"times": table.c.times + 1, "last_at": now, "message": message}
    known = sa.and_(table.c.cause == cause, table.c.cleared_at.is_(None))
    if conn.execute(sa.update(table).where(known).values(**again)).rowcount:
        return False
    alert = OperatorAlert(kind=kind, cause=cause, message=message, raised_at=now, last_at=now)
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    made = insert(table).values(alert.model_dump()).on_conflict_do_nothing()
    if conn.execute(made.returning(table.c.id)).first() is None:
        return False
    facts = {"alert_id": alert.id}
    events.record(conn, now=now, topic="alerts", kind="alert.raised", payload=facts)
    jobs.later(conn, now=now, kind="operators.alert", payload=facts, dedup_key=f"alert:{alert.id}")
    return True
