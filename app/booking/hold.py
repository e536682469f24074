"""Hold a slot for a customer while they shop."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import (
    BasketTooLarge,
    BeyondHorizon,
    Blackout,
    CutoffPassed,
    FeeChanged,
    LeadTime,
    MinOrderValue,
    SlotFull,
    SlotNotFound,
)
from app.booking.menu import Menu, alternatives, policy_of, read_menu, span_of
from app.booking.reclaim import reclaim
from app.booking.rules import HoldStatus, SlotClosedReason
from app.booking.tables import SlotHold
from app.capacity.give_back import give_back
from app.capacity.queries import with_wave_mates
from app.capacity.rules import Reach, inside
from app.capacity.take import take
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.customers.tables import Customer
from app.database.idempotency import once, row_answer
from app.database.rows import add, rows, table_of
from app.handover.choose import choose
from app.handover.rules import DropWish, HandoverMode
from app.handover.tables import DropPreference
from app.places.rules import Place
from app.places.zone_of import zone_of
from app.pricing.rules import Quote
from app.promotions.give_back import give_back as give_back_promotion
from app.slots.queries import slots_between, slots_by_id
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
    key: str,
) -> SlotHold:
    """Take capacity for the basket in the slot's cheapest pool and lock its fee until the hold ends.

    A customer's earlier hold for the same cart is given back in the same transaction. Raises SlotNotFound,
    OutOfZone, CutoffPassed, LeadTime, Blackout, BeyondHorizon, MinOrderValue, BasketTooLarge, SlotFull
    (with `alternatives`), FeeChanged, the refusals of handover and customers, and those of `once`.
    """
    request = {
        "slot": slot_id,
        "place": asdict(place),
        "basket": _stable(basket),
        "customer": asdict(customer),
        "wish": asdict(wish) if wish else None,
        "fee": asdict(expected_fee) if expected_fee else None,
        "cart": cart_reference,
    }

    def work() -> SlotHold:
        return _hold(conn, now, actor, slot_id, place, basket, customer, wish, expected_fee, cart_reference)

    scope = f"{actor.storefront_id}:hold"
    return once(conn, now=now, scope=scope, key=key, request=request, answer=row_answer(SlotHold), work=work)


def _hold(
    conn: Connection,
    now: datetime,
    actor: Actor,
    slot_id: str,
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
    wish: DropWish | None,
    expected_fee: Money | None,
    cart_reference: str,
) -> SlotHold:
    buyer = register(conn, now=now, actor=actor, facts=customer)
    slot, menu = _open_slot(conn, now, actor, slot_id, place, basket, buyer)
    preference = choose(conn, now=now, wish=wish or DropWish(HandoverMode.ATTENDED), basket=basket)
    hold_id = new_id()
    _give_back_earlier(conn, now, actor, buyer.id, cart_reference)
    reach = _taken(conn, now, actor, menu, slot, basket, preference.at_door_s, hold_id)
    if reach is None:
        raise _full(conn, menu, slot, basket)
    fee = menu.quote(slot, reach, preference.at_door_s, preference.fee_minor)
    if expected_fee is not None and expected_fee != fee.total:
        raise _fee_changed(expected_fee, fee)
    until = now + timedelta(minutes=policy_of(conn, actor.storefront_id).hold_min)
    held = SlotHold(
        id=hold_id,
        storefront_id=actor.storefront_id,
        customer_id=buyer.id,
        cart_reference=cart_reference,
        slot_id=slot.id,
        zone_id=slot.zone_id,
        created_at=now,
        expires_at=until,
        cutoff_at=menu.cutoff_at(slot, [reach]),
        **_goods(basket),
        **_where(place),
        **_served(reach, preference, fee),
    )
    add(conn, held)
    return held


def _open_slot(
    conn: Connection, now: datetime, actor: Actor, slot_id: str, place: Place, basket: Basket, buyer: Customer
) -> tuple[DeliverySlot, Menu]:
    zone = zone_of(conn, point=place.point)
    slot = next(iter(slots_by_id(conn, [slot_id])), None)
    if slot is None or slot.zone_id != zone.id or slot.withdrawn_at is not None:
        raise SlotNotFound(field=("input", "slotId"))
    menu = read_menu(
        conn,
        now=now,
        storefront_id=actor.storefront_id,
        zone_id=zone.id,
        time_zone=zone.time_zone,
        span=slot.window,
        basket=basket,
        customer_id=None,
        customer_group=buyer.customer_group,
    )
    here = inside(menu.reaches, slot.window)
    match menu.shut(slot, basket):
        case SlotClosedReason.CUTOFF_PASSED:
            closed_at = menu.cutoff_at(slot, here).isoformat()
            raise CutoffPassed(field=("input", "slotId"), cutoff_at=closed_at)
        case SlotClosedReason.LEAD_TIME:
            until = max(menu.closings.order_until(slot, reach.node_id) for reach in here)
            raise LeadTime(field=("input", "slotId"), order_until=until.isoformat())
        case SlotClosedReason.BLACKOUT:
            raise Blackout(field=("input", "slotId"), why=menu.why_closed(slot))
        case SlotClosedReason.HORIZON:
            raise BeyondHorizon(field=("input", "slotId"), last_day=menu.terms.last_day.isoformat())
        case SlotClosedReason.MIN_ORDER_VALUE:
            least = Money(menu.table.min_order_minor, menu.table.currency)
            raise MinOrderValue(
                field=("input", "basket", "value"), least=str(least.amount), currency=least.currency
            )
    return slot, menu


def _taken(
    conn: Connection,
    now: datetime,
    actor: Actor,
    menu: Menu,
    slot: DeliverySlot,
    basket: Basket,
    at_door_s: int,
    hold_id: str,
) -> Reach | None:
    reaches = menu.pools_for(slot, basket, at_door_s)
    if not reaches and menu.reaches:
        raise BasketTooLarge(field=("input", "basket"))

    def attempt() -> Reach | None:
        return take(
            conn,
            now=now,
            actor=actor.name,
            reaches=reaches,
            basket=basket,
            at_door_s=at_door_s,
            reference=hold_id,
        )

    reach = attempt()
    if reach is None:
        ended = with_wave_mates(conn, [r.pool_id for r in reaches])
        reach = attempt() if reclaim(conn, now=now, pool_ids=ended) else None
    return reach


def _give_back_earlier(
    conn: Connection, now: datetime, actor: Actor, customer_id: str, cart_reference: str
) -> None:
    table = table_of(SlotHold)
    earlier = (
        sa.select(table)
        .where(
            table.c.customer_id == customer_id,
            table.c.cart_reference == cart_reference,
            table.c.status == HoldStatus.ACTIVE,
        )
        .with_for_update()
    )
    for old in rows(conn, SlotHold, earlier):
        ended = HoldStatus.RELEASED if old.expires_at > now else HoldStatus.EXPIRED
        conn.execute(
            sa.update(table).where(table.c.id == old.id).values(status=ended, version=old.version + 1)
        )
        give_back(
            conn,
            now=now,
            actor=actor.name,
            pool_id=old.pool_id,
            held=old.load,
            reference=old.id,
            reason="the customer holds another window for this cart",
        )
        give_back_promotion(conn, hold_id=old.id)


def _full(conn: Connection, menu: Menu, slot: DeliverySlot, basket: Basket) -> SlotFull:
    day = timedelta(days=1)
    near = slots_between(conn, zone_id=slot.zone_id, first=slot.day - day, last=slot.day + day)
    wide = read_menu(
        conn,
        now=menu.terms.now,
        storefront_id=menu.table.storefront_id,
        zone_id=slot.zone_id,
        time_zone=slot.time_zone,
        span=span_of(near),
        basket=basket,
        customer_id=None,
    )
    return SlotFull(field=("input", "slotId"), alternatives=alternatives(wide, near, basket, slot))


def _fee_changed(expected: Money, fee: Quote) -> FeeChanged:
    return FeeChanged(
        field=("input", "expectedFee"),
        expected_amount=str(expected.amount),
        now_amount=str(fee.total.amount),
        now_minor=fee.total.minor,
        currency=fee.currency,
    )


def _stable(basket: Basket) -> dict[str, Any]:
    return {**asdict(basket), "traits": sorted(basket.traits)}


def _goods(basket: Basket) -> dict[str, Any]:
    return {
        "weight_g": basket.weight_g,
        "ambient_ml": basket.ambient_ml,
        "chilled_ml": basket.chilled_ml,
        "frozen_ml": basket.frozen_ml,
        "traits": sorted(basket.traits),
        "basket_minor": basket.value.minor,
    }


def _where(place: Place) -> dict[str, Any]:
    return {
        "address_label": place.label,
        "address_line2": place.line2,
        "latitude": place.point.latitude,
        "longitude": place.point.longitude,
    }


def _served(reach: Reach, preference: DropPreference, fee: Quote) -> dict[str, Any]:
    return {
        "pool_id": reach.pool_id,
        "drop_preference_id": preference.id,
        "reach_work_s": reach.work_s,
        "handover_bp": reach.handover_bp,
        "work_s": reach.drop_s(preference.at_door_s),
        "currency": fee.currency,
        "fee_minor": fee.total.minor,
        "fee_parts": [asdict(part) for part in fee.parts],
        "grams": reach.grams,
        "factor_id": reach.emission_factor_id,
        "vehicle_kind": reach.vehicle_kind,
    }
