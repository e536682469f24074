"""Reads of prices with more than one caller."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, table_of
from app.pricing.errors import NoPriceTable
from app.pricing.rules import NO_LIMIT, IncentivesLeft
from app.pricing.tables import FeeRule, IncentiveBudget


def fee_rule(conn: Connection, *, now: datetime, storefront_id: str) -> FeeRule:
    """The storefront's newest price table that is valid now; raises NoPriceTable."""
    found = one_or_none(conn, FeeRule, _newest(), {"storefront": storefront_id, "now": now})
    if found is None:
        raise NoPriceTable
    return found


def incentives_left(conn: Connection, *, rule: FeeRule, first: date, last: date) -> IncentivesLeft:
    """What the storefront may still take off to steer demand on the delivery days `first`..`last`."""
    told = {"storefront": rule.storefront_id, "first": first, "last": last}
    days = {}
    for day, own_minor, spent_minor in conn.execute(_budgets(), told):
        most = own_minor if own_minor is not None else rule.incentive_day_minor
        days[day] = NO_LIMIT if most is None else most - spent_minor
    return IncentivesLeft(rule.incentive_day_minor, days)


@cache
def _budgets() -> sa.Select[*tuple[Any, ...]]:
    table = table_of(IncentiveBudget)
    between = table.c.day.between(sa.bindparam("first"), sa.bindparam("last"))
    return sa.select(table.c.day, table.c.own_minor, table.c.spent_minor).where(
        table.c.storefront_id == sa.bindparam("storefront"), between
    )


@cache
def _newest() -> sa.Select[*tuple[Any, ...]]:
    rule = table_of(FeeRule)
    valid = sa.and_(
        rule.c.storefront_id == sa.bindparam("storefront"), rule.c.valid_from <= sa.bindparam("now")
    )
    return sa.select(rule).where(valid).order_by(rule.c.valid_from.desc()).limit(1)
