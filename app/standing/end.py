"""End a standing slot: nothing more is booked ahead for it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.serve_waitlist import serve_waitlist
from app.database.rows import row_of, table_of
from app.standing.let_go import let_go
from app.standing.queries import locked_standing, occurrences_of
from app.standing.rules import OccurrenceState
from app.standing.series import Series, series_of
from app.standing.tables import StandingSlot
from app.values.actor import Actor


def end(conn: Connection, *, now: datetime, actor: Actor, standing_id: str) -> Series:
    """The standing slot as ENDED: what was held for it is given back, what is booked stays.

    A second call changes nothing. Raises StandingSlotNotFound.
    """
    row = locked_standing(conn, actor=actor, standing_id=standing_id, ended_too=True)
    if row.ended_at is None:
        table = table_of(StandingSlot)
        conn.execute(sa.update(table).where(table.c.id == row.id).values(ended_at=now))
        row = row_of(StandingSlot, {**row.model_dump(), "ended_at": now})
        _, pools = let_go(
            conn,
            now=now,
            actor=actor,
            occurrences=occurrences_of(conn, [row.id]),
            reason="the standing slot ended",
            changes={"state": OccurrenceState.RELEASED},
        )
        facts = {"actor": actor.name}
        events.record(conn, now=now, topic=f"standing:{row.id}", kind="standing.ended", payload=facts)
        serve_waitlist(conn, now=now, pool_ids=pools)
    return series_of(conn, now=now, found=[row])[0]
