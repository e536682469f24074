"""Book ahead what has entered the horizon: the clock's round of one standing slot."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, table_of
from app.standing.book_days import book_days
from app.standing.tables import StandingSlot


def book_ahead(conn: Connection, *, now: datetime, standing_id: str) -> StandingSlot | None:
    """The standing slot with its new days booked; None where it has ended.

    However many workers do it at once, a day is decided once: they take turns on the row.
    """
    table = table_of(StandingSlot)
    alive = sa.and_(table.c.id == standing_id, table.c.ended_at.is_(None))
    row = one_or_none(conn, StandingSlot, sa.select(table).where(alive).with_for_update())
    return book_days(conn, now=now, row=row) if row else None
