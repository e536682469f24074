"""Collection points, the nearest first."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, rows, table_of
from app.places.errors import AddressNotFound
from app.places.rules import CollectionPlace
from app.places.tables import CollectionPoint
from app.values.point import Point, distance_m


def collection_points_near(
    conn: Connection, *, point: Point, within_m: int | None = None, limit: int
) -> list[CollectionPoint]:
    """At most `limit` collection points within so many metres of a point, the nearest first."""
    table = table_of(CollectionPoint)
    known = rows(conn, CollectionPoint, sa.select(table).where(table.c.removed.is_(False)))
    near = sorted((distance_m(point, one.point), one.key, one) for one in known)
    return [one for metres, _, one in near if within_m is None or metres <= within_m][:limit]


def place_of_collection(conn: Connection, *, collection_point_id: str) -> CollectionPlace:
    """A collection point as an address to deliver to; raises AddressNotFound."""
    found = by_id(conn, CollectionPoint, collection_point_id)
    if found is None or found.removed:
        raise AddressNotFound(field=("address",), written=collection_point_id)
    return CollectionPlace(f"{found.name}, {found.address_label}", found.point)
