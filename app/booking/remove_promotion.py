"""Take a promotion off a hold and give its use back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.active_hold import active_hold, touched
from app.booking.tables import SlotHold
from app.promotions.give_back import give_back
from app.values.actor import Actor


def remove_promotion(conn: Connection, *, now: datetime, actor: Actor, hold_id: str, code: str) -> SlotHold:
    """The hold without the code; one that was not applied changes nothing.

    Raises HoldNotFound, HoldEnded, HoldReleased, HoldAlreadyConfirmed.
    """
    held = active_hold(conn, now=now, actor=actor, hold_id=hold_id)
    return touched(conn, now, held) if give_back(conn, now=now, hold_id=held.id, code=code) else held
