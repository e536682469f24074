"""Spend the promotions reserved on a hold with the booking it becomes."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.promotions.pass_uses import redeem_use
from app.promotions.rules import RedemptionState
from app.promotions.tables import PromotionRedemption


def redeem(conn: Connection, *, now: datetime, hold_id: str, booking_id: str) -> int:
    """Redeem what the hold has reserved, a delivery of a pass too; returns how many uses of promotions.

    `now` is before the hold's end.
    """
    redeem_use(conn, now=now, hold_id=hold_id, booking_id=booking_id)
    told = {"its_hold": hold_id, "its_booking": booking_id, "its_now": now}
    return conn.execute(_redeeming(), told).rowcount


@cache
def _redeeming() -> sa.Update:
    table = table_of(PromotionRedemption)
    now: sa.BindParameter[datetime] = sa.bindparam("its_now")
    mine = sa.and_(
        table.c.hold_id == sa.bindparam("its_hold"),
        table.c.state == RedemptionState.RESERVED,
        table.c.reserved_until > now,
    )
    changes = {"booking_id": sa.bindparam("its_booking"), "redeemed_at": now}
    return sa.update(table).where(mine).values(state=RedemptionState.REDEEMED, **changes)
