"""Holds and bookings as their owner sees them: with slot, handover, promotions and the whole fee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.columns import wanted_basket
from app.booking.flexible import choices_of, flexible_of
from app.booking.menu import policy_of
from app.booking.queries import history
from app.booking.rules import (
    BOOKING_MOVES,
    MESSAGES,
    BookingStatus,
    HoldOrigin,
    HoldStatus,
    booking_status_at,
    cancellation_minor,
    status_at,
)
from app.booking.slot_offer import Closure
from app.booking.tables import BookingPolicy, DeliveryBooking, FlexibleSlotBooking, PromiseChange, SlotHold
from app.database.rows import row_of, rows, table_of
from app.fleet.rules import Emissions
from app.fleet.tables import EmissionFactor
from app.handover.tables import DropPreference
from app.pricing.rules import FeePart, FeePartKind, Quote
from app.promotions.queries import applied
from app.promotions.rules import AppliedPromotion
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.published import PlannedStop, planned_stops
from app.values.basket import Basket
from app.values.money import Money
from app.values.window import ZonedWindow


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised, and how it came to be so."""

    time_window: ZonedWindow
    history: tuple[PromiseChange, ...]


@dataclass(frozen=True, slots=True)
class SeenHold:
    """A hold with everything that belongs to it; `status` is that of now."""

    row: SlotHold
    status: HoldStatus
    slot: DeliverySlot
    drop_preference: DropPreference
    promotions: tuple[AppliedPromotion, ...]
    fee: Quote
    emissions: Emissions
    candidates: tuple[DeliverySlot, ...]

    @property
    def address(self) -> str:
        """Where it goes, as people write it; for what is collected the collection point and its address."""
        return ", ".join(filter(None, (self.row.address_label, self.row.address_line2)))

    @property
    def lockers(self) -> list[str]:
        """The ids of the lockers that are accepted beside the door."""
        # An answer that was kept before there were lockers has none.
        return list(self.row.lockers or ())

    @property
    def expires_at(self) -> datetime:
        """When it ends."""
        return self.row.expires_at

    @property
    def origin(self) -> HoldOrigin:
        """Who asked for it."""
        return self.row.origin

    @property
    def checkout_at(self) -> datetime | None:
        """When its payment began."""
        return self.row.checkout_at

    @property
    def basket(self) -> Basket:
        """The goods that the customer wants, whether they fit or not."""
        return wanted_basket(self.row)

    @property
    def conflict(self) -> Closure | None:
        """Why the goods do not fit, while they do not."""
        reason = self.row.conflict
        return None if reason is None else Closure(reason, MESSAGES[reason])

    @property
    def version(self) -> int:
        """Counts its changes."""
        return self.row.version


@dataclass(frozen=True, slots=True)
class Changes:
    """What a customer may still do with a booking: until when, how often, and what cancelling costs.

    `cancellation` is None where it can no longer be cancelled.
    """

    until: datetime
    moves: int
    move_limit: int
    cancellation: Money | None


@dataclass(frozen=True, slots=True)
class Flexible:
    """The windows that a customer accepts, and when it was or will be decided which."""

    candidates: tuple[DeliverySlot, ...]
    narrow_by: datetime
    narrowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenBooking:
    """A booking with everything that belongs to it; `status` is that of now."""

    row: DeliveryBooking
    status: BookingStatus
    slot: DeliverySlot
    drop_preference: DropPreference
    promotions: tuple[AppliedPromotion, ...]
    fee: Quote
    emissions: Emissions
    promise: Promise
    changes: Changes
    flexible: Flexible | None
    stop: PlannedStop | None = None

    @property
    def address(self) -> str:
        """Where it goes, as people write it; for what is collected the collection point and its address."""
        return ", ".join(filter(None, (self.row.address_label, self.row.address_line2)))

    @property
    def lockers(self) -> list[str]:
        """The ids of the lockers that are accepted beside the door, until it is decided where it goes."""
        # An answer that was kept before there were lockers has none.
        return list(self.row.lockers or ())

    @property
    def planned_arrival(self) -> datetime | None:
        """When the goods are to be handed over; None before tours are made."""
        return self.stop.planned_arrival if self.stop else None

    @property
    def code(self) -> str:
        """Short, for people."""
        return self.row.code

    @property
    def order_reference(self) -> str:
        """The storefront's own number."""
        return self.row.order_reference

    @property
    def partner_courier(self) -> bool:
        """Whether a partner courier brings it."""
        return self.row.partner_courier

    @property
    def version(self) -> int:
        """Counts its changes."""
        return self.row.version


def seen_holds(
    conn: Connection, *, now: datetime, holds: Sequence[SlotHold], at: datetime | None = None
) -> list[SeenHold]:
    """The holds in their order, with a number of statements that does not grow with them.

    `at` shows what stands beside them as of then.
    """
    beside = _Beside.read(conn, holds, [hold.id for hold in holds], at)
    return [
        SeenHold(
            row=hold,
            status=status_at(hold.status, hold.expires_at, now),
            slot=beside.slot(hold),
            drop_preference=beside.preferences[hold.drop_preference_id],
            promotions=tuple(beside.promotions.get(hold.id, ())),
            fee=fee_of(hold, beside.promotions.get(hold.id, ())),
            emissions=beside.emissions(hold),
            candidates=tuple(beside.choices.get(hold.id, ())),
        )
        for hold in holds
    ]


def seen_bookings(
    conn: Connection, *, now: datetime, bookings: Sequence[DeliveryBooking], at: datetime | None = None
) -> list[SeenBooking]:
    """The bookings in their order, with a number of statements that does not grow with them.

    `at` shows what stands beside them as of then.
    """
    beside = _Beside.read(conn, bookings, [booking.hold_id for booking in bookings], at)
    changes = history(conn, [booking.id for booking in bookings], at=at)
    flexible = flexible_of(conn, [booking.id for booking in bookings])
    stops = planned_stops(conn, [booking.id for booking in bookings])
    policies = {key: policy_of(conn, key) for key in {booking.storefront_id for booking in bookings}}
    return [
        SeenBooking(
            row=booking,
            status=booking_status_at(booking.status, booking.cutoff_at, now),
            slot=beside.slot(booking),
            drop_preference=beside.preferences[booking.drop_preference_id],
            promotions=tuple(beside.promotions.get(booking.hold_id, ())),
            fee=fee_of(booking, beside.promotions.get(booking.hold_id, ())),
            emissions=beside.emissions(booking),
            promise=Promise(
                ZonedWindow(booking.window, beside.slots[booking.slot_id].time_zone),
                tuple(changes.get(booking.id, ())),
            ),
            changes=_changes(booking, policies[booking.storefront_id], now),
            flexible=_flexible(flexible.get(booking.id), beside.choices.get(booking.hold_id, ()), at),
            stop=_stop(booking, stops.get(booking.id)),
        )
        for booking in bookings
    ]


def _flexible(
    row: FlexibleSlotBooking | None, candidates: Sequence[DeliverySlot], at: datetime | None
) -> Flexible | None:
    if row is None:
        return None
    decided = row.narrowed_at if at is None or (row.narrowed_at and row.narrowed_at <= at) else None
    return Flexible(tuple(candidates), row.narrow_by, decided)


def _stop(booking: DeliveryBooking, stop: PlannedStop | None) -> PlannedStop | None:
    """The stop, unless the booking was moved out of its window or cancelled since the tours were made."""
    held = booking.status is not BookingStatus.CANCELLED
    return stop if stop and held and booking.starts_at <= stop.planned_arrival < booking.ends_at else None


def _changes(booking: DeliveryBooking, policy: BookingPolicy, now: datetime) -> Changes:
    status = booking_status_at(booking.status, booking.cutoff_at, now)
    owed = None
    if BookingStatus.CANCELLED in BOOKING_MOVES[status]:
        owed = cancellation_minor(policy, late=status is not BookingStatus.CONFIRMED)
    cancellation = None if owed is None else Money(owed, booking.currency)
    return Changes(booking.cutoff_at, booking.moves, policy.move_limit, cancellation)


def fee_of(claim: SlotHold | DeliveryBooking, promotions: Sequence[AppliedPromotion]) -> Quote:
    """The locked parts and what promotions take off."""
    locked = [
        FeePart(FeePartKind(part["kind"]), part["label"], part["minor"], claim.currency)
        for part in claim.fee_parts
    ]
    off = [
        FeePart(FeePartKind.PROMOTION, promotion.label, -promotion.discount.minor, claim.currency)
        for promotion in promotions
    ]
    return Quote(claim.currency, tuple(locked + off))


@dataclass(frozen=True)
class _Beside:
    """What stands beside holds or bookings, read once for all of them."""

    slots: dict[str, DeliverySlot]
    preferences: dict[str, DropPreference]
    promotions: dict[str, list[AppliedPromotion]]
    factors: dict[str, EmissionFactor]
    choices: dict[str, list[DeliverySlot]]

    @classmethod
    def read(
        cls,
        conn: Connection,
        claims: Sequence[SlotHold | DeliveryBooking],
        hold_ids: Sequence[str],
        at: datetime | None,
    ) -> _Beside:
        preference, factor = table_of(DropPreference), table_of(EmissionFactor)
        wanted = [claim.drop_preference_id for claim in claims]
        factors = [claim.factor_id for claim in claims]
        return cls(
            slots={s.id: s for s in slots_by_id(conn, [claim.slot_id for claim in claims])},
            preferences={
                p.id: p
                for p in rows(conn, DropPreference, sa.select(preference).where(preference.c.id.in_(wanted)))
            },
            promotions=applied(conn, hold_ids, at=at),
            choices=choices_of(conn, hold_ids),
            factors={
                f.id: f for f in rows(conn, EmissionFactor, sa.select(factor).where(factor.c.id.in_(factors)))
            },
        )

    def slot(self, claim: SlotHold | DeliveryBooking) -> DeliverySlot:
        """The slot with the cut-off that was promised, which is that of the node that serves it."""
        slot = self.slots[claim.slot_id]
        return row_of(DeliverySlot, {**slot.model_dump(), "cutoff_at": claim.cutoff_at})

    def emissions(self, claim: SlotHold | DeliveryBooking) -> Emissions:
        factor = self.factors[claim.factor_id]
        return Emissions(claim.grams, factor.scope, factor.method, factor.id)
