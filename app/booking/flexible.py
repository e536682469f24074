"""The windows of flexible holds and bookings, and that it is decided which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import FlexibleChoice, FlexibleSlotBooking
from app.database.rows import rows, table_of
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot


def choices_of(conn: Connection, hold_ids: Sequence[str]) -> dict[str, list[DeliverySlot]]:
    """The windows that the customers of these holds accept, in order, by hold; none for a fixed one."""
    found = rows(conn, FlexibleChoice, _choices(), {"ids": hold_ids})
    by_hold: dict[str, list[DeliverySlot]] = defaultdict(list)
    if found:
        slots = {slot.id: slot for slot in slots_by_id(conn, sorted({one.slot_id for one in found}))}
        for one in found:
            by_hold[one.hold_id].append(slots[one.slot_id])
    return by_hold


@cache
def _choices() -> sa.Select[*tuple[object, ...]]:
    choice = table_of(FlexibleChoice)
    theirs = choice.c.hold_id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(choice).where(theirs).order_by(choice.c.place)


def flexible_of(conn: Connection, booking_ids: Sequence[str]) -> dict[str, FlexibleSlotBooking]:
    """What is known of the narrowing of these bookings; nothing for a fixed one."""
    table = table_of(FlexibleSlotBooking)
    query = sa.select(table).where(table.c.booking_id.in_(booking_ids))
    return {one.booking_id: one for one in rows(conn, FlexibleSlotBooking, query)}


def settle(conn: Connection, *, now: datetime, booking_id: str) -> bool:
    """Note that the booking is for one window now; False when it was before."""
    table = table_of(FlexibleSlotBooking)
    still = sa.and_(table.c.booking_id == booking_id, table.c.narrowed_at.is_(None))
    return conn.execute(sa.update(table).where(still).values(narrowed_at=now)).rowcount == 1
