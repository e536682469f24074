"""Note what became of weeks whose hold has ended: ordered, given back, or released at the deadline."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import OCCUPYING, HoldStatus, status_at
from app.booking.tables import SlotHold
from app.database.rows import row_of, table_of
from app.standing.leave_word import leave_word
from app.standing.rules import OPEN, OccurrenceState
from app.standing.tables import StandingSlotOccurrence
from app.standing.write_occurrence import write_occurrence


def settle(conn: Connection, *, now: datetime, limit: int = 500) -> int:
    """Write down what is seen of these weeks anyway, and tell the customers whose window was released.

    Weeks that somebody is changing are left to the next round. Returns how many were noted.
    """
    hold, occurrence = table_of(SlotHold), table_of(StandingSlotOccurrence)
    query = (
        sa.select(occurrence, hold.c.status.label("hold_status"), hold.c.expires_at)
        .join(hold, hold.c.id == occurrence.c.hold_id)
        .where(
            occurrence.c.state.in_(OPEN),
            sa.or_(hold.c.status.not_in(OCCUPYING), hold.c.expires_at <= now),
        )
        .order_by(occurrence.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = conn.execute(query).all()
    for row in found:
        values = dict(row._mapping)
        seen = status_at(values.pop("hold_status"), values.pop("expires_at"), now)
        known = row_of(StandingSlotOccurrence, values)
        confirmed = seen is HoldStatus.CONFIRMED
        state = OccurrenceState.CONFIRMED if confirmed else OccurrenceState.RELEASED
        settled = write_occurrence(
            conn, now=now, standing_id=known.standing_id, day=known.day, known=known, state=state
        )
        if seen is HoldStatus.EXPIRED:
            leave_word(conn, now=now, occurrence=settled, what="released", tell=True)
    return len(found)
