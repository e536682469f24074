"""Collection points, the nearest first."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, rows, table_of
from app.places.errors import AddressNotFound
from app.places.rules import CollectionPlace
from app.places.tables import CollectionPoint, LockerCompartment
from app.values.point import Point, distance_m


def collection_points_near(
    conn: Connection, *, point: Point, within_m: int | None = None, limit: int, lockers: bool = False
) -> list[CollectionPoint]:
    """At most `limit` collection points within so many metres of a point, the nearest first.

    Those that are addresses of their own, or the `lockers`.
    """
    table = table_of(CollectionPoint)
    here = (table.c.removed.is_(False), table.c.locker.is_(lockers))
    known = rows(conn, CollectionPoint, sa.select(table).where(*here))
    near = sorted((distance_m(point, one.point), one.key, one) for one in known)
    return [one for metres, _, one in near if within_m is None or metres <= within_m][:limit]


def offered_lockers(conn: Connection) -> list[CollectionPoint]:
    """Every locker that operators offer, by its key."""
    table = table_of(CollectionPoint)
    here = (table.c.removed.is_(False), table.c.locker.is_(True))
    return rows(conn, CollectionPoint, sa.select(table).where(*here).order_by(table.c.key))


def lockers_by_id(conn: Connection, locker_ids: Collection[str]) -> dict[str, CollectionPoint]:
    """The lockers with these ids that operators still offer; one statement, none where there are no ids."""
    if not locker_ids:
        return {}
    table = table_of(CollectionPoint)
    here = (table.c.id.in_(sorted(set(locker_ids))), table.c.removed.is_(False), table.c.locker.is_(True))
    return {one.id: one for one in rows(conn, CollectionPoint, sa.select(table).where(*here))}


def compartments_of(conn: Connection, locker_ids: Collection[str]) -> dict[str, list[LockerCompartment]]:
    """The compartments of these lockers by size, the smallest first; none of a locker that has none."""
    found: dict[str, list[LockerCompartment]] = {key: [] for key in locker_ids}
    if found:
        table = table_of(LockerCompartment)
        query = sa.select(table).where(table.c.locker_id.in_(sorted(found))).order_by(table.c.volume_ml)
        for one in rows(conn, LockerCompartment, query):
            found[one.locker_id].append(one)
    return found


def place_of_collection(conn: Connection, *, collection_point_id: str) -> CollectionPlace:
    """A collection point as an address to deliver to; raises AddressNotFound, also for a locker."""
    found = by_id(conn, CollectionPoint, collection_point_id)
    if found is None or found.removed or found.locker:
        raise AddressNotFound(field=("address",), written=collection_point_id)
    return CollectionPlace(f"{found.name}, {found.address_label}", found.point)
