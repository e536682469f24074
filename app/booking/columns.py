"""How goods, places, pools and fees are written into the columns of holds, bookings and waitlist entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.booking.rules import HoldOrigin
from app.booking.tables import DeliveryBooking, SlotHold, Wish
from app.capacity.rules import Reach
from app.database.rows import made
from app.handover.tables import DropPreference
from app.places.rules import Place
from app.pricing.rules import FeePart, FeePartKind, Quote
from app.slots.tables import DeliverySlot
from app.values.basket import Basket, GoodsTrait
from app.values.money import Money


def goods(basket: Basket) -> dict[str, Any]:
    """The columns of a basket."""
    return {
        "weight_g": basket.weight_g,
        "ambient_ml": basket.ambient_ml,
        "chilled_ml": basket.chilled_ml,
        "frozen_ml": basket.frozen_ml,
        "traits": sorted(basket.traits),
        "basket_minor": basket.value.minor,
        "currency": basket.value.currency,
    }


def where(place: Place) -> dict[str, Any]:
    """The columns of an address."""
    return {
        "address_label": place.label,
        "address_line2": place.line2,
        "latitude": place.point.latitude,
        "longitude": place.point.longitude,
    }


def place_of(row: Wish) -> Place:
    """The address that `where` wrote down."""
    return Place(row.address_label, row.point, row.address_line2)


def served_by(reach: Reach, work_s: int) -> dict[str, Any]:
    """The columns of the pool that serves a drop in so many seconds."""
    return {
        "pool_id": reach.pool_id,
        "reach_work_s": reach.work_s,
        "handover_bp": reach.handover_bp,
        "work_s": work_s,
        "grams": reach.grams,
        "factor_id": reach.emission_factor_id,
        "vehicle_kind": reach.vehicle_kind,
    }


def served(reach: Reach, preference: DropPreference) -> dict[str, Any]:
    """The columns of the pool that serves a drop, with the handover that was chosen."""
    columns = served_by(reach, reach.drop_s(preference.at_door_s))
    return {**columns, "drop_preference_id": preference.id}


def priced(fee: Quote) -> dict[str, Any]:
    """The columns of a locked fee."""
    return {
        "currency": fee.currency,
        "fee_minor": fee.total.minor,
        "fee_parts": [part.stored() for part in fee.parts],
    }


def new_hold(
    *,
    now: datetime,
    hold_id: str,
    storefront_id: str,
    customer_id: str,
    customer_group: str | None,
    cart_reference: str,
    place: Place,
    basket: Basket,
    slot: DeliverySlot,
    reach: Reach,
    preference: DropPreference,
    fee: Quote,
    cutoff_at: datetime,
    expires_at: datetime,
    origin: HoldOrigin = HoldOrigin.SHOPPER,
    lockers: Sequence[str] = (),
) -> SlotHold:
    """The row of a hold whose room has been taken; the caller adds it."""
    return made(
        SlotHold,
        id=hold_id,
        storefront_id=storefront_id,
        customer_id=customer_id,
        customer_group=customer_group,
        cart_reference=cart_reference,
        slot_id=slot.id,
        zone_id=slot.zone_id,
        origin=origin,
        created_at=now,
        changed_at=now,
        cutoff_at=cutoff_at,
        expires_at=expires_at,
        lockers=list(lockers),
        # The fee's currency counts, should the basket be told in another.
        **{**goods(basket), **where(place), **served(reach, preference), **priced(fee)},
    )


def with_handover(claim: SlotHold | DeliveryBooking, preference: DropPreference) -> dict[str, Any]:
    """The columns of a locked fee whose handover part is that of another wish; none where it is the same."""
    before = sum(part["minor"] for part in claim.fee_parts if part["kind"] == FeePartKind.HANDOVER)
    if before == preference.fee_minor:
        return {}
    parts = [part for part in claim.fee_parts if part["kind"] != FeePartKind.HANDOVER]
    if preference.fee_minor:
        part = FeePart(FeePartKind.HANDOVER, "Handover", preference.fee_minor, claim.currency)
        parts.append(part.stored())
    return {"fee_parts": parts, "fee_minor": claim.fee_minor - before + preference.fee_minor}


def wanted_basket(held: SlotHold) -> Basket:
    """The goods that the customer wants: those held, or those that the hold is in conflict with."""
    told = held.wanted
    if told is None:
        return held.basket
    return Basket(
        value=Money(told["basket_minor"], told["currency"]),
        weight_g=told["weight_g"],
        ambient_ml=told["ambient_ml"],
        chilled_ml=told["chilled_ml"],
        frozen_ml=told["frozen_ml"],
        traits=frozenset(GoodsTrait(trait) for trait in told["traits"]),
    )
