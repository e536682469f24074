"""Find the service zone that holds a point, or those of many points."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, row_of, table_of
from app.places.errors import OutOfZone
from app.places.rules import cell_of
from app.places.tables import ServiceZone, ZoneCell
from app.values.point import Point


def zones_of(conn: Connection, *, points: Iterable[Point]) -> dict[Point, ServiceZone]:
    """The zone of each point, in one statement; points that nobody serves are left out."""
    cells = {point: cell_of(point) for point in points}
    zone, cell = table_of(ServiceZone), table_of(ZoneCell)
    query = (
        sa.select(cell.c.cell, zone)
        .join(cell, cell.c.zone_id == zone.c.id)
        .where(cell.c.cell.in_(sorted(set(cells.values()))))
    )
    by_cell = {
        row.cell: row_of(ServiceZone, {c.name: row._mapping[c] for c in zone.columns})
        for row in conn.execute(query)
    }
    return {point: by_cell[name] for point, name in cells.items() if name in by_cell}


def zone_of(conn: Connection, *, point: Point) -> ServiceZone:
    """The zone whose cells hold the point; raises OutOfZone."""
    found = one_or_none(conn, ServiceZone, _holding(), {"cell": cell_of(point)})
    if found is None:
        raise OutOfZone(field=("address",))
    return found


@cache
def _holding() -> sa.Select[*tuple[Any, ...]]:
    zone, cell = table_of(ServiceZone), table_of(ZoneCell)
    here = cell.c.cell == sa.bindparam("cell")
    return sa.select(zone).join(cell, cell.c.zone_id == zone.c.id).where(here)
