"""Move one week of a standing slot to another window of that week."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime

from sqlalchemy import Connection

from app.booking.columns import place_of, wanted_basket
from app.booking.errors import FeeDifferenceChanged, SameWindow, SlotNotFound
from app.booking.hold_ahead import hold_ahead
from app.database.idempotency import once
from app.handover.queries import preference_by_id
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.standing.book_days import cart_of
from app.standing.errors import OtherWeek
from app.standing.leave_word import leave_word
from app.standing.move_fee import move_fee
from app.standing.rules import OccurrenceState, week_of
from app.standing.series import SERIES, Series, series_of
from app.standing.week import Week, locked_week
from app.standing.write_occurrence import write_occurrence
from app.values.actor import Actor
from app.values.money import Money


def move(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    standing_id: str,
    day: date,
    slot_id: str,
    expected_difference: Money | None = None,
    key: str,
) -> Series:
    """The standing slot with the delivery of this day in another window, until that one's submit deadline.

    Also a week that was missed, skipped or released finds a window so. What was held stays held when the
    new window cannot be had. Raises StandingSlotNotFound, StandingSlotEnded, NotAnOccurrence,
    OccurrenceConfirmed, OccurrenceEnded, SlotNotFound, OtherWeek, SameWindow, CutoffPassed, LeadTime,
    Blackout, BeyondHorizon, MinOrderValue, BasketTooLarge, SlotFull (with `alternatives`),
    FeeDifferenceChanged and those of `once`.
    """
    request = {
        "standing": standing_id,
        "day": day,
        "slot": slot_id,
        "difference": asdict(expected_difference) if expected_difference else None,
    }
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:move_standing",
        key=key,
        request=request,
        answer=SERIES,
        work=lambda: _move(conn, now, actor, standing_id, day, slot_id, expected_difference),
    )


def _move(
    conn: Connection,
    now: datetime,
    actor: Actor,
    standing_id: str,
    day: date,
    slot_id: str,
    expected_difference: Money | None,
) -> Series:
    week = locked_week(conn, now=now, actor=actor, standing_id=standing_id, day=day)
    slot = _slot(conn, week, slot_id)
    held, row = week.held, week.row
    preference = preference_by_id(conn, held.drop_preference_id if held else row.drop_preference_id)
    fee, difference = move_fee(conn, now=now, week=week, slot=slot, preference=preference)
    if expected_difference is not None and expected_difference != difference:
        raise _changed(expected_difference, difference)
    moved = hold_ahead(
        conn,
        now=now,
        actor=actor,
        customer_id=row.customer_id,
        cart_reference=cart_of(row, day),
        slot=slot,
        place=place_of(row),
        basket=wanted_basket(held) if held else row.basket,
        preference=preference,
        fee=fee,
        instead_of=held.id if held else None,
        lockers=row.lockers,
    )
    occurrence = write_occurrence(
        conn,
        now=now,
        standing_id=week.row.id,
        day=day,
        known=week.occurrence,
        state=OccurrenceState.MOVED,
        slot_id=slot.id,
        hold_id=moved.id,
        reason=None,
        difference_minor=difference.minor,
        reminded_at=None,
    )
    leave_word(conn, now=now, occurrence=occurrence, what="moved")
    return series_of(conn, now=now, found=[row])[0]


def _slot(conn: Connection, week: Week, slot_id: str) -> DeliverySlot:
    field = ("input", "slotId")
    slot = next(iter(slots_by_id(conn, [slot_id])), None)
    if slot is None or slot.zone_id != week.row.zone_id or slot.withdrawn_at is not None:
        raise SlotNotFound(field=field)
    first, last = week_of(week.day)
    if not first <= slot.day <= last:
        raise OtherWeek(field=field, first=first.isoformat(), last=last.isoformat())
    if week.held and week.held.slot_id == slot.id:
        raise SameWindow(field=field)
    return slot


def _changed(expected: Money, present: Money) -> FeeDifferenceChanged:
    return FeeDifferenceChanged(
        field=("input", "expectedDifference"),
        expected_amount=str(expected.amount),
        now_amount=str(present.amount),
        now_minor=present.minor,
        currency=present.currency,
    )
