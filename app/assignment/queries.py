"""Reads of assignment runs and of why bookings are where they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.tables import AssignmentRun, BookingAllocation, BookingMove
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityPool
from app.database.rows import by_id, one_or_none, rows, table_of

# The frozen problem is large and only a replay wants it.
SHOWN = [c for c in table_of(AssignmentRun).columns if c.name != "problem"]
# A cut-off is looked after for so long.
_LATE = timedelta(hours=2)


def assignment_run_of(conn: Connection, run_id: str) -> AssignmentRun | None:
    """The run with this id, without its frozen problem."""
    run = table_of(AssignmentRun)
    return one_or_none(conn, AssignmentRun, sa.select(*SHOWN).where(run.c.id == run_id))


def assignment_runs(conn: Connection, *, day: date | None, limit: int) -> Sequence[AssignmentRun]:
    """The newest runs, of a local day if one is given."""
    run = table_of(AssignmentRun)
    query = sa.select(*SHOWN).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit)
    return rows(conn, AssignmentRun, query if day is None else query.where(run.c.day == day))


def allocation_of(conn: Connection, booking_id: str) -> BookingAllocation | None:
    """Why a booking is where it is, if a run has placed it."""
    return by_id(conn, BookingAllocation, booking_id)


def moves_of(conn: Connection, booking_id: str) -> Sequence[BookingMove]:
    """Every change of the pool that serves a booking, oldest first."""
    move = table_of(BookingMove)
    return rows(conn, BookingMove, sa.select(move).where(move.c.booking_id == booking_id).order_by(move.c.id))


def days_cut_off(conn: Connection, *, now: datetime) -> list[date]:
    """The local days with bookings whose cut-off has just passed and that no run has seen since."""
    booking, allocation = table_of(DeliveryBooking), table_of(BookingAllocation)
    pool = table_of(CapacityPool)
    unseen = sa.or_(allocation.c.at.is_(None), allocation.c.at < booking.c.cutoff_at)
    query = (
        sa.select(pool.c.day)
        .join(booking, booking.c.pool_id == pool.c.id)
        .outerjoin(allocation, allocation.c.booking_id == booking.c.id)
        .where(
            booking.c.cutoff_at <= now,
            booking.c.cutoff_at > now - _LATE,
            booking.c.status == BookingStatus.CONFIRMED,
            pool.c.starts_at > now,
            unseen,
        )
        .distinct()
    )
    return sorted(conn.execute(query).scalars())
