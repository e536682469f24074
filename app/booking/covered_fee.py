"""The fee of a new hold: what is taken off to steer demand is counted, a delivery pass pays its part."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from app.booking.menu import Menu
from app.capacity.rules import Reach
from app.handover.tables import DropPreference
from app.pricing.rules import Quote
from app.pricing.spend import Spending, spend
from app.promotions.pass_rules import covered_minor, with_pass
from app.promotions.pass_uses import reserve_use
from app.slots.tables import DeliverySlot


def covered_fee(
    conn: Connection,
    *,
    now: datetime,
    menu: Menu,
    slot: DeliverySlot,
    priced: Callable[[Menu], Quote],
    hold_id: str,
    until: datetime,
) -> Quote:
    """The fee `priced` by a menu, less what the best pass pays of it, which is reserved until the hold ends.

    What steers demand is counted against the budget of the day; where others have just spent that, nothing is
    taken off. A pass whose last delivery another hold has just reserved pays nothing.
    """
    gross = priced(menu)
    uses = ((hold_id, gross.incentive_minor),)
    spending = Spending(menu.table.storefront_id, slot.day, menu.table.incentive_day_minor, uses)
    if not spend(conn, now=now, spending=spending):
        gross = priced(menu.unsteered())
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


def fee_in(slot: DeliverySlot, reach: Reach, preference: DropPreference) -> Callable[[Menu], Quote]:
    """How a menu prices a drop in this pool with this handover."""
    return lambda menu: menu.gross(slot, reach, preference.at_door_s, preference.fee_minor)
