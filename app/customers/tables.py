"""Customers as storefronts know them."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.values.ids import new_id


class Customer(SQLModel, table=True):
    """A buyer of one storefront, under the storefront's own reference."""

    __table_args__ = (sa.UniqueConstraint("storefront_id", "reference"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id")
    reference: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    # The storefront's own word for those who may do more than others, like choosing further ahead.
    customer_group: str | None = None
    created_at: datetime
