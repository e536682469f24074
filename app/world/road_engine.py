"""The road engine's process: the only file that knows it. A question a line in, tables or a way a line out.

The engine holds the interpreter while it counts, so it never runs beside a request.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import osrm

# What no street leads to.
UNREACHED = -1


def main() -> None:
    """Answer until the input ends; graphs stay open between questions."""
    graphs: dict[str, Any] = {}
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        sys.stdout.buffer.write(orjson.dumps(_answer(graphs, asked)) + b"\n")
        sys.stdout.buffer.flush()


def _answer(graphs: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    path = asked["graph"]
    try:
        if not Path(f"{path}.mldgr").is_file():
            return {"error": "its files are not complete"}
        if path not in graphs:
            graphs[path] = osrm.OSRM(storage_config=path, algorithm="MLD", use_shared_memory=False)
        points = [tuple(point) for point in asked["points"]]
        if asked.get("drawn"):
            return {"line": _drawn(graphs[path], points)}
        table = graphs[path].Table(
            osrm.TableParameters(coordinates=points, annotations=["duration", "distance"])
        )
    except (RuntimeError, ValueError) as why:
        return {"error": str(why)}
    return {
        "seconds": _packed(table["durations"]),
        "metres": _packed(table["distances"]),
        "off_street_m": [round(float(found["distance"])) for found in table["sources"]],
    }


def _drawn(graph: Any, points: list[tuple[float, float]]) -> list[list[float]]:
    """The way through all points in their order, as [lat, lon]."""
    found = graph.Route(
        osrm.RouteParameters(coordinates=points, geometries="geojson", overview="full", generate_hints=False)
    )
    line = found["routes"][0]["geometry"]["coordinates"]
    return [[round(float(place[1]), 5), round(float(place[0]), 5)] for place in line]


def _packed(rows: Any) -> str:
    """Rounded up, four bytes each, little endian."""
    cells = [[UNREACHED if cell is None else cell for cell in row] for row in rows]
    return b64encode(np.ceil(np.array(cells, dtype=float)).astype("<i4").tobytes()).decode()


if __name__ == "__main__":
    main()
