"""One week of a standing slot as its customer may change it: the first beat of skipping and moving it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.queries import booking_on, hold_of, locked_hold
from app.booking.rules import OCCUPYING, status_at
from app.booking.tables import SlotHold
from app.database.rows import one_or_none, table_of
from app.standing.errors import (
    NotAnOccurrence,
    OccurrenceConfirmed,
    OccurrenceEnded,
    StandingSlotEnded,
    StandingSlotNotFound,
)
from app.standing.queries import locked_standing, standing_of
from app.standing.rules import OccurrenceState, days_between, next_day, state_at
from app.standing.tables import StandingSlot, StandingSlotOccurrence
from app.values.actor import Actor
from app.values.window import local_day


@dataclass(frozen=True, slots=True)
class Week:
    """A week with its standing slot, and what is held for it; `state` is None before it is decided.

    `held` still occupies its pool, past its end too.
    """

    row: StandingSlot
    day: date
    occurrence: StandingSlotOccurrence | None
    held: SlotHold | None
    state: OccurrenceState | None


def locked_week(conn: Connection, *, now: datetime, actor: Actor, standing_id: str, day: date) -> Week:
    """The week of this day, with its standing slot and its hold locked.

    Raises StandingSlotNotFound, StandingSlotEnded, NotAnOccurrence, OccurrenceConfirmed, and
    OccurrenceEnded for one that was cancelled or is over.
    """
    row = locked_standing(conn, actor=actor, standing_id=standing_id)
    occurrence = _occurrence(conn, now, row, day)
    hold_id = occurrence.hold_id if occurrence else None
    held = locked_hold(conn, actor=actor, hold_id=hold_id) if hold_id else None
    return _changeable(conn, now, row, day, occurrence, held)


def seen_week(conn: Connection, *, now: datetime, actor: Actor, standing_id: str, day: date) -> Week:
    """The same without a lock, for a look at what could be done with it."""
    row = standing_of(conn, actor=actor, standing_id=standing_id)
    if row is None:
        raise StandingSlotNotFound(field=("standingSlotId",))
    if row.ended_at is not None:
        raise StandingSlotEnded(field=("standingSlotId",))
    occurrence = _occurrence(conn, now, row, day)
    hold_id = occurrence.hold_id if occurrence else None
    held = hold_of(conn, actor=actor, hold_id=hold_id) if hold_id else None
    return _changeable(conn, now, row, day, occurrence, held)


def _occurrence(
    conn: Connection, now: datetime, row: StandingSlot, day: date
) -> StandingSlotOccurrence | None:
    if not days_between(row, day, day):
        coming = next_day(row, max(day, local_day(now, row.time_zone)))
        raise NotAnOccurrence(field=("input", "day"), day=day.isoformat(), next_day=coming.isoformat())
    table = table_of(StandingSlotOccurrence)
    mine = sa.and_(table.c.standing_id == row.id, table.c.day == day)
    return one_or_none(conn, StandingSlotOccurrence, sa.select(table).where(mine))


def _changeable(
    conn: Connection,
    now: datetime,
    row: StandingSlot,
    day: date,
    occurrence: StandingSlotOccurrence | None,
    held: SlotHold | None,
) -> Week:
    field = ("input", "day")
    state = occurrence.state if occurrence else None
    if occurrence and held:
        booking = booking_on(conn, hold_id=held.id)
        seen = status_at(held.status, held.expires_at, now)
        state = state_at(occurrence.state, seen, booking.status if booking else None)
    if state is OccurrenceState.CONFIRMED:
        raise OccurrenceConfirmed(field=field, day=day.isoformat())
    if state is OccurrenceState.CANCELLED:
        raise OccurrenceEnded(field=field, day=day.isoformat(), state="cancelled")
    if day < local_day(now, row.time_zone):
        raise OccurrenceEnded(field=field, day=day.isoformat(), state="over")
    return Week(row, day, occurrence, held if held and held.status in OCCUPYING else None, state)
