"""Remind customers who have not ordered for a week that is booked ahead, before it is released."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.menu import policy_of
from app.booking.tables import SlotHold, occupying
from app.database.rows import row_of, table_of
from app.standing.leave_word import leave_word
from app.standing.rules import OPEN
from app.standing.tables import StandingSlotOccurrence


def remind(conn: Connection, *, now: datetime, storefront_id: str, limit: int = 500) -> int:
    """Leave word for the reminder of each week whose submit deadline is near, once for each window.

    Near is what the storefront's policy says, a day by default. Returns how many there were.
    """
    hold, occurrence = table_of(SlotHold), table_of(StandingSlotOccurrence)
    near = now + timedelta(minutes=policy_of(conn, storefront_id).standing_remind_min)
    due = (
        sa.select(occurrence.c.id)
        .join(hold, hold.c.id == occurrence.c.hold_id)
        .where(
            occurrence.c.state.in_(OPEN),
            occurrence.c.reminded_at.is_(None),
            hold.c.storefront_id == storefront_id,
            occupying(),
            hold.c.expires_at > now,
            hold.c.expires_at <= near,
        )
        .order_by(occurrence.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=occurrence)
    )
    reminded = conn.execute(
        sa.update(occurrence)
        .where(occurrence.c.id.in_(due.scalar_subquery()), occurrence.c.reminded_at.is_(None))
        .values(reminded_at=now)
        .returning(occurrence)
    )
    found = [row_of(StandingSlotOccurrence, row._mapping) for row in reminded]
    for one in found:
        leave_word(conn, now=now, occurrence=one, what="reminder", tell=True)
    return len(found)
