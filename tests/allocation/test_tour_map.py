"""Tours on a map: along the streets where these gave the times, straight where not, tentative before that."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.tour_map import NodeTours, node_tours, nodes_with_tours
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.rules import Mover
from app.places.rules import cell_of
from app.places.tables import FulfilmentNode, ZoneCell
from app.storefronts.issue_key import issue_key
from app.tours.problem import Travel
from app.tours.run_status import TourRunStatus
from app.tours.tables import TourLine, TourRun
from app.values.actor import Role
from app.values.point import Point
from app.world.streets import Streets
from tests.allocation.test_tours import DAY, booked, figures, plan, roster
from tests.api import KEY, Api, client_on
from tests.booking.tours_world import bike, lay, toured_evening
from tests.conftest import Clock
from tests.factories import NOW, Shop, evening, make_booking, make_open_slot, make_shop
from tests.small_map import corner

# The node stands between two corners, some metres off any street.
NODE = Point(41.1505, -8.6095)
LINES = "query ($day: Date!) { tours(day: $day) { lines { trip points { latitude longitude } } } }"
CORNERS = ((1, 1), (3, 1), (3, 4), (1, 4))


@pytest.fixture
def streets(small_graphs: Path) -> Iterator[Streets]:
    found = Streets(small_graphs)
    yield found
    found.close()


def at_corners(conn: Connection) -> Shop:
    """Bookings at four corners of the small map, and a bike for them."""
    shop = make_shop(conn, corner(1, 1))
    figures(conn, shop)
    roster(conn, shop)
    node = table_of(FulfilmentNode)
    conn.execute(sa.update(node).values(latitude=NODE.latitude, longitude=NODE.longitude))
    known = cell_of(corner(1, 1))
    cells = {cell_of(corner(*place)) for place in CORNERS} - {known}
    add(conn, *(ZoneCell(cell=cell, zone_id=shop.zone_id) for cell in sorted(cells)))
    slot = make_open_slot(conn, shop, orders=50)
    for number, place in enumerate(CORNERS):
        make_booking(conn, replace(shop, point=corner(*place)), slot, customer=f"c{number}")
    return shop


def seen(db: Database, shop: Shop, *, tentative: bool = False) -> NodeTours:
    found = db.read_now(lambda c, _: node_tours(c, node_id=shop.node_id, day=DAY, tentative=tentative))
    assert found is not None
    return found


def drawn_lines(db: Database) -> list[TourLine]:
    return db.read_now(lambda c, _: rows(c, TourLine, sa.select(table_of(TourLine))))


def test_published_tours_keep_the_way_along_the_streets(db: Database, streets: Streets) -> None:
    shop = db.write_now(lambda c, _: at_corners(c))
    run = plan(db, shop, streets=streets)
    assert run.status is TourRunStatus.PUBLISHED, run.message
    found = seen(db, shop)
    (tour,) = found.tours
    assert (found.tentative, found.missing, found.failed) == (None, (), None)
    assert (found.streets, tour.trips) == (["streets of small.osm.pbf"], 1)
    assert db.read_now(lambda c, _: nodes_with_tours(c, DAY)) == {shop.node_id: 1}
    # It goes by every corner with a booking, begins and ends at the street nearest to the node, and lies on
    # the streets throughout: on one of the lines of the map's grid.
    (line,) = tour.lines.values()
    for place in CORNERS:
        at = corner(*place)
        assert any(abs(lat - at.latitude) < 1e-4 and abs(lon - at.longitude) < 1e-4 for lat, lon in line)
    assert line[0] == line[-1]
    assert all(_on_grid(lat, lon) for lat, lon in line)
    assert not _on_grid(NODE.latitude, NODE.longitude)

    def keys(conn: Connection, _now: object) -> None:
        told: dict[str, Any] = {"now": NOW, "storefront_id": shop.actor.storefront_id}
        issue_key(conn, **told, key=KEY, name="Olga", role=Role.OPERATOR)

    db.write_now(keys)
    with client_on(db) as client:
        (told,) = Api(client).data(LINES, day=DAY.isoformat())["tours"]
    (way,) = told["lines"]
    assert (way["trip"], [(at["latitude"], at["longitude"]) for at in way["points"]]) == (
        1,
        [*map(tuple, line)],
    )

    # A new search draws anew, and leaves nothing of what it replaces.
    before = drawn_lines(db)
    plan(db, shop, streets=streets)
    after = drawn_lines(db)
    assert len(after) == len(before) == 1
    assert after[0].tour_id != before[0].tour_id


def _on_grid(lat: float, lon: float) -> bool:
    """Whether a place lies on a street of the small map."""
    row, column = (lat - 41.15) / 0.001, (lon + 8.61) / 0.0013
    return min(abs(row - round(row)), abs(column - round(column))) < 0.02


def test_tours_by_straight_lines_are_drawn_as_such(db: Database) -> None:
    shop, made = db.write_now(lambda c, _: booked(c, 9))
    plan(db, shop)
    found = seen(db, shop)
    (tour,) = found.tours
    assert tour.streets.startswith("straight lines x 1.3 (no streets were built")
    assert (tour.lines, drawn_lines(db)) == ({}, [])
    assert [stop.number for stop in tour.stops] == list(range(1, 10))
    assert {stop.trip for stop in tour.stops} == {1, 2}
    assert {stop.code for stop in tour.stops} == {booking.code for booking in made}
    window = evening(DAY)
    assert all(stop.window == window and stop.arrival is not None for stop in tour.stops)
    assert (tour.load.orders, tour.load.weight_g) == (9, sum(booking.weight_g for booking in made))


def test_an_engine_that_dies_in_between_costs_the_lines_and_not_the_tours(
    db: Database, small_graphs: Path
) -> None:
    shop = db.write_now(lambda c, _: at_corners(c))
    dying = _Dying(small_graphs)
    run = plan(db, shop, streets=dying)
    dying.close()
    assert run.status is TourRunStatus.PUBLISHED, run.message
    assert run.streets == "streets of small.osm.pbf"
    (tour,) = seen(db, shop).tours
    assert (len(tour.stops), tour.lines) == (4, {})


class _Dying(Streets):
    """Streets whose engine is gone once the times have been given."""

    def travel(self, mover: Mover, points: Sequence[Point], *, circuity_bp: int) -> Travel:
        found = super().travel(mover, points, circuity_bp=circuity_bp)
        self._child.close()
        self._child._command = (sys.executable, "-c", "raise SystemExit('gone')")
        return found


def test_what_became_of_stops_and_who_has_no_tour_is_told(db: Database, clock: Clock) -> None:
    shop, made = db.write_now(lambda c, _: booked(c, 3))
    plan(db, shop)
    booking, run = table_of(DeliveryBooking), table_of(TourRun)
    delivered = sa.update(booking).where(booking.c.id == made[0].id).values(status=BookingStatus.DELIVERED)
    db.write_now(lambda c, _: c.execute(delivered) and None)
    db.write_now(lambda c, _: c.execute(sa.update(run).values(left_out=[made[2].id])) and None)
    clock.forward(timedelta(minutes=1))
    failed = plan(db, shop, command=(sys.executable, "-c", "raise SystemExit('out of memory')"))
    found = seen(db, shop)
    (tour,) = found.tours
    assert sorted(stop.state for stop in tour.stops) == ["CONFIRMED", "CONFIRMED", "DELIVERED"]
    assert tour.done == 1
    (lost,) = found.missing
    assert (lost.code, lost.number, lost.arrival) == (made[2].code, 0, None)
    assert found.failed is not None
    assert found.failed.id == failed.id
    assert "out of memory" in (found.failed.message or "")


def test_before_tours_are_published_there_are_tentative_ones(db: Database, clock: Clock) -> None:
    world = toured_evening(db, bikes=2)
    world.hold(customer="ana")
    bookings = [world.booking(customer=f"c{n}") for n in range(2)]
    found = seen(db, world.shop)
    assert found.tentative is not None
    assert (found.tentative.margin_bp, found.streets) == (1_500, ["straight lines x 1.3"])
    assert db.read_now(lambda c, _: nodes_with_tours(c, DAY)) == {world.shop.node_id: 0}
    stops = [stop for tour in found.tours for stop in tour.stops]
    assert sorted(stop.state for stop in stops) == ["CONFIRMED", "CONFIRMED", "HELD"]
    assert {stop.code for stop in stops} == {None, *(booking.code for booking in bookings)}
    for stop in stops:
        assert stop.arrival is not None
        assert stop.latest is not None
        assert stop.arrival <= stop.latest
        assert stop.window == evening(DAY, 18, 19)
    # With fewer bikes than promises somebody is without a tour.
    clock.forward(timedelta(minutes=1))
    lay(db, world.shop, [bike(world.shop)])
    narrow = seen(db, world.shop)
    assert (len(narrow.missing), narrow.missing[0].number) == (1, 0)


def test_a_node_that_is_none_has_no_tours(db: Database) -> None:
    assert db.read_now(lambda c, _: node_tours(c, node_id="nowhere", day=DAY)) is None
