"""Decide which of its windows a flexible booking is for: from here on it is promised like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.compartments import keeps_for
from app.booking.errors import BookingNotFlexible, BookingNotFound, SlotNotFound
from app.booking.flexible import choices_of, flexible_of, settle
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking, PromiseChange
from app.capacity.tables import CapacityPool
from app.database.rows import add, by_id, one_or_none, row_of, table_of
from app.errors import OperatorsOnly
from app.handover.queries import preference_by_id
from app.slots.tables import DeliverySlot
from app.tours.place import settle as settle_stop
from app.tours.queries import locked_sheets
from app.tours.rules import TourStop
from app.values.actor import Actor


def narrow(
    conn: Connection, *, now: datetime, actor: Actor, booking_id: str, slot_id: str | None = None
) -> DeliveryBooking:
    """The booking with one window: the given one, or the shortest that the planned vehicles serve.

    Operators and the house's own clock only. Raises OperatorsOnly, BookingNotFound, BookingNotFlexible for
    one that is for a single window, cancelled or narrowed already, SlotNotFound for a window that is not
    among its own or that the planned vehicles do not serve.
    """
    if not actor.is_operator:
        raise OperatorsOnly(field=("input", "bookingId"))
    table = table_of(DeliveryBooking)
    query = sa.select(table).where(table.c.id == booking_id).with_for_update()
    booking = one_or_none(conn, DeliveryBooking, query)
    if booking is None:
        raise BookingNotFound(field=("input", "bookingId"))
    flexible = flexible_of(conn, [booking.id]).get(booking.id)
    if booking.status is not BookingStatus.CONFIRMED or flexible is None or flexible.narrowed_at:
        raise BookingNotFlexible(field=("input", "bookingId"))
    slot = _chosen(conn, booking, slot_id)
    changes: dict[str, Any] = {
        "slot_id": slot.id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "version": booking.version + 1,
        "changed_at": now,
    }
    conn.execute(sa.update(table).where(table.c.id == booking.id).values(**changes))
    settle(conn, now=now, booking_id=booking.id)
    keeps_for(conn, booking=booking, window=slot.window)
    narrowed = row_of(DeliveryBooking, {**booking.model_dump(), **changes})
    if slot.id != booking.slot_id:
        _move_on_tours(conn, now, narrowed, slot)
    add(conn, _line(now, actor, booking, narrowed))
    facts = {"booking_id": booking.id, "version": narrowed.version}
    events.record(conn, now=now, topic=f"booking:{booking.id}", kind="booking.narrowed", payload=facts)
    key = f"booking_narrowed:{booking.id}"
    jobs.later(conn, now=now, kind="engagement.booking_narrowed", payload=facts, dedup_key=key)
    return narrowed


def _chosen(conn: Connection, booking: DeliveryBooking, slot_id: str | None) -> DeliverySlot:
    pool = by_id(conn, CapacityPool, booking.pool_id)
    served = [
        slot
        for slot in choices_of(conn, [booking.hold_id])[booking.hold_id]
        if pool is not None and slot.window.covers(pool.window) and slot_id in (None, slot.id)
    ]
    if pool is None or not served:
        raise SlotNotFound(field=("input", "slotId"))
    # Nobody has asked for the shorter one: it is not worth being late for.
    kept = _in_time(conn, booking, pool, served) or served
    return min(kept, key=lambda slot: (slot.window.duration, slot.starts_at))


def _in_time(
    conn: Connection, booking: DeliveryBooking, pool: CapacityPool, slots: Sequence[DeliverySlot]
) -> list[DeliverySlot]:
    """Those of the slots within which the tours can come by."""
    key = (pool.node_id, pool.day)
    known = locked_sheets(conn, keys=[key]).get(key)
    if known is None:
        return list(slots)
    return [slot for slot in slots if known.sheet.with_stop(_stop(conn, booking, pool, slot))]


def _move_on_tours(conn: Connection, now: datetime, booking: DeliveryBooking, slot: DeliverySlot) -> None:
    """The stop has the window that was decided; where no tour can, it is unplaced and somebody sees to it."""
    pool = by_id(conn, CapacityPool, booking.pool_id)
    if pool is not None:
        stop = _stop(conn, booking, pool, slot)
        settle_stop(conn, now=now, key=(pool.node_id, pool.day), stop=stop)


def _stop(conn: Connection, booking: DeliveryBooking, pool: CapacityPool, slot: DeliverySlot) -> TourStop:
    return TourStop(
        reference=booking.hold_id,
        class_id=pool.vehicle_class_id,
        zone_id=booking.zone_id,
        point=booking.point,
        window=slot.window,
        at_door_s=preference_by_id(conn, booking.drop_preference_id).at_door_s,
        load=replace(booking.load, orders=0, work_s=0),
    )


def _line(now: datetime, actor: Actor, before: DeliveryBooking, after: DeliveryBooking) -> PromiseChange:
    return PromiseChange(
        booking_id=before.id,
        at=now,
        actor=actor.name,
        reason="narrowed to one of the windows that were chosen",
        before_starts_at=before.starts_at,
        before_ends_at=before.ends_at,
        after_starts_at=after.starts_at,
        after_ends_at=after.ends_at,
    )
