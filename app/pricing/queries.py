"""Reads of prices with more than one caller."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, table_of
from app.pricing.errors import NoPriceTable
from app.pricing.tables import FeeRule


def fee_rule(conn: Connection, *, now: datetime, storefront_id: str) -> FeeRule:
    """The storefront's newest price table that is valid now; raises NoPriceTable."""
    rule = table_of(FeeRule)
    newest = (
        sa.select(rule)
        .where(rule.c.storefront_id == storefront_id, rule.c.valid_from <= now)
        .order_by(rule.c.valid_from.desc())
        .limit(1)
    )
    found = one_or_none(conn, FeeRule, newest)
    if found is None:
        raise NoPriceTable
    return found
