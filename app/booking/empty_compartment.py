"""Note that goods were taken out of their locker: its compartment is free from now on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.errors import BookingNotFound, NothingInLocker
from app.booking.rules import BookingStatus
from app.booking.tables import CompartmentClaim, DeliveryBooking
from app.database.rows import one_or_none, table_of
from app.errors import OperatorsOnly
from app.handover.queries import preference_by_id
from app.handover.rules import HandoverMode
from app.values.actor import Actor

_FIELD = ("input", "bookingId")
_IN = (BookingStatus.DELIVERED, BookingStatus.PARTLY_DELIVERED)


def empty_compartment(conn: Connection, *, now: datetime, actor: Actor, booking_id: str) -> DeliveryBooking:
    """The booking whose goods its customer, or a courier past the time, took out; told twice it stays so.

    Operators only, of any storefront: lockers tell it with an operator's key. Raises OperatorsOnly,
    BookingNotFound, NothingInLocker.
    """
    if not actor.is_operator:
        raise OperatorsOnly(field=_FIELD)
    table, claim = table_of(DeliveryBooking), table_of(CompartmentClaim)
    query = sa.select(table).where(table.c.id == booking_id).with_for_update()
    booking = one_or_none(conn, DeliveryBooking, query)
    if booking is None:
        raise BookingNotFound(field=_FIELD)
    mode = preference_by_id(conn, booking.drop_preference_id).mode
    if booking.status not in _IN or mode is not HandoverMode.LOCKER:
        raise NothingInLocker(field=_FIELD)
    kept = sa.and_(claim.c.hold_id == booking.hold_id, claim.c.emptied_at.is_(None))
    if conn.execute(sa.update(claim).where(kept).values(emptied_at=now)).rowcount:
        facts = {"booking_id": booking.id, "actor": actor.name}
        events.record(conn, now=now, topic=f"booking:{booking.id}", kind="booking.collected", payload=facts)
    return booking
