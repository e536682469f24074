"""Pause a standing slot for some time: it keeps its window for afterwards."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.serve_waitlist import serve_waitlist
from app.database.rows import row_of, table_of
from app.standing.errors import InvalidPause
from app.standing.let_go import let_go
from app.standing.queries import locked_standing, occurrences_of
from app.standing.rules import OccurrenceState, next_day, paused_on
from app.standing.series import Series, series_of
from app.standing.tables import StandingSlot
from app.values.actor import Actor
from app.values.window import local_day


def pause(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    standing_id: str,
    first: date,
    last: date | None = None,
) -> Series:
    """The standing slot without deliveries on local days `first`..`last`, or until it is resumed.

    It takes the place of an earlier pause, whose weeks are booked again by the clock. What is held for the
    days of the pause is given back; what is booked stays. Raises StandingSlotNotFound, StandingSlotEnded,
    InvalidPause.
    """
    if last is not None and last < first:
        raise InvalidPause(field=("input", "until"))
    row = locked_standing(conn, actor=actor, standing_id=standing_id)
    today = local_day(now, row.time_zone)
    # Every coming day is looked at again: those in the pause rest, those of an earlier one do not.
    changes = {"paused_from": first, "paused_until": last, "next_day": next_day(row, today)}
    table = table_of(StandingSlot)
    conn.execute(sa.update(table).where(table.c.id == row.id).values(**changes))
    paused = row_of(StandingSlot, {**row.model_dump(), **changes})
    resting = [one for one in occurrences_of(conn, [row.id], since=today) if paused_on(paused, one.day)]
    _, pools = let_go(
        conn,
        now=now,
        actor=actor,
        occurrences=resting,
        reason="the standing slot is paused",
        changes={"state": OccurrenceState.PAUSED, "slot_id": None, "hold_id": None, "difference_minor": None},
    )
    facts = {"actor": actor.name, "from": first.isoformat(), "until": last.isoformat() if last else None}
    events.record(conn, now=now, topic=f"standing:{row.id}", kind="standing.paused", payload=facts)
    serve_waitlist(conn, now=now, pool_ids=pools)
    return series_of(conn, now=now, found=[paused])[0]
