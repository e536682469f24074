"""The fee of a new hold, with the delivery pass that pays for a part of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.menu import Menu
from app.pricing.rules import Quote
from app.promotions.pass_rules import covered_minor, with_pass
from app.promotions.pass_uses import reserve_use
from app.slots.tables import DeliverySlot


def covered_fee(
    conn: Connection,
    *,
    now: datetime,
    menu: Menu,
    slot: DeliverySlot,
    gross: Quote,
    hold_id: str,
    until: datetime,
) -> Quote:
    """The fee less what the best pass pays of it, a delivery of which is reserved until the hold ends.

    A pass whose last delivery another hold has just reserved pays nothing.
    """
    while (chosen := menu.pass_for(slot, gross)) is not None:
        reserved = reserve_use(
            conn,
            now=now,
            pass_id=chosen.id,
            hold_id=hold_id,
            covered_minor=covered_minor(chosen.terms, gross),
            reserved_until=until,
        )
        if reserved:
            return with_pass(gross, chosen.terms)
        menu = menu.covered_by([one for one in menu.passes if one.id != chosen.id])
    return gross
