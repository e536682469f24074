"""Take a window for a basket: the checks and the claim that holding, confirming late and moving share."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.booking.errors import (
    BasketTooLarge,
    BeyondHorizon,
    Blackout,
    CutoffPassed,
    LeadTime,
    MinOrderValue,
    ProtectedQuota,
    SkillMissing,
    SlotFull,
)
from app.booking.kept_offers import kept
from app.booking.menu import Menu, alternatives, read_menu, span_of
from app.booking.reclaim import reclaim
from app.booking.rules import SlotClosedReason, full, missing_skills, skills_in_words
from app.booking.slot_offer import SlotOffer, kept_until
from app.booking.take_place import take_place
from app.capacity.queries import with_wave_mates
from app.capacity.rules import Reach
from app.slots.queries import slots_between
from app.slots.tables import DeliverySlot
from app.values.actor import Actor
from app.values.basket import Basket
from app.values.money import Money
from app.values.point import Point

_SLOT = ("input", "slotId")


def check_open(slot: DeliverySlot, menu: Menu, basket: Basket) -> None:
    """Raise why the window is shut whatever its capacity.

    One of CutoffPassed, LeadTime, Blackout, BeyondHorizon, MinOrderValue.
    """
    here = menu.reaches_in(slot)
    match menu.shut(slot, basket):
        case SlotClosedReason.CUTOFF_PASSED:
            raise CutoffPassed(field=_SLOT, cutoff_at=menu.cutoff_at(slot, here).isoformat())
        case SlotClosedReason.LEAD_TIME:
            until = max(menu.closings.order_until(slot, reach.node_id) for reach in here)
            raise LeadTime(field=_SLOT, order_until=until.isoformat())
        case SlotClosedReason.BLACKOUT:
            raise Blackout(field=_SLOT, why=menu.why_closed(slot))
        case SlotClosedReason.HORIZON:
            raise BeyondHorizon(field=_SLOT, last_day=menu.terms.last_day.isoformat())
        case SlotClosedReason.MIN_ORDER_VALUE:
            least = Money(menu.table.min_order_minor, menu.table.currency)
            raise MinOrderValue(
                field=("input", "basket", "value"), least=str(least.amount), currency=least.currency
            )


def claim(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    menu: Menu,
    slot: DeliverySlot,
    basket: Basket,
    at_door_s: int,
    reference: str,
    customer_group: str | None,
    stop_reference: str | None = None,
    reason: str = "held for a shopper",
    booked: bool = False,
) -> Reach:
    """The pool that took the basket, cheapest first; ended holds are taken back when all look full.

    Its vehicles have a tour that comes by: `stop_reference` is the hold's id, `reference` where it is not
    given. Raises BasketTooLarge or SkillMissing, and with `alternatives` SlotFull, or ProtectedQuota where
    what is left is kept for another group of customers.
    """
    reaches = menu.pools_for(slot, basket, at_door_s)
    if not reaches and menu.reaches:
        raise too_much(menu, slot, basket)

    def attempt(seen: Menu) -> Reach | None:
        return take_place(
            conn,
            now=now,
            actor=actor.name,
            menu=seen,
            slot=slot,
            reaches=reaches,
            basket=basket,
            at_door_s=at_door_s,
            reference=reference,
            stop_reference=stop_reference or reference,
            audience=customer_group,
            reason=reason,
            booked=booked,
        )

    reach = attempt(menu)
    if reach is None:
        ended = [*with_wave_mates(conn, [r.pool_id for r in reaches]), *menu.ended_pools]
        if reclaim(conn, now=now, pool_ids=ended):
            reach = attempt(menu.refreshed(conn))
    if reach is None:
        raise _full(conn, menu, slot, basket, at_door_s, customer_group)
    return reach


def too_much(menu: Menu, slot: DeliverySlot, basket: Basket) -> BasketTooLarge:
    """Why no vehicle of a slot can bring a basket at all."""
    lacks = missing_skills(menu.open_reaches(slot), basket)
    if not lacks:
        return BasketTooLarge(field=("input", "basket"))
    return SkillMissing(field=("input", "basket", "traits"), skills=skills_in_words(lacks))


def _full(
    conn: Connection,
    menu: Menu,
    slot: DeliverySlot,
    basket: Basket,
    at_door_s: int,
    customer_group: str | None,
) -> SlotFull:
    near = kept(nearby(conn, menu, slot, basket, customer_group))
    now, shop = menu.terms.now, menu.table.storefront_id
    present = menu_of(
        conn, now=now, storefront_id=shop, slot=slot, point=None, basket=basket, customer_group=customer_group
    )
    reaches = present.reaches_in(slot)
    until = kept_until(slot, reaches)
    if until and full(reaches, basket, at_door_s) is SlotClosedReason.PROTECTED_QUOTA:
        return ProtectedQuota(field=_SLOT, alternatives=near, until=until)
    return SlotFull(field=_SLOT, alternatives=near)


def nearby(
    conn: Connection, menu: Menu, slot: DeliverySlot, basket: Basket, customer_group: str | None = None
) -> list[SlotOffer]:
    """The windows nearest to the slot that the basket can have, from the day before to the day after."""
    day = timedelta(days=1)
    near = slots_between(conn, zone_id=slot.zone_id, first=slot.day - day, last=slot.day + day)
    wide = read_menu(
        conn,
        now=menu.terms.now,
        storefront_id=menu.table.storefront_id,
        zone_id=slot.zone_id,
        time_zone=slot.time_zone,
        span=span_of(near),
        point=menu.tours.point,
        basket=basket,
        customer_id=None,
        customer_group=customer_group,
        collected=menu.collected,
    )
    return alternatives(wide, near, basket, slot)


def menu_of(
    conn: Connection,
    *,
    now: datetime,
    storefront_id: str,
    slot: DeliverySlot,
    point: Point | None,
    basket: Basket,
    customer_id: str | None = None,
    customer_group: str | None = None,
    collected: bool = False,
) -> Menu:
    """What offers in one slot depend on; `point` and `collected` as for `read_menu`."""
    return read_menu(
        conn,
        now=now,
        storefront_id=storefront_id,
        zone_id=slot.zone_id,
        time_zone=slot.time_zone,
        span=slot.window,
        point=point,
        basket=basket,
        customer_id=customer_id,
        customer_group=customer_group,
        collected=collected,
    )
