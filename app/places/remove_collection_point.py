"""Take a collection point away: it is offered no more, and what was booked there stays."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, row_of, table_of
from app.errors import OperatorsOnly
from app.places.errors import CollectionPointNotFound
from app.places.tables import CollectionPoint
from app.values.actor import Actor


def remove_collection_point(conn: Connection, *, actor: Actor, key: str) -> CollectionPoint:
    """The collection point as it was; raises OperatorsOnly, CollectionPointNotFound."""
    if not actor.is_operator:
        raise OperatorsOnly
    table = table_of(CollectionPoint)
    mine = sa.and_(table.c.key == key.strip(), table.c.removed.is_(False))
    found = one_or_none(conn, CollectionPoint, sa.select(table).where(mine).with_for_update())
    if found is None:
        raise CollectionPointNotFound(field=("input", "key"))
    conn.execute(sa.update(table).where(table.c.id == found.id).values(removed=True))
    return row_of(CollectionPoint, {**found.model_dump(), "removed": True})
