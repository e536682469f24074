"""The states of holds and bookings, why a window is closed, and how offers are ranked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from app.capacity.rules import Reach
from app.values.basket import Basket, GoodsTrait


class HoldStatus(StrEnum):
    """The life of a hold. A stored ACTIVE hold past `expires_at` is EXPIRED: expiry is a comparison."""

    ACTIVE = "ACTIVE"
    CONFLICTED = "CONFLICTED"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class BookingStatus(StrEnum):
    """The life of a booking; LOCKED means past the cut-off, which like expiry is a comparison."""

    CONFIRMED = "CONFIRMED"
    LOCKED = "LOCKED"
    IN_FULFILMENT = "IN_FULFILMENT"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    DELIVERED = "DELIVERED"
    PARTLY_DELIVERED = "PARTLY_DELIVERED"
    FAILED = "FAILED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


class SlotClosedReason(StrEnum):
    """Why a window cannot be had."""

    FULL = "FULL"
    CUTOFF_PASSED = "CUTOFF_PASSED"
    LEAD_TIME = "LEAD_TIME"
    HORIZON = "HORIZON"
    BLACKOUT = "BLACKOUT"
    OUT_OF_ZONE = "OUT_OF_ZONE"
    NODE_CAPACITY = "NODE_CAPACITY"
    FLEET_CAPACITY = "FLEET_CAPACITY"
    HANDOVER_RULE = "HANDOVER_RULE"
    MIN_ORDER_VALUE = "MIN_ORDER_VALUE"
    PROTECTED_QUOTA = "PROTECTED_QUOTA"


class SlotOpeningKind(StrEnum):
    """What would open a closed window."""

    SMALLER_BASKET = "SMALLER_BASKET"
    OTHER_HANDOVER = "OTHER_HANDOVER"
    WIDER_WINDOW = "WIDER_WINDOW"
    OTHER_NODE = "OTHER_NODE"
    COLLECTION_POINT = "COLLECTION_POINT"
    WAITLIST = "WAITLIST"


class SlotClosureFacts(Protocol):
    """What of a slot decides whether it may still be ordered."""

    cutoff_at: datetime
    day: date


MESSAGES = {
    SlotClosedReason.FULL: "This window is fully booked.",
    SlotClosedReason.CUTOFF_PASSED: "Orders for this window have closed.",
    SlotClosedReason.LEAD_TIME: "This window begins too soon to be ordered now.",
    SlotClosedReason.BLACKOUT: "No new orders are taken for this window.",
    SlotClosedReason.NODE_CAPACITY: "Those who pick for this window have all the orders they can pick.",
    SlotClosedReason.HORIZON: "This window is not open for orders yet.",
    SlotClosedReason.FLEET_CAPACITY: "No vehicle that can carry this basket comes here in this window.",
    SlotClosedReason.MIN_ORDER_VALUE: "The basket is below the least order value.",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What bounds a shopper's choice now: the instant, the last local day shown, the least order value."""

    now: datetime
    last_day: date
    min_order_minor: int


def status_at(status: HoldStatus, expires_at: datetime, now: datetime) -> HoldStatus:
    """The status of a hold as seen now: an active one past its end is expired, whoever has noticed."""
    return HoldStatus.EXPIRED if status is HoldStatus.ACTIVE and expires_at <= now else status


def shut(slot: SlotClosureFacts, terms: Terms, basket: Basket) -> SlotClosedReason | None:
    """Why the window cannot be ordered whatever its capacity, or None."""
    if terms.now >= slot.cutoff_at:
        return SlotClosedReason.CUTOFF_PASSED
    if slot.day > terms.last_day:
        return SlotClosedReason.HORIZON
    if basket.value.minor < terms.min_order_minor:
        return SlotClosedReason.MIN_ORDER_VALUE
    return None


def full(reaches: Sequence[Reach], basket: Basket, at_door_s: int) -> SlotClosedReason | None:
    """Why the pools of a window cannot take the basket, or None when one of them can.

    No pool at all means the plan sends nobody to this zone then; NODE_CAPACITY, that vehicles have room
    and the pickers have none.
    """
    fitting = [r for r in reaches if r.carries(basket)]
    if any(r.has_room(basket, at_door_s) for r in fitting):
        return None
    if any(r.on_board(basket, at_door_s) for r in fitting):
        return SlotClosedReason.NODE_CAPACITY
    return SlotClosedReason.FULL if fitting else SlotClosedReason.FLEET_CAPACITY


def smaller_would_do(reaches: Sequence[Reach], basket: Basket, at_door_s: int) -> bool:
    """Whether half the basket, without anything bulky, could still be taken."""
    half = replace(
        basket,
        weight_g=basket.weight_g // 2,
        ambient_ml=basket.ambient_ml // 2,
        chilled_ml=basket.chilled_ml // 2,
        frozen_ml=basket.frozen_ml // 2,
        traits=basket.traits - {GoodsTrait.BULKY},
    )
    return full(reaches, half, at_door_s) is None


def nearest[T](choices: Iterable[tuple[datetime, T]], wanted: datetime, count: int) -> list[T]:
    """The choices that begin nearest to the wanted instant, earlier ones first among equals."""
    ranked = sorted(choices, key=lambda choice: (abs(choice[0] - wanted), choice[0]))
    return [chosen for _, chosen in ranked[:count]]
