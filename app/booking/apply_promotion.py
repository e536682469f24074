"""Take a promotion's discount on a hold: reserved now, redeemed when the hold is confirmed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.active_hold import active_hold, touched
from app.booking.tables import SlotHold
from app.database.idempotency import once, row_answer
from app.promotions.reserve import reserve
from app.slots.queries import slots_by_id
from app.values.actor import Actor


def apply_promotion(
    conn: Connection, *, now: datetime, actor: Actor, hold_id: str, code: str, key: str
) -> SlotHold:
    """Reserve one use of the code for this hold, for as long as the hold lasts.

    Raises HoldNotFound, HoldEnded, HoldReleased, HoldAlreadyConfirmed, the refusals of promotions and
    those of `once`.
    """
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:apply_promotion",
        key=key,
        request={"hold": hold_id, "code": code},
        answer=row_answer(SlotHold),
        work=lambda: _apply(conn, now, actor, hold_id, code),
    )


def _apply(conn: Connection, now: datetime, actor: Actor, hold_id: str, code: str) -> SlotHold:
    held = active_hold(conn, now=now, actor=actor, hold_id=hold_id)
    slot = slots_by_id(conn, [held.slot_id])[0]
    reserve(
        conn,
        now=now,
        storefront_id=held.storefront_id,
        customer_id=held.customer_id,
        hold_id=held.id,
        zone_id=held.zone_id,
        window=slot.window,
        zone=slot.time_zone,
        fee=held.fee,
        code=code,
        reserved_until=held.expires_at,
    )
    return touched(conn, now, held)
