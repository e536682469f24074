"""Storefronts and their keys, as rows."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.values.actor import Role
from app.values.ids import new_id


class Storefront(SQLModel, table=True):
    """A brand or channel of the retailer; the average basket stands in for figures a query leaves out."""

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    name: str
    currency: str
    locale: str
    basket_value_minor: int
    basket_weight_g: int
    basket_ambient_ml: int
    basket_chilled_ml: int
    basket_frozen_ml: int
    sender_name: str
    sender_address: str


class ApiKey(SQLModel, table=True):
    """A key's digest; the key itself is shown once and never stored."""

    __tablename__ = "api_key"

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id", index=True)
    name: str
    role: Role = Field(sa_type=words(Role))
    digest: str = Field(unique=True)
    loopback_only: bool = False
    created_at: datetime
    revoked_at: datetime | None = None
