"""Reads of prices with more than one caller."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, table_of
from app.pricing.errors import NoPriceTable
from app.pricing.tables import FeeRule


def fee_rule(conn: Connection, *, now: datetime, storefront_id: str) -> FeeRule:
    """The storefront's newest price table that is valid now; raises NoPriceTable."""
    found = one_or_none(conn, FeeRule, _newest(), {"storefront": storefront_id, "now": now})
    if found is None:
        raise NoPriceTable
    return found


@cache
def _newest() -> sa.Select[*tuple[Any, ...]]:
    rule = table_of(FeeRule)
    valid = sa.and_(
        rule.c.storefront_id == sa.bindparam("storefront"), rule.c.valid_from <= sa.bindparam("now")
    )
    return sa.select(rule).where(valid).order_by(rule.c.valid_from.desc()).limit(1)
