"""Promotions and their uses, as rows."""

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.promotions.pass_rules import PassTerms, PassWindows
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
    # The label in other languages, by language: {"pt": "..."}.
    labels: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON(none_as_null=True))
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
    hold_id: str = Field(index=True)
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


class DeliveryPass(SQLModel, table=True):
    """A customer's prepaid deliveries; `used` counts reserved ones too."""

    __tablename__ = "delivery_pass"
    __table_args__ = (
        sa.CheckConstraint(
            "used >= 0 AND (max_deliveries IS NULL OR used <= max_deliveries)", name="pass_deliveries"
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    label: str
    valid_from: datetime
    valid_until: datetime
    currency: str
    covers_minor: int
    min_basket_minor: int = 0
    windows: PassWindows = Field(default=PassWindows.ALL, sa_type=words(PassWindows))
    max_deliveries: int | None = None
    used: int = 0
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def terms(self) -> PassTerms:
        """What was agreed."""
        return PassTerms(**{field.name: getattr(self, field.name) for field in fields(PassTerms)})


class PassUse(SQLModel, table=True):
    """One delivery of a pass, on a hold and later its booking."""

    __tablename__ = "pass_use"
    __table_args__ = (
        sa.Index(
            "pass_one_per_hold",
            "hold_id",
            unique=True,
            postgresql_where=sa.text("state <> 'RETURNED'"),
            sqlite_where=sa.text("state <> 'RETURNED'"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    pass_id: str = Field(foreign_key="delivery_pass.id", index=True)
    hold_id: str = Field(index=True)
    booking_id: str | None = None
    state: RedemptionState = Field(sa_type=words(RedemptionState))
    covered_minor: int
    # A reservation ends with its hold; `lapsed` says that it ended by itself and may be counted again.
    reserved_until: datetime
    lapsed: bool = False
    created_at: datetime
    redeemed_at: datetime | None = None
    returned_at: datetime | None = None
