"""Hold one of several windows of a day for a lower fee; which of them is decided later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.booking.claim import check_open, claim
from app.booking.columns import new_hold
from app.booking.compartments import reserved
from app.booking.covered_fee import covered_fee
from app.booking.earlier_holds import give_back_earlier
from app.booking.errors import BasketTooLarge, SlotFull, SlotNotFound, WindowsOfOneDay
from app.booking.hold import HoldRequest, fee_changed
from app.booking.lockers import accepted
from app.booking.menu import Menu, policy_of, read_menu, span_of
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import FlexibleChoice, SlotHold
from app.capacity.rules import Reach
from app.customers.register import register
from app.customers.tables import Customer
from app.database.idempotency import once, row_answer
from app.database.rows import add
from app.handover.choose import choose
from app.places.zone_of import zone_of
from app.pricing.rules import Quote, dearer, flexible_quote
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.values.ids import new_id

MAX_WINDOWS = 8
_SLOTS = ("input", "slotIds")


def hold_flexible(
    conn: Connection, *, now: datetime, slot_ids: Sequence[str], asked: HoldRequest
) -> SlotHold:
    """Take capacity in one of these windows of one local day, whichever is cheapest to serve.

    The fee is that of the cheapest window less what the price table gives for being flexible. `asked` is
    as for `hold`; its slot is not looked at. Raises WindowsOfOneDay, and what `hold` raises.
    """
    return once(
        conn,
        now=now,
        scope=f"{asked.actor.storefront_id}:hold_flexible",
        key=asked.key,
        request={**asked.same_as(), "slots": list(slot_ids)},
        answer=row_answer(SlotHold),
        work=lambda: _hold(conn, now, slot_ids, asked),
    )


def _hold(conn: Connection, now: datetime, slot_ids: Sequence[str], asked: HoldRequest) -> SlotHold:
    buyer = register(conn, now=now, actor=asked.actor, facts=asked.customer)
    slots, menu = _open_slots(conn, now, slot_ids, asked, buyer)
    lockers = accepted(
        conn,
        zone_id=slots[0].zone_id,
        locker_ids=asked.lockers,
        basket=asked.basket,
        collected=asked.collected,
    )
    preference = choose(conn, now=now, wish=asked.wish, basket=asked.basket, collected=asked.collected)
    hold_id = new_id()
    freed = give_back_earlier(
        conn,
        now=now,
        actor=asked.actor,
        customer_id=buyer.id,
        cart_reference=asked.cart_reference,
        tried=[reach for slot in slots for reach in menu.reaches_in(slot)],
        lockers=lockers,
    )
    compartment = reserved(
        conn, now=now, hold_id=hold_id, locker_ids=lockers, basket=asked.basket, window=span_of(slots)
    )
    if freed:
        menu = menu.refreshed(conn)
    slot, reach = _claimed(conn, now, asked, menu, slots, preference.at_door_s, hold_id, buyer.customer_group)
    until = now + timedelta(minutes=policy_of(conn, asked.actor.storefront_id).hold_min)

    def priced(menu: Menu) -> Quote:
        return _fee(menu, slots, reach, preference.at_door_s, preference.fee_minor)

    fee = covered_fee(conn, now=now, menu=menu, slot=slot, priced=priced, hold_id=hold_id, until=until)
    if asked.expected_fee is not None and dearer(fee.total, asked.expected_fee):
        raise fee_changed(asked.expected_fee, fee)
    held = new_hold(
        now=now,
        hold_id=hold_id,
        storefront_id=asked.actor.storefront_id,
        customer_id=buyer.id,
        customer_group=buyer.customer_group,
        cart_reference=asked.cart_reference,
        place=asked.place,
        basket=asked.basket,
        slot=slot,
        reach=reach,
        preference=preference,
        fee=fee,
        cutoff_at=min(menu.cutoff_at(one, menu.reaches_in(one)) for one in slots),
        expires_at=until,
        lockers=lockers,
    )
    add(conn, held)
    add(conn, *compartment)
    add(conn, *(FlexibleChoice(hold_id=held.id, slot_id=s.id, place=i) for i, s in enumerate(slots)))
    serve_waitlist(conn, now=now, pool_ids=freed)
    return held


def _open_slots(
    conn: Connection, now: datetime, slot_ids: Sequence[str], asked: HoldRequest, buyer: Customer
) -> tuple[list[DeliverySlot], Menu]:
    zone = zone_of(conn, point=asked.place.point)
    wanted = list(dict.fromkeys(slot_ids))
    found = {s.id: s for s in slots_by_id(conn, wanted) if s.zone_id == zone.id and not s.withdrawn_at}
    if len(found) != len(wanted):
        raise SlotNotFound(field=_SLOTS)
    slots = sorted(found.values(), key=lambda slot: (slot.starts_at, slot.ends_at))
    if not 2 <= len(slots) <= MAX_WINDOWS or len({slot.day for slot in slots}) != 1:
        raise WindowsOfOneDay(field=_SLOTS, limit=MAX_WINDOWS)
    menu = read_menu(
        conn,
        now=now,
        storefront_id=asked.actor.storefront_id,
        zone_id=zone.id,
        time_zone=zone.time_zone,
        span=span_of(slots),
        point=asked.place.point,
        basket=asked.basket,
        customer_id=buyer.id,
        customer_group=buyer.customer_group,
        collected=asked.collected,
    )
    for slot in slots:
        check_open(slot, menu, asked.basket)
    return slots, menu


def _claimed(
    conn: Connection,
    now: datetime,
    asked: HoldRequest,
    menu: Menu,
    slots: Sequence[DeliverySlot],
    at_door_s: int,
    hold_id: str,
    customer_group: str | None,
) -> tuple[DeliverySlot, Reach]:
    """The window and the pool that took the basket, the cheapest to serve first."""

    def cost(slot: DeliverySlot) -> tuple[int, datetime]:
        pools = menu.pools_for(slot, asked.basket, at_door_s)
        roomy = [pool for pool in pools if pool.has_room(asked.basket, at_door_s)] or pools
        return (min((p.marginal_minor(at_door_s) for p in roomy), default=0), slot.starts_at)

    refused: SlotFull | BasketTooLarge | None = None
    for slot in sorted(slots, key=cost):
        try:
            reach = claim(
                conn,
                now=now,
                actor=asked.actor,
                menu=menu,
                slot=slot,
                basket=asked.basket,
                at_door_s=at_door_s,
                reference=hold_id,
                customer_group=customer_group,
            )
        except (SlotFull, BasketTooLarge) as why:
            # A window that is full says more than one whose vehicles are too small.
            refused = why if refused is None or isinstance(why, SlotFull) else refused
            continue
        return slot, reach
    raise refused or SlotNotFound(field=_SLOTS)


def _fee(
    menu: Menu, slots: Sequence[DeliverySlot], reach: Reach, at_door_s: int, handover_minor: int
) -> Quote:
    quotes = [menu.gross(slot, reach, at_door_s, handover_minor) for slot in slots]
    return menu.afforded(slots[0], flexible_quote(menu.table, quotes))
