"""Say that somebody looks after an alert."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.errors import AlertNotFound
from app.alerts.tables import OperatorAlert
from app.database.rows import by_id, table_of
from app.errors import OperatorsOnly
from app.values.actor import Actor


def acknowledge(conn: Connection, *, now: datetime, actor: Actor, alert_id: str) -> OperatorAlert:
    """The alert with who looks after it; the first one stays. Raises OperatorsOnly, AlertNotFound."""
    if not actor.is_operator:
        raise OperatorsOnly
    table = table_of(OperatorAlert)
    unseen = sa.and_(table.c.id == alert_id, table.c.acknowledged_at.is_(None))
    conn.execute(sa.update(table).where(unseen).values(acknowledged_at=now, acknowledged_by=actor.name))
    found = by_id(conn, OperatorAlert, alert_id)
    if found is None:
        raise AlertNotFound(field=("input", "alertId"))
    return found
