"""A small map of our own: a few blocks with a one-way street and a bollard."""

from __future__ import annotations

from pathlib import Path

import osmium
from osmium.osm import mutable

from app.values.point import Point


def corner(row: int, column: int) -> Point:
    """A street corner of the small map: blocks of about 110 m."""
    return Point(round(41.15 + row * 0.001, 6), round(-8.61 + column * 0.0013, 6))


def write_map(file: Path) -> Path:
    """Six streets each way; the first across is one way, the second has a barrier that only bikes pass."""
    with osmium.SimpleWriter(str(file)) as writer:
        for row in range(6):
            for column in range(6):
                at = corner(row, column)
                barred = {"barrier": "bollard"} if (row, column) == (1, 2) else {}
                writer.add_node(
                    mutable.Node(
                        id=row * 6 + column + 1, version=1, location=(at.longitude, at.latitude), tags=barred
                    )
                )
        for number in range(6):
            across = {"highway": "residential", "name": f"Rua {number}"}
            if number == 0:
                across["oneway"] = "yes"
            along = {"highway": "residential", "name": f"Travessa {number}"}
            nodes = [number * 6 + column + 1 for column in range(6)]
            writer.add_way(mutable.Way(id=100 + number, version=1, nodes=nodes, tags=across))
            nodes = [row * 6 + number + 1 for row in range(6)]
            writer.add_way(mutable.Way(id=200 + number, version=1, nodes=nodes, tags=along))
    return file
