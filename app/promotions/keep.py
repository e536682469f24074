"""Keep what is left of a booking's promotions when it moves to another window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, row_of, rows, table_of
from app.promotions.give_back import returned
from app.promotions.tables import Promotion, PromotionRedemption
from app.values.ids import new_id


def keep(conn: Connection, *, now: datetime, discounts: Mapping[str, int]) -> None:
    """Replace each redemption by one with its new, never larger discount; one without any is returned."""
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    chosen = sa.select(redemption).where(redemption.c.id.in_(list(discounts))).order_by(redemption.c.id)
    for one in rows(conn, PromotionRedemption, chosen):
        left = discounts[one.id]
        if left == one.discount_minor:
            continue
        returned(conn, now, redemption.c.id == one.id)
        if left == 0:
            continue
        # It was returned in this transaction, so use and budget are there.
        conn.execute(
            sa.update(promotion)
            .where(promotion.c.id == one.promotion_id)
            .values(used=promotion.c.used + 1, spent_minor=promotion.c.spent_minor + left)
        )
        changes = {"id": new_id(), "discount_minor": left, "created_at": now, "redeemed_at": now}
        add(conn, row_of(PromotionRedemption, {**one.model_dump(), **changes}))
