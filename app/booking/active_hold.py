"""A hold that may still be changed: the first beat of every verb that changes one."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import HoldAlreadyConfirmed, HoldEnded, HoldReleased
from app.booking.queries import locked_hold
from app.booking.rules import HoldStatus, status_at
from app.booking.tables import SlotHold
from app.database.rows import row_of, table_of
from app.values.actor import Actor


def active_hold(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    hold_id: str,
    field: tuple[str, ...] = ("input", "holdId"),
) -> SlotHold:
    """The caller's hold, locked.

    Raises HoldNotFound, HoldEnded, HoldReleased, HoldAlreadyConfirmed.
    """
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    match status_at(held.status, held.expires_at, now):
        case HoldStatus.CONFIRMED:
            raise HoldAlreadyConfirmed(field=field)
        case HoldStatus.RELEASED:
            raise HoldReleased(field=field)
        case HoldStatus.EXPIRED:
            raise HoldEnded(field=field, expired_at=held.expires_at.isoformat())
    return held


def touched(conn: Connection, held: SlotHold) -> SlotHold:
    """The hold with its version counted up."""
    table = table_of(SlotHold)
    version = held.version + 1
    conn.execute(sa.update(table).where(table.c.id == held.id).values(version=version))
    return row_of(SlotHold, {**held.model_dump(), "version": version})
