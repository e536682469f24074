"""Mark what became of a notification."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.engagement.rules import NotificationStatus
from app.engagement.tables import Notification


def mark(
    conn: Connection,
    *,
    now: datetime,
    notification_id: str,
    status: NotificationStatus,
    reason: str | None = None,
) -> bool:
    """Note that a pending notification was sent or failed; False when that was noted before."""
    table = table_of(Notification)
    pending = sa.and_(table.c.id == notification_id, table.c.status == NotificationStatus.PENDING)
    sent_at = now if status is NotificationStatus.SENT else None
    change = sa.update(table).where(pending).values(status=status, sent_at=sent_at, reason=reason)
    return conn.execute(change).rowcount == 1
