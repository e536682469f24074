"""Offers with what would open the closed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from functools import partial

from app.booking.menu import Menu
from app.booking.openings import ClosedWindow, OpenWindow, openings
from app.booking.rules import SlotClosedReason
from app.booking.slot_offer import SlotOffer, open_to_all
from app.slots.tables import DeliverySlot
from app.values.basket import Basket
from app.values.money import Money
from app.values.window import local_day, local_instant


def with_openings(menu: Menu, offers: Sequence[SlotOffer], basket: Basket) -> list[SlotOffer]:
    """These offers, the closed ones with what would open them, the nearest change first."""
    if all(one.available for one in offers):
        return list(offers)
    others = [
        OpenWindow(one.slot, menu.takers(one.slot, basket, menu.at_door_s)[0].node_id)
        for one in offers
        if one.available
    ]
    return [_opened(menu, one, others, basket) for one in offers]


def _opened(menu: Menu, one: SlotOffer, others: Sequence[OpenWindow], basket: Basket) -> SlotOffer:
    if one.closed is None:
        return one
    slot, reason = one.slot, one.closed.reason
    lacking = menu.terms.min_order_minor - basket.value.minor
    closed = ClosedWindow(
        slot=slot,
        reason=reason,
        reaches=menu.open_reaches(slot),
        nodes=menu.nodes_of(slot),
        can_wait=one.can_wait,
        opens_at=_opens_at(menu, slot, reason),
        missing=Money(lacking, menu.table.currency) if reason is SlotClosedReason.MIN_ORDER_VALUE else None,
    )
    takes = partial(_takes, menu, slot)
    found = openings(closed, others, basket, menu.at_door_s, menu.options, takes)
    return replace(one, closed=replace(one.closed, opens_with=found))


def _takes(menu: Menu, slot: DeliverySlot, basket: Basket, at_door_s: int) -> bool:
    return bool(menu.takers(slot, basket, at_door_s))


def _opens_at(menu: Menu, slot: DeliverySlot, reason: SlotClosedReason) -> datetime | None:
    """When the window is open to this customer by itself, where that is known."""
    if reason is SlotClosedReason.HORIZON:
        day = local_day(menu.terms.now, slot.time_zone) + (slot.day - menu.terms.last_day)
        return local_instant(day, time(0), slot.time_zone)
    return open_to_all(menu.open_reaches(slot)) if reason is SlotClosedReason.PROTECTED_QUOTA else None
