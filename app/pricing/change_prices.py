"""Change the published band of a storefront's prices, or what steering demand may cost it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app import events
from app.capacity.reasons import check_reason
from app.database.rows import add, one_or_none, row_of, table_of
from app.errors import OperatorsOnly
from app.pricing.errors import InvalidPrices
from app.pricing.queries import fee_rule
from app.pricing.rules import NO_LIMIT, PriceFigure
from app.pricing.tables import FeeRule, IncentiveBudget, PriceChange
from app.values.actor import Actor
from app.values.ids import new_id
from app.values.money import Money

_COLUMNS = {
    PriceFigure.FLOOR: "floor_minor",
    PriceFigure.CEILING: "ceiling_minor",
    PriceFigure.STEP: "step_minor",
    PriceFigure.GREEN_DISCOUNT: "green_discount_minor",
    PriceFigure.DAILY_INCENTIVE_BUDGET: "incentive_day_minor",
}


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """Figures to change, in minor units of `currency`; None as an amount is no limit, for budgets only."""

    currency: str | None
    figures: dict[PriceFigure, int | None]


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
    _check_currency(draft.currency, present.currency)
    told = {_COLUMNS[figure]: minor for figure, minor in draft.figures.items()}
    after = row_of(FeeRule, {**present.model_dump(), **told})
    _check_band(after)
    changed = [f for f, column in _COLUMNS.items() if getattr(present, column) != getattr(after, column)]
    if not changed:
        return present
    if present.valid_from == now:
        conn.execute(sa.update(table).where(table.c.id == present.id).values(**told))
    else:
        after = row_of(FeeRule, {**after.model_dump(), "id": new_id(), "valid_from": now})
        add(conn, after)
    lines = []
    for figure in changed:
        before, new = getattr(present, _COLUMNS[figure]), getattr(after, _COLUMNS[figure])
        lines.append(_line(now, actor, reason, present.currency, figure, before, new))
    _written(conn, now, actor, lines)
    return after


def set_incentive_budget(
    conn: Connection, *, now: datetime, actor: Actor, day: date, amount: Money | None, reason: str
) -> IncentiveBudget:
    """The budget of one delivery day; None lets the price table's count again. What was given stays given.

    Raises OperatorsOnly, ReasonMissing, NoPriceTable, InvalidPrices.
    """
    _check_caller(actor, reason)
    present = fee_rule(conn, now=now, storefront_id=actor.storefront_id)
    minor = amount.minor if amount else None
    _check_currency(amount.currency if amount else None, present.currency)
    _check_amount("budget", minor)
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


def _check_currency(told: str | None, known: str) -> None:
    if told not in (None, known):
        raise InvalidPrices(what=f"this storefront's prices are in {known}, not in {told}")


def _check_amount(name: str, minor: int | None) -> None:
    if minor is not None and not 0 <= minor < NO_LIMIT:
        raise InvalidPrices(what=f"the {name} must be 0 or more")


def _check_band(rule: FeeRule) -> None:
    for name in ("floor", "ceiling", "green_discount"):
        _check_amount(name.replace("_", " "), getattr(rule, f"{name}_minor"))
    _check_amount("daily incentive budget", rule.incentive_day_minor)
    if rule.step_minor < 1:
        raise InvalidPrices(what="the step must be at least the smallest coin")
    if rule.floor_minor > rule.ceiling_minor:
        raise InvalidPrices(what="the floor lies above the ceiling; lower the floor or raise the ceiling")


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
