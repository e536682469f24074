"""Write that a booking is promised in another window, served by the pool that was taken for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.columns import served
from app.booking.flexible import settle
from app.booking.menu import Menu
from app.booking.tables import DeliveryBooking
from app.capacity.rules import Reach
from app.database.rows import row_of, table_of
from app.handover.tables import DropPreference
from app.slots.tables import DeliverySlot


def enter_window(
    conn: Connection,
    *,
    now: datetime,
    booking: DeliveryBooking,
    slot: DeliverySlot,
    menu: Menu,
    reach: Reach,
    preference: DropPreference,
    **also: Any,
) -> DeliveryBooking:
    """The booking as it is now: no longer flexible, brought by `reach`; `also` are further columns.

    The caller has taken the room, and tells its history, its events and those who wait.
    """
    changes: dict[str, Any] = {
        **served(reach, preference),
        "partner_courier": False,
        "slot_id": slot.id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "cutoff_at": menu.cutoff_at(slot, [reach]),
        "version": booking.version + 1,
        "changed_at": now,
        **also,
    }
    table = table_of(DeliveryBooking)
    conn.execute(sa.update(table).where(table.c.id == booking.id).values(**changes))
    settle(conn, now=now, booking_id=booking.id)
    return row_of(DeliveryBooking, {**booking.model_dump(), **changes})
