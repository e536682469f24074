"""Give a reserved or redeemed use of a promotion back, once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.promotions.pass_uses import returned_uses
from app.promotions.rules import RedemptionState
from app.promotions.tables import PassUse, Promotion, PromotionRedemption


def give_back(
    conn: Connection, *, now: datetime, hold_id: str, code: str | None = None, lapsed: bool = False
) -> int:
    """Return the uses on a hold (only those of `code`, if given); returns how many there were.

    Without a code also the delivery of a pass. `lapsed` says that the hold ended by itself:
    then `renew` may count them again.
    """
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    mine = redemption.c.hold_id == hold_id
    if code is None:
        returned_uses(conn, now, table_of(PassUse).c.hold_id == hold_id, lapsed=lapsed)
    if code is not None:
        coded = sa.select(promotion.c.id).where(promotion.c.code == code.strip().upper())
        mine = sa.and_(mine, redemption.c.promotion_id.in_(coded))
    return returned(conn, now, mine, lapsed=lapsed)


def returned(conn: Connection, now: datetime, which: sa.ColumnElement[bool], *, lapsed: bool = False) -> int:
    """Return all uses that match; a use is returned by whoever changes its state first."""
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    freed = conn.execute(
        sa.update(redemption)
        .where(which, redemption.c.state != RedemptionState.RETURNED)
        .values(state=RedemptionState.RETURNED, returned_at=now, lapsed=lapsed)
        .returning(redemption.c.promotion_id, redemption.c.discount_minor)
    ).all()
    for one in sorted(freed):
        conn.execute(
            sa.update(promotion)
            .where(promotion.c.id == one.promotion_id)
            .values(used=promotion.c.used - 1, spent_minor=promotion.c.spent_minor - one.discount_minor)
        )
    return len(freed)
