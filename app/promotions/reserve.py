"""Reserve one use of a promotion for as long as a hold lasts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, one_or_none, rows, table_of
from app.promotions.count_use import count_use, ended
from app.promotions.errors import (
    AlreadyUsed,
    CodeExpired,
    CodeNotStarted,
    CodeUnknown,
    NotEligible,
    NotStackable,
)
from app.promotions.rules import Ineligible, RedemptionState, discount_minor, ineligible
from app.promotions.tables import Promotion, PromotionRedemption
from app.values.money import Money
from app.values.window import Window

_FIELD = ("input", "code")
_REASONS = {
    Ineligible.OTHER_ZONE: "it is for other areas",
    Ineligible.EVENING_ONLY: "it is for evening windows",
}


def reserve(
    conn: Connection,
    *,
    now: datetime,
    storefront_id: str,
    customer_id: str,
    hold_id: str,
    zone_id: str,
    window: Window,
    zone: str,
    fee: Money,
    code: str,
    reserved_until: datetime,
) -> PromotionRedemption:
    """Claim a use and its budget in one conditional UPDATE; case and spaces of the code do not matter.

    Raises CodeUnknown, CodeNotStarted, CodeExpired, NotEligible, NotStackable, AlreadyUsed, Exhausted.
    """
    promotion = _eligible(conn, now, storefront_id, code, zone_id, window, zone)
    discount = discount_minor(promotion, fee.minor)
    if promotion.currency != fee.currency or discount == 0:
        raise NotEligible(field=_FIELD, reason="there is no fee that it could lower")
    # The row lock of that UPDATE makes the counting below safe against twins of this customer.
    count_use(conn, now=now, promotion=promotion, discount=discount)
    _check_uses(conn, now, promotion, customer_id, hold_id)
    redemption = PromotionRedemption(
        promotion_id=promotion.id,
        customer_id=customer_id,
        hold_id=hold_id,
        state=RedemptionState.RESERVED,
        discount_minor=discount,
        currency=fee.currency,
        reserved_until=reserved_until,
        created_at=now,
    )
    add(conn, redemption)
    return redemption


def _eligible(
    conn: Connection, now: datetime, storefront_id: str, code: str, zone_id: str, window: Window, zone: str
) -> Promotion:
    table = table_of(Promotion)
    wanted = code.strip().upper()
    query = sa.select(table).where(table.c.storefront_id == storefront_id, table.c.code == wanted)
    promotion = one_or_none(conn, Promotion, query)
    if promotion is None:
        raise CodeUnknown(field=_FIELD, promotion_code=wanted[:40])
    match ineligible(promotion, now=now, zone_id=zone_id, window=window, zone=zone):
        case Ineligible.NOT_STARTED:
            raise CodeNotStarted(field=_FIELD, starts_at=promotion.starts_at.isoformat())
        case Ineligible.ENDED:
            raise CodeExpired(field=_FIELD, ends_at=promotion.ends_at.isoformat())
        case Ineligible.OTHER_ZONE | Ineligible.EVENING_ONLY as why:
            raise NotEligible(field=_FIELD, reason=_REASONS[why])
    return promotion


def _check_uses(
    conn: Connection, now: datetime, promotion: Promotion, customer_id: str, hold_id: str
) -> None:
    table = table_of(PromotionRedemption)
    alive = sa.and_(table.c.state != RedemptionState.RETURNED, sa.not_(sa.and_(*ended(table, now))))
    on_hold = rows(conn, PromotionRedemption, sa.select(table).where(table.c.hold_id == hold_id, alive))
    if on_hold:
        raise NotStackable(field=_FIELD)
    by_customer = sa.and_(table.c.promotion_id == promotion.id, table.c.customer_id == customer_id, alive)
    uses = conn.execute(sa.select(sa.func.count()).select_from(table).where(by_customer)).scalar_one()
    if uses >= promotion.per_customer:
        raise AlreadyUsed(field=_FIELD)
