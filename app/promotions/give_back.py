"""Give a reserved or redeemed use of a promotion back, once."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.promotions.rules import RedemptionState
from app.promotions.tables import Promotion, PromotionRedemption


def give_back(conn: Connection, *, hold_id: str, code: str | None = None) -> int:
    """Return the uses on a hold (only those of `code`, if given); returns how many there were."""
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    mine = redemption.c.hold_id == hold_id
    if code is not None:
        coded = sa.select(promotion.c.id).where(promotion.c.code == code.strip().upper())
        mine = sa.and_(mine, redemption.c.promotion_id.in_(coded))
    return returned(conn, mine)


def returned(conn: Connection, which: sa.ColumnElement[bool]) -> int:
    """Return all uses that match; a use is returned by whoever changes its state first."""
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    freed = conn.execute(
        sa.update(redemption)
        .where(which, redemption.c.state != RedemptionState.RETURNED)
        .values(state=RedemptionState.RETURNED)
        .returning(redemption.c.promotion_id, redemption.c.discount_minor)
    ).all()
    for one in sorted(freed):
        conn.execute(
            sa.update(promotion)
            .where(promotion.c.id == one.promotion_id)
            .values(used=promotion.c.used - 1, spent_minor=promotion.c.spent_minor - one.discount_minor)
        )
    return len(freed)
