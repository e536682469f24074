"""The price table, as rows."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.pricing.rules import PriceFigure
from app.values.ids import new_id


class FeeRule(SQLModel, table=True):
    """A storefront's price table from `valid_from` on; the newest one that is valid counts.

    All amounts are minor units of `currency`. The demand part is what the drop costs above the mean of its
    zone's day, times `pass_on_bp`, and that mean above `usual_cost_minor`, times `level_pass_on_bp` (None:
    the same share), rounded to `step_minor`; the whole stays within `floor_minor` and `ceiling_minor`.
    `green_discount_minor` is given up to `green_grams`.
    """

    __tablename__ = "fee_rule"
    __table_args__ = (sa.UniqueConstraint("storefront_id", "valid_from"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id")
    valid_from: datetime
    currency: str
    base_minor: int
    one_hour_minor: int
    four_hour_minor: int
    evening_minor: int
    weekend_minor: int
    usual_cost_minor: int
    pass_on_bp: int
    step_minor: int
    floor_minor: int
    ceiling_minor: int
    green_grams: int
    green_discount_minor: int
    # What each further window of a flexible hold takes off, and the most that all of them do.
    flexible_minor: int = 0
    flexible_most_minor: int = 0
    min_order_minor: int = 0
    level_pass_on_bp: int | None = None
    # What holds and bookings of one delivery day may be cheaper in all to steer demand; null is no limit.
    incentive_day_minor: int | None = None


class IncentiveBudget(SQLModel, table=True):
    """What steering demand may cost a storefront on one delivery day, and what it has cost so far.

    `own_minor` is the budget that was set for this day, null where the price table's counts. `spent_minor`
    counts holds too; it stands above a budget that was lowered later, and then nothing more is given.
    """

    __tablename__ = "incentive_budget"
    __table_args__ = (
        sa.CheckConstraint("spent_minor >= 0", name="incentive_spent"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    storefront_id: str = Field(foreign_key="storefront.id", primary_key=True)
    day: date = Field(primary_key=True)
    own_minor: int | None = None
    spent_minor: int = 0


class IncentiveUse(SQLModel, table=True):
    """What a hold, and the booking it becomes, is cheaper to steer demand; given back once when it ends."""

    __tablename__ = "incentive_use"
    __table_args__ = (
        sa.Index(
            "incentive_one_per_hold",
            "hold_id",
            unique=True,
            postgresql_where=sa.text("returned_at IS NULL"),
            sqlite_where=sa.text("returned_at IS NULL"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    hold_id: str = Field(index=True)
    storefront_id: str = Field(foreign_key="storefront.id")
    day: date
    minor: int
    created_at: datetime
    returned_at: datetime | None = None


class PriceChange(SQLModel, table=True):
    """One figure of a storefront's prices that was changed: who, when, why, before and after.

    Amounts in minor units, shares in hundredths of a percent, null for no limit or no share of its own;
    `day` is the delivery day of a budget set for one day.
    """

    __tablename__ = "price_change"

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id", index=True)
    at: datetime
    actor: str
    reason: str
    figure: PriceFigure = Field(sa_type=words(PriceFigure))
    day: date | None = None
    before_minor: int | None = None
    after_minor: int | None = None
    currency: str
