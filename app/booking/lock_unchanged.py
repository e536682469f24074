"""Lock bookings that somebody has thought about, if they are still as they were then."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.database.rows import table_of

_CHUNK = 400


class Outdated(Exception):
    """A booking that is to be moved has changed since it was read."""


def lock_unchanged(conn: Connection, *, bookings: Sequence[DeliveryBooking]) -> None:
    """Lock the bookings in the order of their ids, before any pool; raises Outdated."""
    table = table_of(DeliveryBooking)
    ordered = sorted(bookings, key=lambda booking: booking.id)
    for start in range(0, len(ordered), _CHUNK):
        part = {booking.id: booking for booking in ordered[start : start + _CHUNK]}
        query = (
            sa.select(table.c.id, table.c.version, table.c.status)
            .where(table.c.id.in_(list(part)))
            .order_by(table.c.id)
            .with_for_update()
        )
        for row in conn.execute(query):
            was = part.pop(row.id)
            if (row.version, row.status) != (was.version, was.status):
                raise Outdated(row.id)
        if part:
            raise Outdated
