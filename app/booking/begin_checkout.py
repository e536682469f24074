"""Begin to pay for a hold: it is extended once, so that there is time for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.active_hold import active_hold
from app.booking.errors import CutoffPassed, HoldConflicted
from app.booking.menu import policy_of
from app.booking.rules import MESSAGES, checkout_end
from app.booking.tables import SlotHold
from app.database.idempotency import once, row_answer
from app.database.rows import row_of, table_of
from app.promotions.renew import renew
from app.values.actor import Actor


def begin_checkout(conn: Connection, *, now: datetime, actor: Actor, hold_id: str, key: str) -> SlotHold:
    """The hold, lasting long enough to pay but never past its ceiling; a second call changes nothing.

    Raises HoldNotFound, HoldEnded, HoldReleased, HoldAlreadyConfirmed, HoldConflicted, CutoffPassed and the
    refusals of `once`.
    """
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:begin_checkout",
        key=key,
        request={"hold": hold_id},
        answer=row_answer(SlotHold),
        work=lambda: _begin(conn, now, actor, hold_id),
    )


def _begin(conn: Connection, now: datetime, actor: Actor, hold_id: str) -> SlotHold:
    held = active_hold(conn, now=now, actor=actor, hold_id=hold_id)
    field = ("input", "holdId")
    if held.conflict is not None:
        raise HoldConflicted(field=field, reason=MESSAGES[held.conflict])
    if now >= held.cutoff_at:
        raise CutoffPassed(field=field, cutoff_at=held.cutoff_at.isoformat())
    if held.checkout_at is not None:
        return held
    times = policy_of(conn, held.storefront_id).times
    changes: dict[str, Any] = {
        "checkout_at": now,
        "expires_at": checkout_end(times, held.created_at, held.expires_at, now),
        "version": held.version + 1,
        "changed_at": now,
    }
    table = table_of(SlotHold)
    conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    renew(conn, now=now, hold_id=held.id, until=changes["expires_at"])
    return row_of(SlotHold, {**held.model_dump(), **changes})
