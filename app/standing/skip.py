"""Leave one week of a standing slot out."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from app.booking.end_hold import end_hold
from app.booking.rules import HoldStatus
from app.booking.serve_waitlist import serve_waitlist
from app.standing.errors import OccurrenceEnded
from app.standing.leave_word import leave_word
from app.standing.rules import OccurrenceState
from app.standing.series import Series, series_of
from app.standing.week import locked_week
from app.standing.write_occurrence import write_occurrence
from app.values.actor import Actor


def skip(conn: Connection, *, now: datetime, actor: Actor, standing_id: str, day: date) -> Series:
    """The standing slot without the delivery of this day of its rule, also one that is not booked ahead yet.

    What was held is given back and offered to those who wait; a second call changes nothing. Raises
    StandingSlotNotFound, StandingSlotEnded, NotAnOccurrence, OccurrenceConfirmed, OccurrenceEnded.
    """
    week = locked_week(conn, now=now, actor=actor, standing_id=standing_id, day=day)
    if week.state is OccurrenceState.RELEASED:
        raise OccurrenceEnded(field=("input", "day"), day=day.isoformat(), state="released")
    if week.state is not OccurrenceState.SKIPPED:
        if week.held:
            reason = "the week was skipped"
            end_hold(
                conn,
                now=now,
                actor=actor.name,
                held=week.held,
                status=HoldStatus.RELEASED,
                reason=reason,
            )
        occurrence = write_occurrence(
            conn,
            now=now,
            standing_id=week.row.id,
            day=day,
            known=week.occurrence,
            state=OccurrenceState.SKIPPED,
            hold_id=None,
            reason=None,
            difference_minor=None,
        )
        leave_word(conn, now=now, occurrence=occurrence, what="skipped")
        serve_waitlist(conn, now=now, pool_ids=[week.held.pool_id] if week.held else [])
    return series_of(conn, now=now, found=[week.row])[0]
