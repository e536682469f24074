"""Promotions and their uses, as rows."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.promotions.rules import DiscountKind, RedemptionState
from app.values.ids import new_id


class Promotion(SQLModel, table=True):
    """A code, its discount, and its limits; `used` and `spent_minor` count reserved uses too."""

    __table_args__ = (
        sa.UniqueConstraint("storefront_id", "code"),
        sa.CheckConstraint("used >= 0 AND used <= max_uses", name="promotion_uses"),
        sa.CheckConstraint("spent_minor >= 0 AND spent_minor <= budget_minor", name="promotion_budget"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id")
    code: str
    label: str
    kind: DiscountKind = Field(sa_type=words(DiscountKind))
    amount_minor: int = 0
    percent_bp: int = 0
    currency: str
    starts_at: datetime
    ends_at: datetime
    zone_ids: list[Any] | None = Field(default=None, sa_type=sa.JSON(none_as_null=True))
    evening_only: bool = False
    max_uses: int
    per_customer: int
    budget_minor: int
    used: int = 0
    spent_minor: int = 0


class PromotionRedemption(SQLModel, table=True):
    """One use of a promotion by a customer, on a hold and later its booking."""

    __tablename__ = "promotion_redemption"
    __table_args__ = (
        sa.Index(
            "redemption_one_per_hold",
            "hold_id",
            "promotion_id",
            unique=True,
            postgresql_where=sa.text("state <> 'RETURNED'"),
            sqlite_where=sa.text("state <> 'RETURNED'"),
        ),
        sa.Index("redemption_of_customer", "promotion_id", "customer_id"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    promotion_id: str = Field(foreign_key="promotion.id")
    customer_id: str = Field(foreign_key="customer.id")
    hold_id: str
    booking_id: str | None = Field(default=None, index=True)
    state: RedemptionState = Field(sa_type=words(RedemptionState))
    discount_minor: int
    currency: str
    # A reservation ends with its hold; one past this instant may be taken back by the next customer.
    reserved_until: datetime
    # Returned because its hold ended: it is counted again should the hold be confirmed late.
    lapsed: bool = False
    created_at: datetime
    redeemed_at: datetime | None = None
    returned_at: datetime | None = None
