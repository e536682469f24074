"""Count a use of a promotion against its limit and budget: one conditional UPDATE."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.promotions.errors import Exhausted
from app.promotions.give_back import returned
from app.promotions.rules import RedemptionState
from app.promotions.tables import Promotion, PromotionRedemption

_FIELD = ("input", "code")


def count_use(conn: Connection, *, now: datetime, promotion: Promotion, discount: int) -> None:
    """Count one more use and its discount; raises Exhausted when uses or budget are spent."""
    if not _claimed(conn, promotion, discount):
        _take_back(conn, now, promotion)
        if not _claimed(conn, promotion, discount):
            raise Exhausted(field=_FIELD)


def _claimed(conn: Connection, promotion: Promotion, discount: int) -> bool:
    table = table_of(Promotion)
    claim = (
        sa.update(table)
        .where(
            table.c.id == promotion.id,
            table.c.used + 1 <= table.c.max_uses,
            table.c.spent_minor + discount <= table.c.budget_minor,
        )
        .values(used=table.c.used + 1, spent_minor=table.c.spent_minor + discount)
    )
    return conn.execute(claim).rowcount == 1


def _take_back(conn: Connection, now: datetime, promotion: Promotion) -> None:
    """Return reservations whose hold has ended."""
    table = table_of(PromotionRedemption)
    returned(conn, now, sa.and_(table.c.promotion_id == promotion.id, *ended(table, now)), lapsed=True)


def ended(table: sa.Table, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """What is true of a reservation whose hold has ended."""
    return (table.c.state == RedemptionState.RESERVED, table.c.reserved_until <= now)
