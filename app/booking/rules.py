"""The states of holds and bookings, why a window is closed, and how offers are ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Protocol

from app.capacity.rules import Reach
from app.values.basket import LARGE, Basket, VehicleSkill
from app.values.load import DIMENSIONS, Load
from app.values.window import Window

# Who misses a window by more than this does not nearly come by.
_NEAR_S = 3_600


class HoldStatus(StrEnum):
    """The life of a hold. A stored ACTIVE hold past `expires_at` is EXPIRED: expiry is a comparison."""

    ACTIVE = "ACTIVE"
    CONFLICTED = "CONFLICTED"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


# A tour is loaded so long before it leaves: what is picked can still go on one that begins later.
LOADED_BEFORE = timedelta(minutes=30)


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


class HoldOrigin(StrEnum):
    """Who asked for the hold: a shopper at the checkout, the waitlist, or a standing slot."""

    SHOPPER = "SHOPPER"
    WAITLIST = "WAITLIST"
    STANDING = "STANDING"


class LateCancellation(StrEnum):
    """What happens to a booking that its customer cancels after the cut-off and before it leaves."""

    REFUSED = "REFUSED"
    FEE = "FEE"


class WaitlistStatus(StrEnum):
    """The life of a waitlist entry; an offer that is not taken in time is EXPIRED."""

    WAITING = "WAITING"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


# What may become of what. LOCKED and the end of a hold are seen by comparing instants, not written.
HOLD_MOVES: Mapping[HoldStatus, frozenset[HoldStatus]] = {
    HoldStatus.ACTIVE: frozenset(
        {HoldStatus.CONFLICTED, HoldStatus.CONFIRMED, HoldStatus.RELEASED, HoldStatus.EXPIRED}
    ),
    HoldStatus.CONFLICTED: frozenset({HoldStatus.ACTIVE, HoldStatus.RELEASED, HoldStatus.EXPIRED}),
    # A payment that arrives late takes the window again, if it can be had.
    HoldStatus.EXPIRED: frozenset({HoldStatus.CONFIRMED}),
    HoldStatus.CONFIRMED: frozenset(),
    HoldStatus.RELEASED: frozenset(),
}
BOOKING_MOVES: Mapping[BookingStatus, frozenset[BookingStatus]] = {
    BookingStatus.CONFIRMED: frozenset(
        {BookingStatus.LOCKED, BookingStatus.IN_FULFILMENT, BookingStatus.CANCELLED}
    ),
    BookingStatus.LOCKED: frozenset({BookingStatus.IN_FULFILMENT, BookingStatus.CANCELLED}),
    BookingStatus.IN_FULFILMENT: frozenset(
        {BookingStatus.OUT_FOR_DELIVERY, BookingStatus.FAILED, BookingStatus.CANCELLED}
    ),
    BookingStatus.OUT_FOR_DELIVERY: frozenset(
        {BookingStatus.DELIVERED, BookingStatus.PARTLY_DELIVERED, BookingStatus.FAILED}
    ),
    BookingStatus.PARTLY_DELIVERED: frozenset({BookingStatus.RETURNED}),
    BookingStatus.FAILED: frozenset({BookingStatus.OUT_FOR_DELIVERY, BookingStatus.RETURNED}),
    BookingStatus.DELIVERED: frozenset(),
    BookingStatus.RETURNED: frozenset(),
    BookingStatus.CANCELLED: frozenset(),
}
# Bookings that are still to be brought, and not on their way yet.
TO_BRING = (BookingStatus.CONFIRMED, BookingStatus.LOCKED, BookingStatus.IN_FULFILMENT)
# Bookings that somebody works on, whatever the clock says.
UNDER_WAY = (BookingStatus.IN_FULFILMENT, BookingStatus.OUT_FOR_DELIVERY)
# Holds whose load is counted in their pool until they end.
OCCUPYING = (HoldStatus.ACTIVE, HoldStatus.CONFLICTED)


class RepromiseState(StrEnum):
    """A proposal is open until its booking was moved or cancelled, or the reason for it went away."""

    OPEN = "OPEN"
    SETTLED = "SETTLED"
    WITHDRAWN = "WITHDRAWN"


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
    SKILL_MISSING = "SKILL_MISSING"
    HANDOVER_RULE = "HANDOVER_RULE"
    MIN_ORDER_VALUE = "MIN_ORDER_VALUE"
    PROTECTED_QUOTA = "PROTECTED_QUOTA"
    NOT_OPENED = "NOT_OPENED"


class SlotOpeningKind(StrEnum):
    """What would open a closed window, or come nearest to it."""

    SMALLER_BASKET = "SMALLER_BASKET"
    WITHOUT_GOODS = "WITHOUT_GOODS"
    LARGER_BASKET = "LARGER_BASKET"
    OTHER_HANDOVER = "OTHER_HANDOVER"
    WIDER_WINDOW = "WIDER_WINDOW"
    OTHER_NODE = "OTHER_NODE"
    COLLECTION_POINT = "COLLECTION_POINT"
    WAITLIST = "WAITLIST"
    LATER = "LATER"
    OTHER_WINDOW = "OTHER_WINDOW"


class SlotClosureFacts(Protocol):
    """What of a slot decides whether it may still be ordered."""

    cutoff_at: datetime
    day: date


class ClaimFacts(Protocol):
    """What a hold or booking takes from its pool."""

    @property
    def load(self) -> Load:
        """The vector."""


class BookingFacts(Protocol):
    """What of a booking decides how much harm moving it does."""

    id: str
    cutoff_at: datetime
    created_at: datetime

    @property
    def window(self) -> Window:
        """What was promised."""


MESSAGES = {
    SlotClosedReason.FULL: "This window is fully booked.",
    SlotClosedReason.CUTOFF_PASSED: "Orders for this window have closed.",
    SlotClosedReason.LEAD_TIME: "This window begins too soon to be ordered now.",
    SlotClosedReason.BLACKOUT: "No new orders are taken for this window.",
    SlotClosedReason.NODE_CAPACITY: "Those who pick for this window have all the orders they can pick.",
    SlotClosedReason.HORIZON: "This window is not open for orders yet.",
    SlotClosedReason.FLEET_CAPACITY: "No vehicle that can carry this basket comes here in this window.",
    SlotClosedReason.SKILL_MISSING: "No vehicle that comes in this window can do what these goods need.",
    SlotClosedReason.PROTECTED_QUOTA: "The last places of this window are kept for a group of customers.",
    SlotClosedReason.NOT_OPENED: "This window is not opened in this area on this day.",
    SlotClosedReason.MIN_ORDER_VALUE: "The basket is below the least order value.",
    SlotClosedReason.HANDOVER_RULE: "These goods may not be handed over as chosen.",
}


_IN_WORDS = {
    VehicleSkill.AGE_CHECK: "check ages at the door",
    VehicleSkill.LARGE_ITEMS: "take what fits no box",
    VehicleSkill.TWO_PEOPLE: "carry with two people",
    VehicleSkill.TAIL_LIFT: "lower goods on a tail-lift",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What bounds a shopper's choice now: the instant, the last local day shown, the least order value."""

    now: datetime
    last_day: date
    min_order_minor: int


@dataclass(frozen=True, slots=True)
class HoldTimes:
    """How long holds last: minutes at first, at most, for the payment, and for one that arrives late."""

    hold_min: int
    ceiling_min: int
    checkout_min: int
    late_min: int


def status_at(status: HoldStatus, expires_at: datetime, now: datetime) -> HoldStatus:
    """The status of a hold as seen now: one past its end is expired, whoever has noticed."""
    return HoldStatus.EXPIRED if status in OCCUPYING and expires_at <= now else status


def booking_status_at(status: BookingStatus, cutoff_at: datetime, now: datetime) -> BookingStatus:
    """The status of a booking as seen now: a confirmed one past its cut-off is locked."""
    return BookingStatus.LOCKED if status is BookingStatus.CONFIRMED and now >= cutoff_at else status


def checkout_end(times: HoldTimes, created_at: datetime, expires_at: datetime, now: datetime) -> datetime:
    """When a hold ends whose payment begins now: later than before if it must, never past the ceiling."""
    enough = max(expires_at, now + timedelta(minutes=times.checkout_min))
    return max(expires_at, min(enough, created_at + timedelta(minutes=times.ceiling_min)))


class CancellationTerms(Protocol):
    """What cancelling after the cut-off leads to."""

    late_cancellation: LateCancellation
    late_cancellation_minor: int


def cancellation_minor(terms: CancellationTerms, *, late: bool) -> int | None:
    """What cancelling costs, in minor units: nothing before the cut-off; None where it is refused."""
    if not late:
        return 0
    return terms.late_cancellation_minor if terms.late_cancellation is LateCancellation.FEE else None


def offer_end(now: datetime, cutoff_at: datetime, offer_min: int, least_min: int) -> datetime | None:
    """When a waitlist offer made now ends: sooner near the cut-off, None when too little time is left."""
    end = min(now + timedelta(minutes=offer_min), cutoff_at)
    return end if end - now >= timedelta(minutes=least_min) else None


def submit_by(cutoff_at: datetime, submit_min: int) -> datetime:
    """Until when a standing slot must be ordered for, or its window is sold to others."""
    return cutoff_at - timedelta(minutes=submit_min)


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
    and the pickers have none; PROTECTED_QUOTA, that what room there is is kept for others.
    """
    fitting = [r for r in reaches if r.carries(basket)]
    if any(r.has_room(basket, at_door_s) for r in fitting):
        return None
    if any(r.on_board(basket, at_door_s) for r in fitting):
        return SlotClosedReason.NODE_CAPACITY
    if any(r.would_board(basket, at_door_s) for r in fitting):
        return SlotClosedReason.PROTECTED_QUOTA
    return SlotClosedReason.FULL if fitting else unfit(reaches, basket)


def unfit(reaches: Sequence[Reach], basket: Basket) -> SlotClosedReason:
    """Why none of these pools can carry the basket at all: for lack of a skill, or of a vehicle for it."""
    return (
        SlotClosedReason.SKILL_MISSING if missing_skills(reaches, basket) else SlotClosedReason.FLEET_CAPACITY
    )


def missing_skills(reaches: Sequence[Reach], basket: Basket) -> frozenset[VehicleSkill]:
    """The skills that keep vehicles large enough for a basket from bringing it: of those that lack fewest.

    A vehicle without a floor for large items is too small for them, whatever else its crew can do.
    """
    lacking = [
        lacks
        for reach in reaches
        if basket.load(0).fits(reach.vehicle)
        and (lacks := reach.lacks(basket))
        and VehicleSkill.LARGE_ITEMS not in lacks
    ]
    return min(lacking, key=lambda lacks: (len(lacks), sorted(lacks)), default=frozenset())


def skills_in_words(skills: Iterable[VehicleSkill]) -> str:
    """The skills as people say them."""
    return " and ".join(_IN_WORDS[skill] for skill in sorted(skills))


def none_can(reaches: Sequence[Reach], basket: Basket) -> str:
    """That no vehicle of a window can do what a basket needs, and what that is."""
    return f"No vehicle that comes in this window can {skills_in_words(missing_skills(reaches, basket))}."


def halved(basket: Basket) -> Basket:
    """Half the goods, without anything that fits no box."""
    return replace(
        basket,
        weight_g=basket.weight_g // 2,
        ambient_ml=basket.ambient_ml // 2,
        chilled_ml=basket.chilled_ml // 2,
        frozen_ml=basket.frozen_ml // 2,
        traits=basket.traits - LARGE,
    )


def missed_by(seconds: float) -> str:
    """That no vehicle has time left to come by in a window, and by how much the nearest misses it."""
    text = "No vehicle has time left to come by here in this window"
    return f"{text}; the nearest misses it by {ceil(seconds / 60)} min." if seconds < _NEAR_S else f"{text}."


def nearest[T](choices: Iterable[tuple[datetime, T]], wanted: datetime, count: int) -> list[T]:
    """The choices that begin nearest to the wanted instant, earlier ones first among equals."""
    ranked = sorted(choices, key=lambda choice: (abs(choice[0] - wanted), choice[0]))
    return [chosen for _, chosen in ranked[:count]]


def misfits[C: ClaimFacts](claims: Sequence[C], room: Load) -> list[C]:
    """The claims that must go, in the order given, until the others fit the room.

    One that takes nothing of what is short stays.
    """
    left = sum((claim.load for claim in claims), Load())
    gone = []
    for claim in claims:
        short = [d for d in DIMENSIONS if getattr(left, d) > getattr(room, d)]
        if not short:
            break
        if any(getattr(claim.load, d) for d in short):
            gone.append(claim)
            left = left - claim.load
    return gone


def least_harm_first[B: BookingFacts](bookings: Iterable[B], now: datetime) -> list[B]:
    """The order in which bookings are asked to move.

    Those past their cut-off come last, for they may be picked already. Before, a wide window before a
    narrow one: who was promised less exactly has planned less around it. Among equals the latest booked.
    """
    return sorted(
        bookings,
        key=lambda b: (now < b.cutoff_at, b.window.duration, b.created_at, b.id),
        reverse=True,
    )
