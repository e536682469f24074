"""Reads of promotions with more than one caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import row_of, rows, table_of
from app.promotions.rules import AppliedPromotion, CountedUse, RedemptionState
from app.promotions.tables import DeliveryPass, Promotion, PromotionRedemption
from app.values.money import Money


def applied(
    conn: Connection, hold_ids: Sequence[str], *, at: datetime | None = None
) -> dict[str, list[AppliedPromotion]]:
    """The promotions that count on these holds (or the bookings they became), by hold; now, or as of `at`."""
    told = {"ids": hold_ids} if at is None else {"ids": hold_ids, "its_at": at}
    found = conn.execute(_applied(dated=at is not None), told)
    by_hold: dict[str, list[AppliedPromotion]] = defaultdict(list)
    for row in found:
        discount = Money(row.discount_minor, row.currency)
        redeemed = row.redeemed_at is not None and (at is None or row.redeemed_at <= at)
        state = RedemptionState.REDEEMED if redeemed else RedemptionState.RESERVED
        by_hold[row.hold_id].append(AppliedPromotion(row.code, row.label, discount, state, row.labels or {}))
    return by_hold


@cache
def _applied(*, dated: bool) -> sa.Select[*tuple[Any, ...]]:
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    theirs = redemption.c.hold_id.in_(sa.bindparam("ids", expanding=True))
    counted: sa.ColumnElement[bool] = redemption.c.state != RedemptionState.RETURNED
    if dated:
        at: sa.BindParameter[datetime] = sa.bindparam("its_at")
        still = sa.or_(redemption.c.returned_at.is_(None), redemption.c.returned_at > at)
        counted = sa.and_(redemption.c.created_at <= at, still)
    return (
        sa.select(redemption, promotion.c.code, promotion.c.label, promotion.c.labels)
        .join(promotion, promotion.c.id == redemption.c.promotion_id)
        .where(theirs, counted)
        .order_by(redemption.c.id)
    )


def uses_of(conn: Connection, hold_id: str) -> list[CountedUse]:
    """The uses that count on a hold or its booking, each with its promotion."""
    redemption, promotion = table_of(PromotionRedemption), table_of(Promotion)
    found = conn.execute(
        sa.select(redemption.c.id.label("redemption_id"), redemption.c.discount_minor, promotion)
        .join(promotion, promotion.c.id == redemption.c.promotion_id)
        .where(redemption.c.hold_id == hold_id, redemption.c.state != RedemptionState.RETURNED)
        .order_by(redemption.c.id)
    )
    return [
        CountedUse(
            row.redemption_id,
            row.discount_minor,
            row_of(Promotion, {c.name: row._mapping[c] for c in promotion.columns}),
        )
        for row in found
    ]


def passes_of(conn: Connection, *, storefront_id: str, customer_id: str) -> list[DeliveryPass]:
    """A customer's passes, ended or not, the newest first."""
    table = table_of(DeliveryPass)
    mine = sa.and_(table.c.storefront_id == storefront_id, table.c.customer_id == customer_id)
    return rows(conn, DeliveryPass, sa.select(table).where(mine).order_by(table.c.id.desc()))
