"""Take back what ended holds still occupy: expiry is a comparison, this only tidies the counters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.end_hold import freed
from app.booking.rules import HoldStatus
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import SlotHold, occupying
from app.capacity.lock import lock
from app.database.rows import row_of, table_of
from app.pricing.spend import give_back_spent
from app.tours.remove import remove


def reclaim(
    conn: Connection, *, now: datetime, pool_ids: Sequence[str] | None = None, limit: int = 500
) -> int:
    """End open holds past their time, in these pools or anywhere; returns how many were ended.

    Those who wait for the room are served at once. Holds that another transaction is working on are
    left to it.
    """
    hold = table_of(SlotHold)
    due = (
        sa.select(hold.c.id)
        .where(occupying(), hold.c.expires_at <= now)
        .order_by(hold.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if pool_ids is not None:
        due = due.where(hold.c.pool_id.in_(pool_ids))
    ended = conn.execute(
        sa.update(hold)
        .where(hold.c.id.in_(due.scalar_subquery()), occupying())
        .values(status=HoldStatus.EXPIRED, version=hold.c.version + 1, changed_at=now)
        .returning(hold)
    )
    holds = sorted((row_of(SlotHold, row._mapping) for row in ended), key=lambda h: h.pool_id)
    if holds:
        # All pools before the first promotion: whoever ends a single hold takes them in that order too.
        lock(conn, pool_ids=[one.pool_id for one in holds])
    for one in holds:
        freed(conn, now=now, actor="clock", held=one, expired=True, reason="the hold ended")
    pools = [one.pool_id for one in holds]
    ids = [one.id for one in holds]
    remove(conn, now=now, pool_ids=pools, references=ids)
    give_back_spent(conn, now=now, hold_ids=ids)
    serve_waitlist(conn, now=now, pool_ids=pools)
    return len(holds)
