"""Reads of the calendar with more than one caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.slots.tables import DeliverySlot


def slots_between(conn: Connection, *, zone_id: str, first: date, last: date) -> list[DeliverySlot]:
    """The slots of a zone on the local days `first`..`last`, in order of start and end."""
    slot = table_of(DeliverySlot)
    query = (
        sa.select(slot)
        .where(slot.c.zone_id == zone_id, slot.c.day.between(first, last))
        .order_by(slot.c.starts_at, slot.c.ends_at)
    )
    return rows(conn, DeliverySlot, query)


def slots_by_id(conn: Connection, slot_ids: Sequence[str]) -> list[DeliverySlot]:
    """The slots with these ids, in no promised order; unknown ids are left out."""
    slot = table_of(DeliverySlot)
    return rows(conn, DeliverySlot, sa.select(slot).where(slot.c.id.in_(slot_ids)))
