"""Book ahead what of a standing slot lies within the horizon: the step that creating, resuming and the clock
share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.columns import place_of
from app.booking.compartments import lock_lockers
from app.booking.hold_ahead import hold_ahead
from app.booking.menu import days_ahead
from app.booking.rules import SlotClosedReason
from app.capacity.queries import planned_until
from app.customers.tables import Customer
from app.database.rows import by_id, row_of, table_of
from app.errors import Refusal
from app.handover.queries import preference_by_id
from app.handover.tables import DropPreference
from app.slots.queries import slots_between
from app.slots.tables import DeliverySlot
from app.standing.leave_word import leave_word
from app.standing.queries import occurrences_of
from app.standing.rules import (
    OccurrenceState,
    days_between,
    last_day_ahead,
    next_day,
    paused_on,
    reason_of,
    window_of,
)
from app.standing.tables import StandingSlot, StandingSlotOccurrence
from app.standing.write_occurrence import write_occurrence
from app.values.actor import Actor, Role
from app.values.window import SkippedLocalTime

# What may be decided again: a week that was only paused.
_UNDECIDED = (None, OccurrenceState.PAUSED)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is decided of a day."""

    state: OccurrenceState
    slot_id: str | None = None
    hold_id: str | None = None
    reason: SlotClosedReason | None = None


def clerk(row: StandingSlot) -> Actor:
    """Who acts for a standing slot when nobody asks."""
    return Actor(row.storefront_id, Role.STOREFRONT, "standing slots")


def book_days(conn: Connection, *, now: datetime, row: StandingSlot) -> StandingSlot:
    """Hold the window of each day that has entered the horizon; the customer is told of each that cannot be.

    The caller has locked the row. A day whose submit deadline has passed is left out, and days wait whose
    capacity is not planned yet.
    """
    customer = by_id(conn, Customer, row.customer_id)
    group = customer.customer_group if customer else None
    horizon = days_ahead(conn, storefront_id=row.storefront_id, customer_group=group)
    last = last_day_ahead(now, row.time_zone, horizon)
    days = days_between(row, row.next_day, last)
    if not days:
        return row
    known = {one.day: one for one in occurrences_of(conn, [row.id], since=days[0])}
    slots = slots_between(conn, zone_id=row.zone_id, first=days[0], last=last)
    planned = planned_until(conn, zone_id=row.zone_id)
    preference = preference_by_id(conn, row.drop_preference_id)
    lock_lockers(conn, row.lockers)
    waits = None
    for day in days:
        occurrence = known.get(day)
        if (occurrence.state if occurrence else None) not in _UNDECIDED:
            continue
        if paused_on(row, day):
            outcome: _Outcome | None = _Outcome(OccurrenceState.PAUSED)
        elif planned is None or day > planned:
            waits = day
            break
        else:
            outcome = _booked(conn, now, row, preference, day, [slot for slot in slots if slot.day == day])
        if outcome is not None:
            _write(conn, now, row, day, occurrence, outcome)
    reached = waits or next_day(row, last + timedelta(days=1))
    table = table_of(StandingSlot)
    conn.execute(sa.update(table).where(table.c.id == row.id).values(next_day=reached))
    return row_of(StandingSlot, {**row.model_dump(), "next_day": reached})


def cart_of(row: StandingSlot, day: date) -> str:
    """The cart of a week: a customer holds one window for it."""
    return f"standing:{row.id}:{day}"


def _booked(
    conn: Connection,
    now: datetime,
    row: StandingSlot,
    preference: DropPreference,
    day: date,
    slots: Sequence[DeliverySlot],
) -> _Outcome | None:
    """A hold of the day's window, or why there is none; None for a day that is too late to order for."""
    try:
        window = window_of(row, day)
    except SkippedLocalTime:
        return _Outcome(OccurrenceState.SKIPPED, reason=SlotClosedReason.BLACKOUT)
    slot = next((slot for slot in slots if slot.window == window), None)
    if slot is None:
        return _Outcome(OccurrenceState.SKIPPED, reason=SlotClosedReason.BLACKOUT)
    try:
        held = hold_ahead(
            conn,
            now=now,
            actor=clerk(row),
            customer_id=row.customer_id,
            cart_reference=cart_of(row, day),
            slot=slot,
            place=place_of(row),
            basket=row.basket,
            preference=preference,
            fee=row.fee,
            lockers=row.lockers,
        )
    except Refusal as refusal:
        reason = reason_of(refusal.code)
        if reason is None:
            raise
        if reason is SlotClosedReason.CUTOFF_PASSED:
            return None
        closed = reason is SlotClosedReason.BLACKOUT
        state = OccurrenceState.SKIPPED if closed else OccurrenceState.MISSED
        return _Outcome(state, slot_id=slot.id, reason=reason)
    return _Outcome(OccurrenceState.BOOKED_AHEAD, slot_id=slot.id, hold_id=held.id)


def _write(
    conn: Connection,
    now: datetime,
    row: StandingSlot,
    day: date,
    known: StandingSlotOccurrence | None,
    outcome: _Outcome,
) -> None:
    occurrence = write_occurrence(
        conn,
        now=now,
        standing_id=row.id,
        day=day,
        known=known,
        state=outcome.state,
        slot_id=outcome.slot_id,
        hold_id=outcome.hold_id,
        reason=outcome.reason,
        reminded_at=None,
    )
    match outcome.state:
        case OccurrenceState.MISSED:
            leave_word(conn, now=now, occurrence=occurrence, what="missed", tell=True)
        case OccurrenceState.SKIPPED:
            leave_word(conn, now=now, occurrence=occurrence, what="closed", tell=True)
        case OccurrenceState.BOOKED_AHEAD:
            leave_word(conn, now=now, occurrence=occurrence, what="booked_ahead")
