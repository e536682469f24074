"""A small town for tours: places on a line or a grid, so that a reader can work times out by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.tours.problem import Drop, Grid, Kind, RoutingProblem, Travel, Vehicle, Way
from app.values.load import Load

ROOM = Load(orders=50, volume_ml=1_000_000, weight_g=900_000, chilled_ml=100_000, frozen_ml=50_000)
ORDER = Load(orders=1, work_s=600, volume_ml=40_000, weight_g=12_000)
BEGINS = datetime(2026, 12, 1, tzinfo=UTC)
HOUR = 3_600


def travel(points: Sequence[tuple[int, int]], *, name: str = "van", metres_per_s: int = 10) -> Travel:
    """Streets in blocks: metres along the two axes, seconds at one speed."""
    metres = [[abs(ax - bx) + abs(ay - by) for bx, by in points] for ax, ay in points]
    seconds = [[m // metres_per_s for m in row] for row in metres]
    return Travel(name, "blocks", Grid.of(metres), Grid.of(seconds))


def van(**changes: object) -> Vehicle:
    """A van at place 0 from 8 to 16 h."""
    made = Vehicle("van", 0, 0, 0, 8 * HOUR, 16 * HOUR, ROOM, 200_000, 30, cost_minor_per_h=100)
    return replace(made, **changes)  # type: ignore[arg-type]


def way(place: int, opens_h: float, closes_h: float, *, kinds: int = 1, **changes: object) -> Way:
    """A way with five minutes at the door and no parking."""
    made = Way(place, int(opens_h * HOUR), int(closes_h * HOUR), (300,) * kinds, (0,) * kinds)
    return replace(made, **changes)  # type: ignore[arg-type]


def drop(name: str, *ways: Way, **changes: object) -> Drop:
    """An order of usual size."""
    return replace(Drop(name, ORDER, ways), **changes)  # type: ignore[arg-type]


def town(
    points: Sequence[tuple[int, int]], vehicles: Sequence[Vehicle], drops: Sequence[Drop], **changes: object
) -> RoutingProblem:
    """A problem of one kind of vehicle; place 0 is the node."""
    made = RoutingProblem(
        begins_at=BEGINS,
        currency="EUR",
        places=len(points),
        travels=(travel(points),),
        kinds=(Kind("van", "Van", 0),),
        vehicles=tuple(vehicles),
        drops=tuple(drops),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def scattered(count: int, vehicles: int, *, seed: int, flexible: bool = False) -> RoutingProblem:
    """Drops over 8 x 8 km in two-hour windows, two kinds of vehicles, slower streets at noon."""
    chance = random.Random(seed)
    points = [(4_000, 4_000), *((chance.randrange(8_000), chance.randrange(8_000)) for _ in range(count))]
    drops = []
    for place in range(1, count + 1):
        hours = chance.sample(range(8, 15, 2), 2 if flexible and place % 3 == 0 else 1)
        ways = [way(place, h, h + 2, at_door_s=(240, 180), parking_s=(120, 0)) for h in hours]
        drops.append(drop(f"d{place}", *ways, kinds=(0,) if place % 7 == 0 else ()))
    slower = tuple(tuple(bp + chance.randrange(1_000) for _ in points) for bp in (10_000, 14_000, 10_000))
    fleet = [
        van(id=f"v{n}", kind=n % 2, reloads=1, reload_s=600, capacity=replace(ROOM, orders=20))
        for n in range(vehicles)
    ]
    return town(
        points,
        fleet,
        drops,
        bands_s=(0, 11 * HOUR, 13 * HOUR),
        travels=(
            replace(travel(points), slower_bp=slower),
            travel(points, name="bike", metres_per_s=5),
        ),
        kinds=(Kind("van", "Van", 0), Kind("bike", "Cargo bike", 1)),
    )
