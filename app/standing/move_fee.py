"""What moving a week to another window costs or saves: shown before, locked with the hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.handover.tables import DropPreference
from app.pricing.queries import fee_rule
from app.pricing.rules import Quote
from app.pricing.tables import FeeRule
from app.slots.tables import DeliverySlot
from app.standing.rules import steady_fee, window_of
from app.standing.week import Week
from app.values.money import Money
from app.values.window import SkippedLocalTime


def move_fee(
    conn: Connection, *, now: datetime, week: Week, slot: DeliverySlot, preference: DropPreference
) -> tuple[Quote, Money]:
    """The fee of the week in this window, and what the customer owes more than before."""
    table = fee_rule(conn, now=now, storefront_id=week.row.storefront_id)
    return fee_in(table, week=week, slot=slot, preference=preference)


def fee_in(
    table: FeeRule, *, week: Week, slot: DeliverySlot, preference: DropPreference
) -> tuple[Quote, Money]:
    """The same by a price table that is known. Back in its own window the agreed fee counts."""
    row = week.row
    fee = row.fee
    if not _is_own(week, slot):
        fee = steady_fee(
            table,
            window=slot.window,
            zone=slot.time_zone,
            grams=row.grams,
            handover_minor=preference.fee_minor,
        )
    before = week.held.fee if week.held else row.fee.total
    return fee, fee.total - before


def _is_own(week: Week, slot: DeliverySlot) -> bool:
    try:
        return window_of(week.row, week.day) == slot.window
    except SkippedLocalTime:
        return False
