"""Note how far a booked delivery has come: picked, on its way, delivered, failed, returned."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.active_hold import check_version
from app.booking.errors import BookingNotFound, MoveNotAllowed
from app.booking.rules import BOOKING_MOVES, BookingStatus, booking_status_at
from app.booking.tables import DeliveryBooking
from app.database.rows import one_or_none, row_of, table_of
from app.errors import OperatorsOnly
from app.values.actor import Actor

# What other verbs do: making the promise and taking it back.
_NOT_BY_HAND = frozenset({BookingStatus.CONFIRMED, BookingStatus.LOCKED, BookingStatus.CANCELLED})


def advance(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    booking_id: str,
    status: BookingStatus,
    expected_version: int | None = None,
) -> DeliveryBooking:
    """The booking in its next status, along the table of allowed moves; operators only, of any storefront.

    Raises OperatorsOnly, BookingNotFound, VersionConflict, MoveNotAllowed.
    """
    if not actor.is_operator:
        raise OperatorsOnly(field=("input", "bookingId"))
    table = table_of(DeliveryBooking)
    query = sa.select(table).where(table.c.id == booking_id).with_for_update()
    booking = one_or_none(conn, DeliveryBooking, query)
    if booking is None:
        raise BookingNotFound(field=("input", "bookingId"))
    check_version(booking, expected_version)
    present = booking_status_at(booking.status, booking.cutoff_at, now)
    possible = BOOKING_MOVES[present] - _NOT_BY_HAND
    if status not in possible:
        raise MoveNotAllowed(
            field=("input", "status"),
            status=present,
            wanted=status,
            possible=", ".join(sorted(possible)) or "none",
        )
    changes = {"status": status, "version": booking.version + 1, "changed_at": now}
    conn.execute(sa.update(table).where(table.c.id == booking.id).values(**changes))
    facts = {"booking_id": booking.id, "before": present, "after": status, "actor": actor.name}
    events.record(conn, now=now, topic=f"booking:{booking.id}", kind="booking.advanced", payload=facts)
    return row_of(DeliveryBooking, {**booking.model_dump(), **changes})
