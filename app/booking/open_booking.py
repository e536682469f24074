"""A booking that its customer may still change: the first beat of every verb that changes one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.errors import BookingEnded, BookingOnItsWay, CutoffPassed
from app.booking.queries import locked_booking
from app.booking.rules import BookingStatus, booking_status_at
from app.booking.tables import DeliveryBooking
from app.values.actor import Actor

_FIELD = ("input", "bookingId")


def open_booking(
    conn: Connection, *, now: datetime, actor: Actor, booking_id: str, field: tuple[str, ...] = _FIELD
) -> DeliveryBooking:
    """The caller's booking, locked and before its cut-off.

    Raises BookingNotFound, CutoffPassed, BookingOnItsWay, BookingEnded.
    """
    booking = locked_booking(conn, actor=actor, booking_id=booking_id)
    match booking_status_at(booking.status, booking.cutoff_at, now):
        case BookingStatus.CONFIRMED:
            return booking
        case BookingStatus.LOCKED | BookingStatus.IN_FULFILMENT:
            raise CutoffPassed(field=field, cutoff_at=booking.cutoff_at.isoformat())
        case BookingStatus.OUT_FOR_DELIVERY:
            raise BookingOnItsWay(field=field)
        case status:
            raise BookingEnded(field=field, status=status.lower().replace("_", " "))
