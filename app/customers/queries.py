"""Reads of customers with more than one caller."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.customers.tables import Customer
from app.database.rows import one_or_none, table_of


def by_reference(conn: Connection, storefront_id: str, reference: str) -> Customer | None:
    """The storefront's customer with this reference."""
    customer = table_of(Customer)
    return one_or_none(
        conn,
        Customer,
        sa.select(customer).where(
            customer.c.storefront_id == storefront_id, customer.c.reference == reference
        ),
    )


def group_of(conn: Connection, customer_id: str) -> str | None:
    """The group that a customer is in, if any."""
    customer = table_of(Customer)
    query = sa.select(customer.c.customer_group).where(customer.c.id == customer_id)
    found: str | None = conn.execute(query).scalar_one()
    return found
