"""Keep the promotions of a hold that goes on: reserved for longer, and counted again where they lapsed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.promotions.count_use import count_use
from app.promotions.pass_uses import renew_use
from app.promotions.rules import RedemptionState
from app.promotions.tables import Promotion, PromotionRedemption


def renew(conn: Connection, *, now: datetime, hold_id: str, until: datetime) -> None:
    """Reserve until then what the hold has, and what it had when it ended by itself.

    Raises Exhausted when a use that lapsed has gone to somebody else.
    """
    renew_use(conn, now=now, hold_id=hold_id, until=until)
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    mine = redemption.c.hold_id == hold_id
    lapsed = rows(conn, PromotionRedemption, sa.select(redemption).where(mine, redemption.c.lapsed.is_(True)))
    by_id = {
        p.id: p
        for p in rows(
            conn, Promotion, sa.select(promotion).where(promotion.c.id.in_([r.promotion_id for r in lapsed]))
        )
    }
    for one in lapsed:
        count_use(conn, now=now, promotion=by_id[one.promotion_id], discount=one.discount_minor)
        conn.execute(
            sa.update(redemption)
            .where(redemption.c.id == one.id)
            .values(state=RedemptionState.RESERVED, lapsed=False, returned_at=None)
        )
    reserved = sa.and_(mine, redemption.c.state == RedemptionState.RESERVED)
    conn.execute(sa.update(redemption).where(reserved).values(reserved_until=until))
