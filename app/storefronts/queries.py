"""Reads of storefronts with more than one caller."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, one_or_none, table_of
from app.storefronts.errors import StorefrontNotFound
from app.storefronts.tables import Storefront
from app.values.basket import Basket
from app.values.money import Money


def storefront_by_id(conn: Connection, storefront_id: str) -> Storefront:
    """The storefront with this id; raises StorefrontNotFound."""
    found = by_id(conn, Storefront, storefront_id)
    if found is None:
        raise StorefrontNotFound(key=storefront_id)
    return found


def storefront_by_key(conn: Connection, key: str | None) -> Storefront:
    """The storefront with this key, or the first one; raises StorefrontNotFound."""
    table = table_of(Storefront)
    query = sa.select(table).order_by(table.c.id).limit(1)
    if key is not None:
        query = query.where(table.c.key == key)
    found = one_or_none(conn, Storefront, query)
    if found is None:
        raise StorefrontNotFound(key=key or "")
    return found


def average_basket(storefront: Storefront) -> Basket:
    """The basket that stands in for what a caller does not say."""
    return Basket(
        value=Money(storefront.basket_value_minor, storefront.currency),
        weight_g=storefront.basket_weight_g,
        ambient_ml=storefront.basket_ambient_ml,
        chilled_ml=storefront.basket_chilled_ml,
        frozen_ml=storefront.basket_frozen_ml,
    )
