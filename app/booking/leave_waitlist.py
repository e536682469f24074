"""Stop waiting, or decline what was offered."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.end_hold import end_hold
from app.booking.errors import WaitlistEntryEnded, WaitlistEntryNotFound
from app.booking.queries import locked_hold, waitlist_entry_of
from app.booking.rules import OCCUPYING, HoldStatus, WaitlistStatus
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import WaitlistEntry
from app.database.rows import table_of
from app.values.actor import Actor

_FIELD = ("input", "entryId")


def leave_waitlist(conn: Connection, *, now: datetime, actor: Actor, entry_id: str) -> WaitlistEntry:
    """The entry as CANCELLED while it waited, or DECLINED with its offer passed on to the next.

    Raises WaitlistEntryNotFound, WaitlistEntryEnded.
    """
    entry = waitlist_entry_of(conn, actor=actor, entry_id=entry_id)
    if entry is None:
        raise WaitlistEntryNotFound(field=_FIELD)
    if entry.status is WaitlistStatus.OFFERED and entry.hold_id:
        # The hold before its entry, as everywhere: whoever serves or ends it does the same.
        held = locked_hold(conn, actor=actor, hold_id=entry.hold_id)
        if held.status in OCCUPYING:
            reason = "the offer was declined"
            end_hold(conn, now=now, actor=actor.name, held=held, status=HoldStatus.RELEASED, reason=reason)
            serve_waitlist(conn, now=now, pool_ids=[held.pool_id])
    table = table_of(WaitlistEntry)
    waiting = sa.and_(table.c.id == entry.id, table.c.status == WaitlistStatus.WAITING)
    conn.execute(sa.update(table).where(waiting).values(status=WaitlistStatus.CANCELLED))
    left = waitlist_entry_of(conn, actor=actor, entry_id=entry_id)
    if left is None or left.status not in (WaitlistStatus.CANCELLED, WaitlistStatus.DECLINED):
        raise WaitlistEntryEnded(field=_FIELD, status=(left or entry).status.lower())
    return left
