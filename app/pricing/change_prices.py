"""Change a storefront's fees and their published band, or what steering demand may cost it."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app import events
from app.capacity.reasons import check_reason
from app.database.rows import add, one_or_none, row_of, table_of
from app.errors import OperatorsOnly
from app.pricing.drafted import (
    ForeseenPrices,
    PriceDraft,
    check_amount,
    check_currency,
    columns_of,
    drafted,
)
from app.pricing.queries import fee_rule
from app.pricing.rules import PriceFigure
from app.pricing.tables import FeeRule, IncentiveBudget, PriceChange
from app.values.actor import Actor
from app.values.ids import new_id
from app.values.money import Money


def change_prices(
    conn: Connection, *, now: datetime, actor: Actor, draft: PriceDraft, reason: str
) -> FeeRule:
    """The storefront's price table from now on; what is held or booked keeps its fee.

    Raises OperatorsOnly, ReasonMissing, NoPriceTable, InvalidPrices.
    """
    _check_caller(actor, reason)
    table = table_of(FeeRule)
    present = fee_rule(conn, now=now, storefront_id=actor.storefront_id)
    # Whoever changes it at the same time waits here, and then changes what this has made.
    conn.execute(sa.select(table.c.id).where(table.c.id == present.id).with_for_update())
    present = fee_rule(conn, now=now, storefront_id=actor.storefront_id)
    foreseen = drafted(present, draft)
    after = foreseen.after
    if not foreseen.changes:
        return present
    if present.valid_from == now:
        conn.execute(sa.update(table).where(table.c.id == present.id).values(**columns_of(draft)))
    else:
        after = row_of(FeeRule, {**after.model_dump(), "id": new_id(), "valid_from": now})
        add(conn, after)
    lines = [
        _line(now, actor, reason, present.currency, one.figure, one.before_minor, one.after_minor)
        for one in foreseen.changes
    ]
    _written(conn, now, actor, lines)
    return after


def preview_prices(conn: Connection, *, now: datetime, actor: Actor, draft: PriceDraft) -> ForeseenPrices:
    """What the same change would do, without making it; raises OperatorsOnly, NoPriceTable, InvalidPrices."""
    if not actor.is_operator:
        raise OperatorsOnly
    return drafted(fee_rule(conn, now=now, storefront_id=actor.storefront_id), draft)


def set_incentive_budget(
    conn: Connection, *, now: datetime, actor: Actor, day: date, amount: Money | None, reason: str
) -> IncentiveBudget:
    """The budget of one delivery day; None lets the price table's count again. What was given stays given.

    Raises OperatorsOnly, ReasonMissing, NoPriceTable, InvalidPrices.
    """
    _check_caller(actor, reason)
    present = fee_rule(conn, now=now, storefront_id=actor.storefront_id)
    minor = amount.minor if amount else None
    check_currency(amount.currency if amount else None, present.currency)
    check_amount(PriceFigure.INCENTIVE_BUDGET_OF_DAY, minor)
    table = table_of(IncentiveBudget)
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    blank = IncentiveBudget(storefront_id=actor.storefront_id, day=day)
    conn.execute(insert(table).values(blank.model_dump()).on_conflict_do_nothing())
    mine = sa.and_(table.c.storefront_id == actor.storefront_id, table.c.day == day)
    before = one_or_none(conn, IncentiveBudget, sa.select(table).where(mine).with_for_update()) or blank
    if before.own_minor == minor:
        return before
    conn.execute(sa.update(table).where(mine).values(own_minor=minor))
    line = _line(
        now,
        actor,
        reason,
        present.currency,
        PriceFigure.INCENTIVE_BUDGET_OF_DAY,
        before.own_minor,
        minor,
    )
    line.day = day
    _written(conn, now, actor, [line])
    return row_of(IncentiveBudget, {**before.model_dump(), "own_minor": minor})


def _check_caller(actor: Actor, reason: str) -> None:
    if not actor.is_operator:
        raise OperatorsOnly
    check_reason(reason)


def _line(
    now: datetime,
    actor: Actor,
    reason: str,
    currency: str,
    figure: PriceFigure,
    before: int | None,
    after: int | None,
) -> PriceChange:
    return PriceChange(
        storefront_id=actor.storefront_id,
        at=now,
        actor=actor.name,
        reason=reason,
        figure=figure,
        before_minor=before,
        after_minor=after,
        currency=currency,
    )


def _written(conn: Connection, now: datetime, actor: Actor, lines: list[PriceChange]) -> None:
    add(conn, *lines)
    facts = {"figures": [line.figure.value for line in lines]}
    topic = f"pricing:{actor.storefront_id}"
    events.record(conn, now=now, topic=topic, kind="pricing.changed", payload=facts)
