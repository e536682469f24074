"""Keep the window of a booking for its customer every week from now on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.errors import BookingEnded, BookingNotFound, SlotNotFound
from app.booking.queries import booking_of, locked_booking
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking, SlotHold, Wish
from app.database.idempotency import once
from app.database.rows import add, by_id, rows, table_of
from app.handover.queries import preference_by_id
from app.handover.rules import HandoverMode
from app.pricing.queries import fee_rule
from app.pricing.rules import Quote
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.standing.book_days import book_days
from app.standing.errors import AlreadyStanding
from app.standing.rules import steady_fee, wall_times, weekly_on
from app.standing.series import SERIES, Series, series_of
from app.standing.tables import StandingSlot
from app.values.actor import Actor
from app.values.window import local_day

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Weekly:
    """A window as it would be kept: from which day on and for how much a week; or what is kept already."""

    slot: DeliverySlot
    first_day: date
    fee: Quote
    rule_id: str
    kept: StandingSlot | None


def weekly(conn: Connection, *, now: datetime, actor: Actor, booking_id: str) -> Weekly | None:
    """What keeping a booking's window every week would mean; None for one that cannot be kept.

    Raises BookingNotFound, NoPriceTable.
    """
    booking = booking_of(conn, actor=actor, booking_id=booking_id)
    if booking is None:
        raise BookingNotFound(field=("input", "bookingId"))
    if booking.status is BookingStatus.CANCELLED:
        return None
    return _weekly(conn, now, booking)


def keep(conn: Connection, *, now: datetime, actor: Actor, booking_id: str, key: str) -> Series:
    """A standing slot with the goods, address and handover of the booking, from the week after it on.

    The fee is the price table's, without what moves with demand. A week whose window is full is missed,
    and the customer is told. Raises BookingNotFound, BookingEnded, SlotNotFound where the calendar has the
    window no more, AlreadyStanding, and those of `once`.
    """
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:keep_booking",
        key=key,
        request={"booking": booking_id},
        answer=SERIES,
        work=lambda: _keep(conn, now, actor, booking_id),
    )


def _keep(conn: Connection, now: datetime, actor: Actor, booking_id: str) -> Series:
    field = ("input", "bookingId")
    # Who asks for the same booking at the same time waits here.
    booking = locked_booking(conn, actor=actor, booking_id=booking_id)
    if booking.status is BookingStatus.CANCELLED:
        raise BookingEnded(field=field, status="cancelled")
    meant = _weekly(conn, now, booking)
    if meant.kept:
        raise AlreadyStanding(field=field)
    if meant.slot.withdrawn_at is not None:
        raise SlotNotFound(field=field)
    starts, ends = wall_times(meant.slot.window, meant.slot.time_zone)
    door, lockers = _door(conn, booking)
    row = StandingSlot(
        **{name: getattr(door, name) for name in Wish.model_fields if name != "currency"},
        lockers=lockers,
        currency=meant.fee.currency,
        rrule=weekly_on(meant.slot.day),
        starts_local=starts,
        ends_local=ends,
        time_zone=meant.slot.time_zone,
        first_day=meant.first_day,
        next_day=meant.first_day,
        created_at=now,
        fee_rule_id=meant.rule_id,
        fee_minor=meant.fee.total.minor,
        fee_parts=[part.stored() for part in meant.fee.parts],
        fee_told_at=now,
        grams=booking.grams,
    )
    add(conn, row)
    facts = {"standing_id": row.id, "actor": actor.name, "booking_id": booking.id}
    events.record(conn, now=now, topic=f"standing:{row.id}", kind="standing.created", payload=facts)
    return series_of(conn, now=now, found=[book_days(conn, now=now, row=row)])[0]


def _door(conn: Connection, booking: DeliveryBooking) -> tuple[DeliveryBooking | SlotHold, list[str]]:
    """What says the address and the handover, and the lockers that are accepted beside it.

    What was decided for a locker has its address; the hold knows the door still.
    """
    held = by_id(conn, SlotHold, booking.hold_id)
    if held is None or preference_by_id(conn, booking.drop_preference_id).mode is not HandoverMode.LOCKER:
        return booking, list(booking.lockers)
    return held, list(held.lockers)


def _weekly(conn: Connection, now: datetime, booking: DeliveryBooking) -> Weekly:
    (slot,) = slots_by_id(conn, [booking.slot_id])
    table = fee_rule(conn, now=now, storefront_id=booking.storefront_id)
    door, _ = _door(conn, booking)
    preference = preference_by_id(conn, door.drop_preference_id)
    fee = steady_fee(
        table,
        window=slot.window,
        zone=slot.time_zone,
        grams=booking.grams,
        handover_minor=preference.fee_minor,
    )
    # Of a booking long ago the weeks since are over too.
    first_day = slot.day + _WEEK
    while first_day <= local_day(now, slot.time_zone):
        first_day += _WEEK
    return Weekly(slot, first_day, fee, table.id, _kept(conn, door, slot))


def _kept(conn: Connection, door: DeliveryBooking | SlotHold, slot: DeliverySlot) -> StandingSlot | None:
    """The standing slot of this customer, in this window, at this address."""
    table = table_of(StandingSlot)
    starts, ends = wall_times(slot.window, slot.time_zone)
    same = {
        "customer_id": door.customer_id,
        "rrule": weekly_on(slot.day),
        "starts_local": starts,
        "ends_local": ends,
        "latitude": door.latitude,
        "longitude": door.longitude,
    }
    query = sa.select(table).where(
        table.c.ended_at.is_(None), *(table.c[name] == value for name, value in same.items())
    )
    found = rows(conn, StandingSlot, query.limit(1))
    return found[0] if found else None
