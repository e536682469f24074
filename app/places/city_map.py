"""What maps are drawn from: zones with their borders, nodes, streets, and the notice of the map's makers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.places.tables import City, FulfilmentNode, ServiceZone, Street
from app.values.point import Point

type Line = tuple[tuple[float, float], ...]
type _Lines = tuple[tuple[Line, ...], tuple[Line, ...]]

# Streets that lead through a city, whatever a map calls their kind; the others lead to houses.
_MAIN = ("motorway", "trunk", "primary", "secondary", "tertiary")
# What was read already, by how many streets there are and the newest of them; ids are never used twice.
_KEPT: dict[tuple[Any, ...], _Lines] = {}
_CITIES = 3


@dataclass(frozen=True, slots=True)
class CityMap:
    """The whole city, zones in the order of their codes; `main` and `small` are lines of streets."""

    time_zone: str
    attribution: str | None
    zones: Sequence[ServiceZone]
    nodes: Sequence[FulfilmentNode]
    main: tuple[Line, ...]
    small: tuple[Line, ...]

    @property
    def points(self) -> list[Point]:
        """What a sheet must show of it: its zones and nodes."""
        borders = [Point(lat, lon) for zone in self.zones for ring in zone.border for lat, lon in ring]
        return [*borders, *(zone.centre for zone in self.zones), *(node.point for node in self.nodes)]


def city_map(conn: Connection) -> CityMap:
    """The map of the city; empty before one was imported."""
    city = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    drawn = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    nodes = rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)).order_by("name", "id"))
    main, small = _streets(conn)
    return CityMap(
        time_zone=city[0].time_zone if city else "UTC",
        attribution=city[0].attribution if city else None,
        zones=drawn,
        nodes=nodes,
        main=main,
        small=small,
    )


def _streets(conn: Connection) -> _Lines:
    """The lines of main and of small streets, read once: they change only when a city is imported."""
    street = table_of(Street)
    key = tuple(conn.execute(sa.select(sa.func.count(), sa.func.max(street.c.id))).one())
    if key not in _KEPT:
        main: list[Line] = []
        small: list[Line] = []
        for row in conn.execute(sa.select(street.c.kind, street.c.lines)):
            lines = [tuple((lat, lon) for lat, lon in line) for line in row.lines]
            (main if row.kind.removesuffix("_link") in _MAIN else small).extend(lines)
        while len(_KEPT) >= _CITIES:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = tuple(main), tuple(small)
    return _KEPT[key]
