"""Give a held slot back before it ends."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import HoldAlreadyConfirmed
from app.booking.queries import locked_hold
from app.booking.rules import HoldStatus
from app.booking.tables import SlotHold
from app.capacity.give_back import give_back
from app.database.rows import row_of, table_of
from app.promotions.give_back import give_back as give_back_promotion
from app.values.actor import Actor


def release(conn: Connection, *, now: datetime, actor: Actor, hold_id: str) -> SlotHold:
    """End the hold now; one that has ended already is returned as it is.

    Raises HoldNotFound, HoldAlreadyConfirmed.
    """
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    if held.status is HoldStatus.CONFIRMED:
        raise HoldAlreadyConfirmed(field=("input", "holdId"))
    if held.status is not HoldStatus.ACTIVE:
        return held
    expired = held.expires_at <= now
    changes = {
        "status": HoldStatus.EXPIRED if expired else HoldStatus.RELEASED,
        "version": held.version + 1,
    }
    table = table_of(SlotHold)
    conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    give_back(
        conn,
        now=now,
        actor=actor.name,
        pool_id=held.pool_id,
        held=held.load,
        expired=expired,
        reference=held.id,
        reason="released by the customer",
    )
    give_back_promotion(conn, hold_id=held.id)
    return row_of(SlotHold, {**held.model_dump(), **changes})
