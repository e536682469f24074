"""End the pause of a standing slot: what lies within the horizon is booked ahead again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.database.idempotency import once
from app.database.rows import row_of, table_of
from app.standing.book_days import book_days
from app.standing.queries import locked_standing
from app.standing.rules import next_day
from app.standing.series import SERIES, Series, series_of
from app.standing.tables import StandingSlot
from app.values.actor import Actor
from app.values.window import local_day


def resume(conn: Connection, *, now: datetime, actor: Actor, standing_id: str, key: str) -> Series:
    """The standing slot without a pause; weeks whose window has filled meanwhile are missed.

    Raises StandingSlotNotFound, StandingSlotEnded and those of `once`.
    """
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:resume_standing",
        key=key,
        request={"standing": standing_id},
        answer=SERIES,
        work=lambda: _resume(conn, now, actor, standing_id),
    )


def _resume(conn: Connection, now: datetime, actor: Actor, standing_id: str) -> Series:
    row = locked_standing(conn, actor=actor, standing_id=standing_id)
    coming = next_day(row, local_day(now, row.time_zone))
    changes = {"paused_from": None, "paused_until": None, "next_day": coming}
    table = table_of(StandingSlot)
    conn.execute(sa.update(table).where(table.c.id == row.id).values(**changes))
    facts = {"actor": actor.name}
    events.record(conn, now=now, topic=f"standing:{row.id}", kind="standing.resumed", payload=facts)
    resumed = book_days(conn, now=now, row=row_of(StandingSlot, {**row.model_dump(), **changes}))
    return series_of(conn, now=now, found=[resumed])[0]
