"""End a hold and give back what it took: the one step by which holds end without a booking."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import HoldOrigin, HoldStatus, WaitlistStatus
from app.booking.serve_waitlist import settle_offer
from app.booking.tables import SlotHold
from app.capacity.give_back import give_back
from app.database.rows import row_of, table_of
from app.pricing.spend import give_back_spent
from app.promotions.give_back import give_back as give_back_promotion
from app.tours.remove import remove


def end_hold(
    conn: Connection, *, now: datetime, actor: str, held: SlotHold, status: HoldStatus, reason: str
) -> SlotHold:
    """The hold as RELEASED or EXPIRED; capacity, place on a tour, incentive and promotions are free again.

    The caller has locked the row and found it open. Whoever waits for the room is served by the caller,
    when it has freed all that it frees.
    """
    table = table_of(SlotHold)
    changes = {"status": status, "version": held.version + 1, "changed_at": now}
    conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    freed(conn, now=now, actor=actor, held=held, expired=status is HoldStatus.EXPIRED, reason=reason)
    remove(conn, now=now, pool_ids=[held.pool_id], references=[held.id])
    give_back_spent(conn, now=now, hold_ids=[held.id])
    return row_of(SlotHold, {**held.model_dump(), **changes})


def freed(conn: Connection, *, now: datetime, actor: str, held: SlotHold, expired: bool, reason: str) -> None:
    """Give back capacity and promotions of a hold whose status says that it has ended.

    Its place on a tour and then its incentive are given back by the caller, who may have many of them.
    """
    give_back(
        conn,
        now=now,
        actor=actor,
        pool_id=held.pool_id,
        held=held.load,
        expired=expired,
        reference=held.id,
        reason=reason,
        audience=held.customer_group,
    )
    give_back_promotion(conn, now=now, hold_id=held.id, lapsed=expired)
    if held.origin is HoldOrigin.WAITLIST:
        ended = WaitlistStatus.EXPIRED if expired else WaitlistStatus.DECLINED
        settle_offer(conn, hold_id=held.id, status=ended)
