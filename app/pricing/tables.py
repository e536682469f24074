"""The price table, as rows."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.values.ids import new_id


class FeeRule(SQLModel, table=True):
    """A storefront's price table from `valid_from` on; the newest one that is valid counts.

    All amounts are minor units of `currency`. The demand part is the drop's marginal cost above
    `usual_cost_minor`, times `pass_on_bp`, rounded to `step_minor`; the whole stays within
    `floor_minor` and `ceiling_minor`. `green_discount_minor` is given up to `green_grams`.
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
