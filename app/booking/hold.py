"""Hold a slot for a customer while they shop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.booking.claim import check_open, claim, menu_of
from app.booking.columns import new_hold
from app.booking.compartments import reserved
from app.booking.covered_fee import covered_fee, fee_in
from app.booking.earlier_holds import give_back_earlier
from app.booking.errors import FeeChanged, SlotNotFound
from app.booking.lockers import accepted
from app.booking.menu import Menu, policy_of
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import SlotHold
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.customers.tables import Customer
from app.database.idempotency import once, row_answer
from app.database.rows import add
from app.handover.choose import choose
from app.handover.rules import DropWish
from app.places.rules import CollectionPlace, Place
from app.places.zone_of import zone_of
from app.pricing.rules import Quote, dearer
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.values.actor import Actor
from app.values.basket import Basket
from app.values.ids import new_id
from app.values.money import Money


def hold(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    slot_id: str,
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
    wish: DropWish | None = None,
    expected_fee: Money | None = None,
    cart_reference: str = "",
    lockers: tuple[str, ...] = (),
    key: str,
) -> SlotHold:
    """Take capacity for the basket in the slot's cheapest pool and lock its fee until the hold ends.

    A customer's earlier hold for the same cart is given back in the same transaction. Raises SlotNotFound,
    OutOfZone, CutoffPassed, LeadTime, Blackout, BeyondHorizon, MinOrderValue, BasketTooLarge, SlotFull
    (with `alternatives`), FeeChanged, LockerNotHere, LockerFull, the refusals of handover and customers, and
    those of `once`.
    """
    asked = HoldRequest(
        actor, slot_id, place, basket, customer, wish, expected_fee, cart_reference, key, lockers
    )
    return once(
        conn,
        now=now,
        scope=asked.scope,
        key=key,
        request=asked.same_as(),
        answer=row_answer(SlotHold),
        work=lambda: _hold(conn, now, asked),
    )


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What `hold` is asked, as a value: for those who ask for many at once."""

    actor: Actor
    slot_id: str
    place: Place
    basket: Basket
    customer: CustomerFacts
    wish: DropWish | None
    expected_fee: Money | None
    cart_reference: str
    key: str
    # Lockers that the customer accepts beside the door, by id.
    lockers: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """Whose keys its key is one of."""
        return f"{self.actor.storefront_id}:hold"

    @property
    def collected(self) -> bool:
        """Whether the address is a collection point."""
        return isinstance(self.place, CollectionPlace)

    def same_as(self) -> dict[str, Any]:
        """What makes two requests the same."""
        named = {"lockers": list(self.lockers)} if self.lockers else {}
        return {
            **named,
            "slot": self.slot_id,
            "place": asdict(self.place),
            "basket": stable(self.basket),
            "customer": asdict(self.customer),
            "wish": asdict(self.wish) if self.wish else None,
            "fee": asdict(self.expected_fee) if self.expected_fee else None,
            "cart": self.cart_reference,
        }


def stable(basket: Basket) -> dict[str, Any]:
    """A basket as part of a request that must hash alike."""
    return {**asdict(basket), "traits": sorted(basket.traits)}


def _hold(conn: Connection, now: datetime, asked: HoldRequest) -> SlotHold:
    actor, basket = asked.actor, asked.basket
    buyer = register(conn, now=now, actor=actor, facts=asked.customer)
    slot, menu = _open_slot(conn, now, asked, buyer)
    lockers = accepted(
        conn, zone_id=slot.zone_id, locker_ids=asked.lockers, basket=basket, collected=asked.collected
    )
    preference = choose(conn, now=now, wish=asked.wish, basket=basket, collected=asked.collected)
    hold_id = new_id()
    given_back = give_back_earlier(
        conn,
        now=now,
        actor=actor,
        customer_id=buyer.id,
        cart_reference=asked.cart_reference,
        tried=menu.pools_for(slot, basket, preference.at_door_s),
        lockers=lockers,
    )
    compartment = reserved(
        conn, now=now, hold_id=hold_id, locker_ids=lockers, basket=basket, window=slot.window
    )
    if given_back:
        menu = menu.refreshed(conn)
    reach = claim(
        conn,
        now=now,
        actor=actor,
        menu=menu,
        slot=slot,
        basket=basket,
        at_door_s=preference.at_door_s,
        reference=hold_id,
        customer_group=buyer.customer_group,
    )
    until = now + timedelta(minutes=policy_of(conn, actor.storefront_id).hold_min)
    priced = fee_in(slot, reach, preference)
    fee = covered_fee(conn, now=now, menu=menu, slot=slot, priced=priced, hold_id=hold_id, until=until)
    if asked.expected_fee is not None and dearer(fee.total, asked.expected_fee):
        raise fee_changed(asked.expected_fee, fee)
    held = new_hold(
        now=now,
        hold_id=hold_id,
        storefront_id=actor.storefront_id,
        customer_id=buyer.id,
        customer_group=buyer.customer_group,
        cart_reference=asked.cart_reference,
        place=asked.place,
        basket=basket,
        slot=slot,
        reach=reach,
        preference=preference,
        fee=fee,
        cutoff_at=menu.cutoff_at(slot, [reach]),
        expires_at=until,
        lockers=lockers,
    )
    add(conn, held)
    add(conn, *compartment)
    serve_waitlist(conn, now=now, pool_ids=given_back)
    return held


def _open_slot(
    conn: Connection, now: datetime, asked: HoldRequest, buyer: Customer
) -> tuple[DeliverySlot, Menu]:
    zone = zone_of(conn, point=asked.place.point)
    slot = next(iter(slots_by_id(conn, [asked.slot_id])), None)
    if slot is None or slot.zone_id != zone.id or slot.withdrawn_at is not None:
        raise SlotNotFound(field=("input", "slotId"))
    menu = menu_of(
        conn,
        now=now,
        storefront_id=asked.actor.storefront_id,
        slot=slot,
        point=asked.place.point,
        basket=asked.basket,
        customer_id=buyer.id,
        customer_group=buyer.customer_group,
        collected=asked.collected,
    )
    check_open(slot, menu, asked.basket)
    return slot, menu


def fee_changed(expected: Money, fee: Quote) -> FeeChanged:
    """That the fee is another one now."""
    return FeeChanged(
        field=("input", "expectedFee"),
        expected_amount=str(expected.amount),
        now_amount=str(fee.total.amount),
        now_minor=fee.total.minor,
        currency=fee.currency,
    )
