"""Prices as operators read them: the band, the budget of each day, and who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import row_of, rows, table_of
from app.pricing.queries import fee_rule
from app.pricing.tables import FeeRule, IncentiveBudget, PriceChange
from app.values.money import Money


@dataclass(frozen=True, slots=True)
class SeenBudget:
    """What steering demand may cost on a delivery day, and what it has cost so far, held orders included."""

    day: date
    own: bool
    budget: Money | None
    spent: Money

    @property
    def left(self) -> Money | None:
        """What may still be given; never below nothing."""
        return (
            None
            if self.budget is None
            else Money(max(0, (self.budget - self.spent).minor), self.spent.currency)
        )


@dataclass(frozen=True, slots=True)
class SeenPrices:
    """The price table that is valid now."""

    rule: FeeRule

    def amount(self, name: str) -> Money:
        """A figure of it as money."""
        return Money(getattr(self.rule, f"{name}_minor"), self.rule.currency)


def seen_prices(conn: Connection, *, now: datetime, storefront_id: str) -> SeenPrices:
    """The price table of a storefront; raises NoPriceTable."""
    return SeenPrices(fee_rule(conn, now=now, storefront_id=storefront_id))


def seen_budgets(
    conn: Connection, *, now: datetime, storefront_id: str, first: date, last: date
) -> list[SeenBudget]:
    """The budget of each delivery day `first`..`last`; raises NoPriceTable."""
    rule = fee_rule(conn, now=now, storefront_id=storefront_id)
    table = table_of(IncentiveBudget)
    query = sa.select(table).where(table.c.storefront_id == storefront_id, table.c.day.between(first, last))
    noted = {row.day: row for row in rows(conn, IncentiveBudget, query)}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    blank = IncentiveBudget(storefront_id=storefront_id, day=first)
    return [
        seen_budget(rule, noted.get(day) or row_of(IncentiveBudget, {**blank.model_dump(), "day": day}))
        for day in days
    ]


def seen_budget(rule: FeeRule, row: IncentiveBudget) -> SeenBudget:
    """A day's budget, its own or the price table's."""
    own = row.own_minor is not None
    most = row.own_minor if own else rule.incentive_day_minor
    budget = None if most is None else Money(most, rule.currency)
    return SeenBudget(row.day, own, budget, Money(row.spent_minor, rule.currency))


def price_changes(conn: Connection, *, storefront_id: str, limit: int = 100) -> Sequence[PriceChange]:
    """Who changed what of a storefront's prices, newest first."""
    table = table_of(PriceChange)
    query = sa.select(table).where(table.c.storefront_id == storefront_id)
    return rows(conn, PriceChange, query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit))
