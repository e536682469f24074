"""A hold that may still be changed: the first beat of every verb that changes one."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import HoldAlreadyConfirmed, HoldEnded, HoldReleased, VersionConflict
from app.booking.queries import locked_hold
from app.booking.rules import HoldStatus, status_at
from app.booking.tables import DeliveryBooking, SlotHold
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


def check_version(claim: SlotHold | DeliveryBooking, expected: int | None) -> None:
    """Raise VersionConflict where somebody else has changed it since the caller read it."""
    if expected is not None and expected != claim.version:
        raise VersionConflict(field=("input", "expectedVersion"), expected=expected, current=claim.version)


def touched(conn: Connection, now: datetime, held: SlotHold) -> SlotHold:
    """The hold with its version counted up."""
    table = table_of(SlotHold)
    changes = {"version": held.version + 1, "changed_at": now}
    conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    return row_of(SlotHold, {**held.model_dump(), **changes})
