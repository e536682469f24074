"""Count what a drop is cheaper to steer demand against the budget of its day: one conditional UPDATE."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.database.rows import add, one_or_none, table_of
from app.pricing.rules import NO_LIMIT
from app.pricing.tables import IncentiveBudget, IncentiveUse


@dataclass(frozen=True, slots=True)
class Spending:
    """What the holds of one storefront and delivery day are cheaper, by hold, in minor units."""

    storefront_id: str
    day: date
    usual_minor: int | None
    uses: tuple[tuple[str, int], ...]

    @property
    def minor(self) -> int:
        """All of them together."""
        return sum(minor for _, minor in self.uses)


def spend(conn: Connection, *, now: datetime, spending: Spending) -> bool:
    """Count all of it, or nothing and False where the day's budget does not hold it.

    `usual_minor` is the budget of a day for which nobody has set one, None for no limit.
    """
    if not spending.minor:
        return True
    if not _afforded(conn, spending):
        return False
    uses = [
        IncentiveUse(
            hold_id=hold_id,
            storefront_id=spending.storefront_id,
            day=spending.day,
            minor=minor,
            created_at=now,
        )
        for hold_id, minor in spending.uses
        if minor
    ]
    add(conn, *uses)
    return True


def spend_again(conn: Connection, *, hold_id: str, usual_minor: int | None) -> bool:
    """Count again what was given back when a hold ended by itself; False where it has gone to others."""
    use = table_of(IncentiveUse)
    mine = sa.and_(use.c.hold_id == hold_id, use.c.returned_at.is_not(None))
    newest = sa.select(use).where(mine).order_by(use.c.created_at.desc(), use.c.id.desc()).limit(1)
    one = one_or_none(conn, IncentiveUse, newest)
    if one is None:
        return True
    spending = Spending(one.storefront_id, one.day, usual_minor, ((hold_id, one.minor),))
    if not _afforded(conn, spending):
        return False
    conn.execute(sa.update(use).where(use.c.id == one.id).values(returned_at=None))
    return True


def give_back_spent(conn: Connection, *, now: datetime, hold_ids: Sequence[str]) -> int:
    """Free what holds or their bookings have spent, once; returns how much that was in minor units."""
    freed = conn.execute(_returned(), {"holds": list(hold_ids), "at": now}).all() if hold_ids else []
    by_day: dict[tuple[str, date], int] = defaultdict(int)
    for one in freed:
        by_day[one.storefront_id, one.day] += one.minor
    # In one order, whoever frees several days.
    for (storefront_id, day), minor in sorted(by_day.items()):
        conn.execute(_uncount(), {"storefront": storefront_id, "on": day, "amount": minor})
    return sum(by_day.values())


def _afforded(conn: Connection, spending: Spending) -> bool:
    """Count it in the row of its day, which is made with the first."""
    if _counted(conn, spending):
        return True
    _begun(conn, spending)
    return _counted(conn, spending)


def _counted(conn: Connection, spending: Spending) -> bool:
    told = {
        "storefront": spending.storefront_id,
        "on": spending.day,
        "amount": spending.minor,
        "usual": NO_LIMIT if spending.usual_minor is None else spending.usual_minor,
    }
    return conn.execute(_count(), told).rowcount == 1


@cache
def _count() -> sa.Update:
    table = table_of(IncentiveBudget)
    amount = sa.bindparam("amount", type_=sa.Integer)
    most = sa.func.coalesce(table.c.own_minor, sa.bindparam("usual", type_=sa.Integer))
    return (
        sa.update(table)
        .where(_of_day(table), table.c.spent_minor + amount <= most)
        .values(spent_minor=table.c.spent_minor + amount)
    )


@cache
def _uncount() -> sa.Update:
    table = table_of(IncentiveBudget)
    left = table.c.spent_minor - sa.bindparam("amount", type_=sa.Integer)
    return sa.update(table).where(_of_day(table)).values(spent_minor=left)


def _of_day(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.storefront_id == sa.bindparam("storefront"), table.c.day == sa.bindparam("on"))


@cache
def _returned() -> Any:
    use = table_of(IncentiveUse)
    mine = sa.and_(use.c.hold_id.in_(sa.bindparam("holds", expanding=True)), use.c.returned_at.is_(None))
    change = sa.update(use).where(mine).values(returned_at=sa.bindparam("at"))
    return change.returning(use.c.storefront_id, use.c.day, use.c.minor)


def _begun(conn: Connection, spending: Spending) -> None:
    """The row of the day, if it is not there yet."""
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    row = IncentiveBudget(storefront_id=spending.storefront_id, day=spending.day)
    conn.execute(insert(table_of(IncentiveBudget)).values(row.model_dump()).on_conflict_do_nothing())
