"""Tell customers of a fee that has changed: what is booked ahead after that takes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.database.rows import add, rows, table_of
from app.handover.queries import preference_by_id
from app.pricing.queries import fee_rule
from app.pricing.rules import Quote
from app.pricing.tables import FeeRule
from app.standing.rules import steady_fee, window_of
from app.standing.tables import StandingFeeNotice, StandingSlot
from app.values.window import SkippedLocalTime, Window


def tell_prices(conn: Connection, *, now: datetime, storefront_id: str, limit: int = 500) -> int:
    """Agree the fees of a new price table with the standing slots of a storefront.

    Where the fee differs from the one told last, the customer is told; weeks that are booked ahead already
    keep theirs. Returns how many standing slots were looked at. Raises NoPriceTable.
    """
    rule = fee_rule(conn, now=now, storefront_id=storefront_id)
    standing = table_of(StandingSlot)
    query = (
        sa.select(standing)
        .where(
            standing.c.storefront_id == storefront_id,
            standing.c.ended_at.is_(None),
            standing.c.fee_rule_id != rule.id,
        )
        .order_by(standing.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = rows(conn, StandingSlot, query)
    for row in found:
        fee = _fee(conn, rule, row)
        changes: dict[str, Any] = {"fee_rule_id": rule.id}
        if fee.total != row.fee.total:
            changes |= {
                "fee_minor": fee.total.minor,
                "fee_parts": [part.stored() for part in fee.parts],
                "currency": fee.currency,
                "fee_told_at": now,
            }
            _leave_word(conn, now, row, fee)
        conn.execute(sa.update(standing).where(standing.c.id == row.id).values(**changes))
    return len(found)


def _fee(conn: Connection, rule: FeeRule, row: StandingSlot) -> Quote:
    handover_minor = preference_by_id(conn, row.drop_preference_id).fee_minor
    return steady_fee(
        rule, window=_window(row), zone=row.time_zone, grams=row.grams, handover_minor=handover_minor
    )


def _window(row: StandingSlot) -> Window:
    """The window of the next day; of the week after, where the clocks jump over it."""
    try:
        return window_of(row, row.next_day)
    except SkippedLocalTime:
        return window_of(row, row.next_day + timedelta(days=7))


def _leave_word(conn: Connection, now: datetime, row: StandingSlot, fee: Quote) -> None:
    notice = StandingFeeNotice(
        standing_id=row.id,
        told_at=now,
        from_day=row.next_day,
        before_minor=row.fee_minor,
        after_minor=fee.total.minor,
        currency=fee.currency,
    )
    add(conn, notice)
    facts = {"standing_id": row.id, "notice_id": notice.id, "before": row.fee_minor, "after": fee.total.minor}
    events.record(conn, now=now, topic=f"standing:{row.id}", kind="standing.price", payload=facts)
    key = f"standing_price:{notice.id}"
    jobs.later(conn, now=now, kind="engagement.standing_price", payload=facts, dedup_key=key)
