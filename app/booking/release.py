"""Give a held slot back before it ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.end_hold import end_hold
from app.booking.errors import HoldAlreadyConfirmed
from app.booking.queries import locked_hold
from app.booking.rules import OCCUPYING, HoldStatus
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import SlotHold
from app.values.actor import Actor


def release(conn: Connection, *, now: datetime, actor: Actor, hold_id: str) -> SlotHold:
    """End the hold now and serve those who wait for its room; one that has ended is returned as it is.

    Raises HoldNotFound, HoldAlreadyConfirmed.
    """
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    if held.status is HoldStatus.CONFIRMED:
        raise HoldAlreadyConfirmed(field=("input", "holdId"))
    if held.status not in OCCUPYING:
        return held
    status = HoldStatus.EXPIRED if held.expires_at <= now else HoldStatus.RELEASED
    reason = "released by the customer"
    ended = end_hold(conn, now=now, actor=actor.name, held=held, status=status, reason=reason)
    serve_waitlist(conn, now=now, pool_ids=[held.pool_id])
    return ended
