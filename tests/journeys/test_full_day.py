"""A day sold to its last window is brought: whatever was promised has a place on a tour of its own vehicles,
at the times of the streets they drive on."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import ceil
from pathlib import Path

import osmium
import pytest
import sqlalchemy as sa
from osmium.osm import mutable

from app.allocation.problem import Limits
from app.booking.tables import DeliveryBooking
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import read_seed
from app.fleet.tables import Shift
from app.tours.problem import RoutingLimits
from app.tours.published import planned_stops
from app.tours.run_status import TourRunStatus
from app.tours.street_paces import street_paces
from app.values.point import Point
from app.worker.plan import plan
from app.worker.tours import TourPlanner, booked_days
from app.world.street_graph import CARGO_BIKE, E_SCOOTER, VAN, build_streets
from app.world.streets import Streets
from benchmarks.full_day import sell_out
from tests.conftest import Clock
from tests.factories import NOW

# Blocks of the streets, about 220 m; every one is one way, to and fro in turn.
STEP = Point(0.002, 0.0026)
FEW = ("cargo_bike", "e_scooter")
DAY = (NOW + timedelta(days=1)).date()


def write_grid(file: Path, places: Sequence[Point]) -> Path:
    """One-way streets as far as these places lie, and a block beyond."""
    south = min(place.latitude for place in places) - STEP.latitude
    west = min(place.longitude for place in places) - STEP.longitude
    rows_ = ceil((max(place.latitude for place in places) - south) / STEP.latitude) + 1
    columns = ceil((max(place.longitude for place in places) - west) / STEP.longitude) + 1
    with osmium.SimpleWriter(str(file)) as writer:
        for row in range(rows_):
            for column in range(columns):
                at = (west + column * STEP.longitude, south + row * STEP.latitude)
                writer.add_node(mutable.Node(id=row * columns + column + 1, version=1, location=at))
        along = [[row * columns + column + 1 for column in range(columns)] for row in range(rows_)]
        across = [[row * columns + column + 1 for row in range(rows_)] for column in range(columns)]
        for number, nodes in enumerate([*along, *across]):
            tags = {
                "highway": "residential",
                "name": f"Rua {number}",
                "oneway": "yes",
                "oneway:bicycle": "no",
            }
            to_and_fro = nodes if number % 2 else nodes[::-1]
            writer.add_way(mutable.Way(id=number + 1, version=1, nodes=to_and_fro, tags=tags))
    return file


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The streets of the demo city's box, for all that drives there."""
    folder = tmp_path_factory.mktemp("grid-streets")
    places = [address.point for address in demo_city().addresses]
    build_streets(
        write_grid(folder / "grid.osm.pbf", places), folder / "graphs", profiles=(VAN, CARGO_BIKE, E_SCOOTER)
    )
    return folder / "graphs"


@pytest.fixture
def streets(graphs: Path) -> Iterator[Streets]:
    found = Streets(graphs)
    yield found
    found.close()


def test_a_day_that_is_sold_out_is_brought_in_its_windows(
    db: Database, clock: Clock, streets: Streets
) -> None:
    seed = read_seed()
    # One bike a node: the rest is for vans.
    nodes = [
        node.model_copy(
            update={"vehicles": {**node.vehicles, **{key: 1 for key in FEW if key in node.vehicles}}}
        )
        for node in seed.nodes
    ]
    city = seed.city.model_copy(update={"zones": 8, "daily_orders": 200})
    small = seed.model_copy(update={"city": city, "nodes": nodes})
    db.write_now(lambda c, n: load(c, now=n, seed=small, city=demo_city()))
    run = plan(db, trigger="test", streets=streets, days=2, limits=Limits(day_s=4, gap=0.02, processes=1))
    assert run.message is None
    # All go around the blocks; a straight line says nothing of that.
    paces = db.read_now(lambda c, _: street_paces(c))
    assert {one.source for one in paces} == {"streets of grid.osm.pbf"}
    shifts = db.read_now(
        lambda c, _: rows(c, Shift, sa.select(table_of(Shift)).where(table_of(Shift).c.day == DAY))
    )
    # Several classes leave a node together, and each needs its own vehicles.
    spans = [(one.node_id, one.starts_at, one.ends_at) for one in shifts]
    assert len(set(spans)) < len(spans)

    places = [(f"{home.street} {home.house_number}", home.point) for home in demo_city().addresses]
    booked = sell_out(db, places, DAY)
    assert booked > 40
    clock.set(NOW + timedelta(hours=8))
    due = db.read_now(lambda c, n: booked_days(c, n, ahead=timedelta(days=2)))
    planner = TourPlanner(db, streets, RoutingLimits(seconds=20, iterations=200), processes=1)
    for search in planner.plan(due, trigger="test"):
        assert search.status is TourRunStatus.PUBLISHED, search.message
        assert search.left_out == []
        assert search.streets == "streets of grid.osm.pbf"
    bookings = db.read_now(lambda c, _: rows(c, DeliveryBooking, sa.select(table_of(DeliveryBooking))))
    stops = db.read_now(lambda c, _: planned_stops(c, [one.id for one in bookings]))
    assert len(bookings) == booked == len(stops)
    for one in bookings:
        assert one.starts_at <= stops[one.id].planned_arrival <= one.ends_at
