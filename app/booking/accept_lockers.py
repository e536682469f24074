"""Say which lockers a hold may go to beside the door, in place of those that were said before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.active_hold import active_hold, check_version
from app.booking.compartments import given_back, lock_lockers, reserved
from app.booking.errors import CutoffPassed, HoldConflicted
from app.booking.flexible import choices_of
from app.booking.lockers import accepted
from app.booking.menu import span_of
from app.booking.rules import MESSAGES
from app.booking.tables import SlotHold
from app.database.rows import add, row_of, table_of
from app.handover.queries import preference_by_id
from app.handover.rules import is_collected
from app.slots.queries import slots_by_id
from app.values.actor import Actor

_FIELD = ("input", "holdId")


def accept_lockers(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    hold_id: str,
    locker_ids: Sequence[str],
    expected_version: int | None = None,
) -> SlotHold:
    """The hold, which keeps a compartment of the first of these lockers; none named: it goes to the door.

    Raises HoldNotFound, HoldEnded, HoldReleased, HoldAlreadyConfirmed, HoldConflicted, VersionConflict,
    CutoffPassed, LockerNotHere, LockerFull, AgeCheckRequiresHandover, HandoverNotAllowed.
    """
    held = active_hold(conn, now=now, actor=actor, hold_id=hold_id)
    check_version(held, expected_version)
    if held.conflict is not None:
        raise HoldConflicted(field=_FIELD, reason=MESSAGES[held.conflict])
    if now >= held.cutoff_at:
        raise CutoffPassed(field=_FIELD, cutoff_at=held.cutoff_at.isoformat())
    lockers = accepted(
        conn,
        zone_id=held.zone_id,
        locker_ids=locker_ids,
        basket=held.basket,
        collected=is_collected(preference_by_id(conn, held.drop_preference_id)),
    )
    lock_lockers(conn, lockers)
    slots = choices_of(conn, [held.id])[held.id] or slots_by_id(conn, [held.slot_id])
    claims = reserved(
        conn, now=now, hold_id=held.id, locker_ids=lockers, basket=held.basket, window=span_of(slots)
    )
    given_back(conn, hold_id=held.id)
    add(conn, *claims)
    changes: dict[str, Any] = {"lockers": lockers, "version": held.version + 1, "changed_at": now}
    table = table_of(SlotHold)
    conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    return row_of(SlotHold, {**held.model_dump(), **changes})
