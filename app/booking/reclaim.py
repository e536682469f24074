"""Take back what ended holds still occupy: expiry is a comparison, this only tidies the counters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import HoldStatus
from app.booking.tables import SlotHold
from app.capacity.give_back import give_back
from app.database.rows import row_of, table_of
from app.promotions.give_back import give_back as give_back_promotion


def reclaim(
    conn: Connection, *, now: datetime, pool_ids: Sequence[str] | None = None, limit: int = 500
) -> int:
    """End active holds past their time, in these pools or anywhere; returns how many were ended.

    Holds that another transaction is working on are left to it.
    """
    hold = table_of(SlotHold)
    due = (
        sa.select(hold.c.id)
        .where(hold.c.status == HoldStatus.ACTIVE, hold.c.expires_at <= now)
        .order_by(hold.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if pool_ids is not None:
        due = due.where(hold.c.pool_id.in_(pool_ids))
    ended = conn.execute(
        sa.update(hold)
        .where(hold.c.id.in_(due.scalar_subquery()), hold.c.status == HoldStatus.ACTIVE)
        .values(status=HoldStatus.EXPIRED, version=hold.c.version + 1)
        .returning(hold)
    )
    holds = sorted((row_of(SlotHold, row._mapping) for row in ended), key=lambda h: h.pool_id)
    for one in holds:
        give_back(
            conn,
            now=now,
            actor="clock",
            pool_id=one.pool_id,
            held=one.load,
            expired=True,
            reference=one.id,
            reason="the hold ended",
        )
        give_back_promotion(conn, hold_id=one.id)
    return len(holds)
