"""Say which slots nobody opens: those of zones where the capacity plan chooses, and chose no part of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.slots.tables import DeliverySlot
from app.values.window import Window

_CHUNK = 500


def mark_unopened(
    conn: Connection, *, first: date, last: date, opened: Mapping[str, Sequence[Window]]
) -> int:
    """Mark the slots of the local days `first`..`last`, by zone id and its open elementary windows; zones
    that are not named are open wherever they are served. Returns how many slots nobody opens."""
    slot = table_of(DeliverySlot)
    days = slot.c.day.between(first, last)
    conn.execute(sa.update(slot).where(days, slot.c.unopened.is_(True)).values(unopened=False))
    if not opened:
        return 0
    found = conn.execute(sa.select(slot.c.id, slot.c.zone_id, slot.c.starts_at, slot.c.ends_at).where(days))
    closed = [
        row.id
        for row in found
        if row.zone_id in opened
        and not any(Window(row.starts_at, row.ends_at).covers(window) for window in opened[row.zone_id])
    ]
    for start in range(0, len(closed), _CHUNK):
        some = closed[start : start + _CHUNK]
        conn.execute(sa.update(slot).where(slot.c.id.in_(some)).values(unopened=True))
    return len(closed)
