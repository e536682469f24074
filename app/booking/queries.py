"""Reads of holds and bookings with more than one caller; a storefront sees only its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import BookingNotFound, HoldNotFound
from app.booking.rules import UNDER_WAY, BookingStatus, WaitlistStatus
from app.booking.tables import (
    DeliveryBooking,
    PromiseChange,
    SlotHold,
    WaitlistEntry,
    WaitlistWindow,
    occupying,
)
from app.customers.tables import Customer
from app.database.rows import one_or_none, rows, table_of
from app.values.actor import Actor


def hold_of(conn: Connection, *, actor: Actor, hold_id: str) -> SlotHold | None:
    """The hold with this id, if it is the caller's."""
    told = {"its_id": hold_id, "storefront": actor.storefront_id}
    return one_or_none(conn, SlotHold, _own_hold(locked=False), told)


def booking_of(conn: Connection, *, actor: Actor, booking_id: str) -> DeliveryBooking | None:
    """The booking with this id, if it is the caller's."""
    return one_or_none(conn, DeliveryBooking, _own_booking(actor, booking_id))


def locked_hold(conn: Connection, *, actor: Actor, hold_id: str) -> SlotHold:
    """The caller's hold, locked until the end of the transaction; raises HoldNotFound."""
    told = {"its_id": hold_id, "storefront": actor.storefront_id}
    found = one_or_none(conn, SlotHold, _own_hold(locked=True), told)
    if found is None:
        raise HoldNotFound(field=("input", "holdId"))
    return found


def locked_booking(conn: Connection, *, actor: Actor, booking_id: str) -> DeliveryBooking:
    """The caller's booking, locked until the end of the transaction; raises BookingNotFound."""
    found = one_or_none(conn, DeliveryBooking, _own_booking(actor, booking_id).with_for_update())
    if found is None:
        raise BookingNotFound(field=("input", "bookingId"))
    return found


def booking_on(conn: Connection, *, hold_id: str) -> DeliveryBooking | None:
    """The booking a hold became."""
    booking = table_of(DeliveryBooking)
    return one_or_none(conn, DeliveryBooking, sa.select(booking).where(booking.c.hold_id == hold_id))


def bookings_on(conn: Connection, *, hold_ids: Sequence[str]) -> dict[str, str]:
    """The ids of the bookings that these holds became, by hold, whosever they are."""
    booking = table_of(DeliveryBooking)
    query = sa.select(booking.c.hold_id, booking.c.id).where(booking.c.hold_id.in_(hold_ids))
    return {row.hold_id: row.id for row in conn.execute(query)}


def bookings_of(
    conn: Connection,
    *,
    actor: Actor,
    customer_reference: str | None,
    limit: int,
    after: str | None = None,
    before: str | None = None,
    backwards: bool = False,
) -> list[DeliveryBooking]:
    """A page of the caller's bookings, newest first, between two ids of bookings.

    `backwards` takes the page from the end; the order of the answer stays newest first.
    """
    booking, customer = table_of(DeliveryBooking), table_of(Customer)
    query = sa.select(booking).where(booking.c.storefront_id == actor.storefront_id)
    if customer_reference is not None:
        query = query.join(customer, customer.c.id == booking.c.customer_id).where(
            customer.c.reference == customer_reference
        )
    if after is not None:
        query = query.where(booking.c.id < after)
    if before is not None:
        query = query.where(booking.c.id > before)
    order = booking.c.id.asc() if backwards else booking.c.id.desc()
    found = rows(conn, DeliveryBooking, query.order_by(order).limit(limit))
    return found[::-1] if backwards else found


def claims_named(conn: Connection, references: Sequence[str]) -> dict[str, type[SlotHold | DeliveryBooking]]:
    """Which of these keys are holds and which are bookings, whosever they are: what a ledger refers to."""
    found: dict[str, type[SlotHold | DeliveryBooking]] = {}
    for model in (SlotHold, DeliveryBooking):
        table = table_of(model)
        named = conn.execute(sa.select(table.c.id).where(table.c.id.in_(references))).scalars()
        found |= dict.fromkeys(named, model)
    return found


def bookings_ahead(
    conn: Connection, *, actor: Actor, customer_id: str, now: datetime, limit: int = 100
) -> list[DeliveryBooking]:
    """What is still to come to a customer, soonest first."""
    query = _of_customer(actor, customer_id).where(_ahead(now))
    soonest = table_of(DeliveryBooking).c.starts_at.asc()
    return rows(conn, DeliveryBooking, query.order_by(soonest).limit(limit))


def bookings_behind(
    conn: Connection, *, actor: Actor, customer_id: str, now: datetime, limit: int
) -> list[DeliveryBooking]:
    """What has come to a customer, or was cancelled, the latest window first."""
    query = _of_customer(actor, customer_id).where(sa.not_(_ahead(now)))
    latest = table_of(DeliveryBooking).c.starts_at.desc()
    return rows(conn, DeliveryBooking, query.order_by(latest).limit(limit))


def _of_customer(actor: Actor, customer_id: str) -> sa.Select[tuple[object, ...]]:
    booking = table_of(DeliveryBooking)
    return sa.select(booking).where(
        booking.c.customer_id == customer_id, booking.c.storefront_id == actor.storefront_id
    )


def _ahead(now: datetime) -> sa.ColumnElement[bool]:
    booking = table_of(DeliveryBooking)
    waits = sa.and_(booking.c.status == BookingStatus.CONFIRMED, booking.c.ends_at > now)
    return sa.or_(waits, booking.c.status.in_(UNDER_WAY))


def history(
    conn: Connection, booking_ids: Sequence[str], *, at: datetime | None = None
) -> dict[str, list[PromiseChange]]:
    """What was promised and changed until now or `at`, oldest first, by booking."""
    change = table_of(PromiseChange)
    by_booking: dict[str, list[PromiseChange]] = defaultdict(list)
    query = sa.select(change).where(change.c.booking_id.in_(booking_ids)).order_by(change.c.id)
    if at is not None:
        query = query.where(change.c.at <= at)
    for line in rows(conn, PromiseChange, query):
        by_booking[line.booking_id].append(line)
    return by_booking


def waitlist_entry_of(conn: Connection, *, actor: Actor, entry_id: str) -> WaitlistEntry | None:
    """The waitlist entry with this id, if it is the caller's."""
    entry = table_of(WaitlistEntry)
    mine = sa.and_(entry.c.id == entry_id, entry.c.storefront_id == actor.storefront_id)
    return one_or_none(conn, WaitlistEntry, sa.select(entry).where(mine))


def waitlist_of(
    conn: Connection, *, actor: Actor, customer_reference: str, limit: int = 100
) -> list[WaitlistEntry]:
    """What a customer waits or has waited for, newest first."""
    entry, customer = table_of(WaitlistEntry), table_of(Customer)
    query = (
        sa.select(entry)
        .join(customer, customer.c.id == entry.c.customer_id)
        .where(entry.c.storefront_id == actor.storefront_id, customer.c.reference == customer_reference)
        .order_by(entry.c.id.desc())
        .limit(limit)
    )
    return rows(conn, WaitlistEntry, query)


def windows_of(conn: Connection, entry_ids: Sequence[str]) -> dict[str, list[str]]:
    """The slots that entries wait for, the most wanted first, by entry."""
    window = table_of(WaitlistWindow)
    by_entry: dict[str, list[str]] = defaultdict(list)
    query = sa.select(window).where(window.c.entry_id.in_(entry_ids)).order_by(window.c.place)
    for one in rows(conn, WaitlistWindow, query):
        by_entry[one.entry_id].append(one.slot_id)
    return by_entry


@cache
def _own_hold(*, locked: bool) -> sa.Select[*tuple[object, ...]]:
    hold = table_of(SlotHold)
    own = hold.c.storefront_id == sa.bindparam("storefront")
    query = sa.select(hold).where(hold.c.id == sa.bindparam("its_id"), own)
    return query.with_for_update() if locked else query


def _own_booking(actor: Actor, booking_id: str) -> sa.Select[tuple[object, ...]]:
    booking = table_of(DeliveryBooking)
    return sa.select(booking).where(
        booking.c.id == booking_id, booking.c.storefront_id == actor.storefront_id
    )


def waited_windows(conn: Connection, *, zone_id: str) -> list[str]:
    """The windows of a zone that somebody waits for."""
    return [row.slot_id for row in conn.execute(_waited(), {"zone": zone_id})]


@cache
def _waited() -> sa.Select[tuple[str]]:
    entry, window = table_of(WaitlistEntry), table_of(WaitlistWindow)
    here = sa.and_(entry.c.zone_id == sa.bindparam("zone"), entry.c.status == WaitlistStatus.WAITING)
    query = sa.select(window.c.slot_id).join(entry, entry.c.id == window.c.entry_id).where(here)
    return query.distinct()


def held_windows(conn: Connection, *, now: datetime, customer_id: str) -> list[str]:
    """The windows that a customer holds."""
    return [row.slot_id for row in conn.execute(_held(), {"customer": customer_id, "now": now})]


@cache
def _held() -> sa.Select[tuple[str]]:
    hold = table_of(SlotHold)
    mine = hold.c.customer_id == sa.bindparam("customer")
    return sa.select(hold.c.slot_id).where(mine, occupying(), hold.c.expires_at > sa.bindparam("now"))
