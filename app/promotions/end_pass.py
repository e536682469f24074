"""End a delivery pass before its time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, row_of, table_of
from app.promotions.errors import PassNotFound
from app.promotions.tables import DeliveryPass
from app.values.actor import Actor


def end_pass(conn: Connection, *, now: datetime, actor: Actor, pass_id: str) -> DeliveryPass:
    """The pass, good for no new hold from now on; what is held or booked with it stays covered.

    One that has ended already is returned as it is. Raises PassNotFound.
    """
    table = table_of(DeliveryPass)
    mine = sa.select(table).where(table.c.id == pass_id, table.c.storefront_id == actor.storefront_id)
    found = one_or_none(conn, DeliveryPass, mine.with_for_update())
    if found is None:
        raise PassNotFound(field=("input", "passId"))
    if found.ended_at is not None:
        return found
    ended = {"ended_at": now, "ended_by": actor.name}
    conn.execute(sa.update(table).where(table.c.id == pass_id).values(**ended))
    return row_of(DeliveryPass, {**found.model_dump(), **ended})
