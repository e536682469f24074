"""Write a place where customers may collect what they ordered."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, one_or_none, row_of, table_of
from app.errors import OperatorsOnly
from app.places.errors import InvalidCollectionPoint
from app.places.tables import CollectionPoint
from app.places.zone_of import zone_of
from app.values.actor import Actor
from app.values.point import Point

_MOST = 120


def save_collection_point(
    conn: Connection,
    *,
    actor: Actor,
    key: str,
    name: str,
    address_label: str,
    point: Point,
    locker: bool = False,
) -> CollectionPoint:
    """Make the collection point with this key, or change it; it is offered at once.

    It is served like any other address of the zone that it lies in. Raises OperatorsOnly,
    InvalidCollectionPoint, OutOfZone.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    told = {"key": key.strip(), "name": name.strip(), "address_label": address_label.strip()}
    for field, text in told.items():
        if not 1 <= len(text) <= _MOST or not text.isprintable():
            raise InvalidCollectionPoint(field=("input", _NAMES[field]), most=_MOST)
    zone_of(conn, point=point)
    table = table_of(CollectionPoint)
    values: dict[str, Any] = {
        **told,
        "latitude": point.latitude,
        "longitude": point.longitude,
        "locker": locker,
        "removed": False,
    }
    known = one_or_none(conn, CollectionPoint, sa.select(table).where(table.c.key == told["key"]))
    if known is None:
        made = CollectionPoint(**values)
        add(conn, made)
        return made
    conn.execute(sa.update(table).where(table.c.id == known.id).values(**values))
    return row_of(CollectionPoint, {**known.model_dump(), **values})


_NAMES = {"key": "key", "name": "name", "address_label": "address"}
