"""Reads of promotions with more than one caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.promotions.rules import AppliedPromotion, RedemptionState
from app.promotions.tables import Promotion, PromotionRedemption
from app.values.money import Money


def applied(conn: Connection, hold_ids: Sequence[str]) -> dict[str, list[AppliedPromotion]]:
    """The promotions that count on these holds (or the bookings they became), by hold."""
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    found = conn.execute(
        sa.select(redemption, promotion.c.code, promotion.c.label)
        .join(promotion, promotion.c.id == redemption.c.promotion_id)
        .where(redemption.c.hold_id.in_(hold_ids), redemption.c.state != RedemptionState.RETURNED)
        .order_by(redemption.c.id)
    )
    by_hold: dict[str, list[AppliedPromotion]] = defaultdict(list)
    for row in found:
        discount = Money(row.discount_minor, row.currency)
        by_hold[row.hold_id].append(AppliedPromotion(row.code, row.label, discount, row.state))
    return by_hold
