"""Find the service zone that holds a point."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, table_of
from app.places.errors import OutOfZone
from app.places.rules import cell_of
from app.places.tables import ServiceZone, ZoneCell
from app.values.point import Point


def zone_of(conn: Connection, *, point: Point) -> ServiceZone:
    """The zone whose cells hold the point; raises OutOfZone."""
    zone, cell = table_of(ServiceZone), table_of(ZoneCell)
    query = sa.select(zone).join(cell, cell.c.zone_id == zone.c.id).where(cell.c.cell == cell_of(point))
    found = one_or_none(conn, ServiceZone, query)
    if found is None:
        raise OutOfZone(field=("address",))
    return found
