"""The pace of ways is measured on the streets before a plan, and counts in its minutes and in tours."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.rules import RunStatus
from app.capacity.tables import CapacityReach
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.rules import Mover
from app.fleet.tables import Vehicle
from app.places.rules import cell_of
from app.places.tables import Address, City, FulfilmentNode, Street, ZoneCell
from app.storefronts.issue_key import issue_key
from app.tours.problem import Travel
from app.tours.street_paces import measured_paces, street_paces
from app.tours.tables import StreetPace, WorkScale
from app.values.actor import Role
from app.values.point import Point
from app.worker.paces import measure_paces
from app.worker.plan import plan
from app.world.streets import Streets
from schema.ids import to_global
from tests.api import Api, client_on
from tests.conftest import Clock
from tests.factories import NOW, Shop, make_vehicle_class
from tests.small_map import corner
from tests.worker.small_city import QUICK, make_city

TOURS = """query ($node: ID!, $day: Date!) {
  tentativeTours(nodeId: $node, day: $day) { streets }
  tourLessons { streetPaces { nodeId detour speedKmh secondsEachWay source } } }"""


class CountedStreets(Streets):
    """Streets that count how often they are asked for a table."""

    asked = 0

    def travel(self, mover: Mover, points: Sequence[Point], *, circuity_bp: int) -> Travel:
        """The same answer."""
        self.asked += 1
        return super().travel(mover, points, circuity_bp=circuity_bp)


@pytest.fixture
def streets(small_graphs: Path) -> Iterator[CountedStreets]:
    found = CountedStreets(small_graphs)
    yield found
    found.close()


def city_on_the_map(conn: Connection) -> Shop:
    """A city to plan for, with an address at every corner of the small map."""
    shop = make_city(conn)
    node, city = table_of(FulfilmentNode), table_of(City)
    at = corner(2, 2)
    conn.execute(sa.update(node).values(latitude=at.latitude, longitude=at.longitude))
    city_id = conn.execute(sa.select(city.c.id)).scalar_one()
    street = Street(city_id=city_id, name="Rua", folded="rua", kind="residential")
    add(conn, street)
    corners = [corner(row, column) for row in range(6) for column in range(6)]
    add(
        conn,
        *(
            Address(
                street_id=street.id,
                house_number=str(number),
                label=f"Rua {number}",
                latitude=place.latitude,
                longitude=place.longitude,
            )
            for number, place in enumerate(corners)
        ),
    )
    known = set(conn.execute(sa.select(table_of(ZoneCell).c.cell)).scalars())
    fresh = {cell_of(place) for place in corners} - known
    add(conn, *(ZoneCell(cell=cell, zone_id=shop.zone_id) for cell in sorted(fresh)))
    return shop


def minutes(db: Database) -> list[int]:
    return db.read_now(
        lambda c, _: [one.work_s for one in rows(c, CapacityReach, sa.select(table_of(CapacityReach)))]
    )


def test_a_plan_measures_the_streets_and_sells_by_their_pace(db: Database, streets: CountedStreets) -> None:
    shop = db.write_now(lambda c, _: city_on_the_map(c))
    assert plan(db, trigger="test", days=2, limits=QUICK).status is RunStatus.PUBLISHED
    by_lines = minutes(db)
    assert plan(db, trigger="test", days=2, limits=QUICK, streets=streets).status is RunStatus.PUBLISHED
    ((pair, pace),) = db.read_now(lambda c, _: measured_paces(c)).items()
    assert pair == (shop.node_id, shop.class_id)
    # Blocks are square and streets straight: ways around corners.
    assert 10_000 < pace.detour_bp < 16_000
    assert pace.measured
    by_streets = minutes(db)
    assert len(by_streets) == len(by_lines)
    assert by_streets != by_lines


def test_operators_see_which_pace_tours_reckon_with(db: Database, streets: CountedStreets) -> None:
    shop = db.write_now(lambda c, _: city_on_the_map(c))
    with client_on(db) as client:

        def keys(conn: Connection, now: datetime) -> None:
            told = (("shop-key", Role.STOREFRONT), ("olga-key", Role.OPERATOR))
            for key, role in told:
                issue_key(conn, now=now, storefront_id=shop.actor.storefront_id, key=key, name=key, role=role)

        db.write_now(keys)
        desk = Api(client, "olga-key")
        node, day = to_global("FulfilmentNode", shop.node_id), (NOW + timedelta(days=1)).date().isoformat()
        plan(db, trigger="test", days=2, limits=QUICK)
        assert desk.data(TOURS, node=node, day=day) == {
            "tentativeTours": {"streets": "straight lines x 1.3"},
            "tourLessons": {"streetPaces": []},
        }
        plan(db, trigger="test", days=2, limits=QUICK, streets=streets)
        told = desk.data(TOURS, node=node, day=day)
        (pace,) = told["tourLessons"]["streetPaces"]
        assert pace["nodeId"] == node
        assert 1 < pace["detour"] < 1.6
        # As the crow flies, around square blocks.
        assert 5 < pace["speedKmh"] < 16
        assert pace["secondsEachWay"] >= 0
        assert pace["source"] == "streets of small.osm.pbf"
        said = told["tentativeTours"]["streets"]
        assert said.startswith("Cargo bike: ")
        assert said.endswith(f"{pace['secondsEachWay']} s a way, measured on the streets")
        assert Api(client, "shop-key").codes(TOURS, node=node, day=day) == ["OPERATORS_ONLY"] * 2


def test_streets_are_measured_again_when_something_changed_or_a_week_is_over(
    db: Database, clock: Clock, streets: CountedStreets
) -> None:
    shop = db.write_now(lambda c, _: city_on_the_map(c))
    measure_paces(db, streets)
    measure_paces(db, streets)
    assert streets.asked == 1
    clock.set(NOW + timedelta(days=7))
    measure_paces(db, streets)
    assert streets.asked == 2

    def another(conn: Connection, _now: object) -> None:
        kind = make_vehicle_class(conn)
        add(conn, Vehicle(name="new", node_id=shop.node_id, vehicle_class_id=kind.id))

    db.write_now(another)
    measure_paces(db, streets)
    assert streets.asked == 4
    assert len(db.read_now(lambda c, _: measured_paces(c))) == 2


def test_streets_of_another_map_begin_anew_and_scales_with_them(
    db: Database, streets: CountedStreets
) -> None:
    shop = db.write_now(lambda c, _: city_on_the_map(c))
    measure_paces(db, streets)

    def learned(conn: Connection, now: datetime) -> None:
        scale = WorkScale(
            zone_id=shop.zone_id,
            vehicle_class_id=shop.class_id,
            scale_bp=13_000,
            drops=40,
            overtime_s=900,
            fitted_at=now,
        )
        add(conn, scale)
        # As if the graphs had been built from an older map.
        conn.execute(sa.update(table_of(StreetPace)).values(stamp="older", leg_s=999))

    db.write_now(learned)
    measure_paces(db, streets)
    (row,) = db.read_now(lambda c, _: street_paces(c))
    assert (row.stamp, row.leg_s == 999) == (streets.stamp(), False)
    assert db.read_now(lambda c, _: rows(c, WorkScale, sa.select(table_of(WorkScale)))) == []


def test_an_engine_that_fails_takes_no_pace_away_and_no_streets_take_all(
    db: Database, clock: Clock, small_graphs: Path, streets: CountedStreets, tmp_path: Path
) -> None:
    db.write_now(lambda c, _: city_on_the_map(c))
    measure_paces(db, streets)
    before = db.read_now(lambda c, _: measured_paces(c))
    assert before
    clock.set(NOW + timedelta(days=8))
    broken = Streets(small_graphs, command=(sys.executable, "-c", "raise SystemExit(3)"))
    shutil.rmtree(small_graphs / "tables", ignore_errors=True)
    measure_paces(db, broken)
    assert db.read_now(lambda c, _: measured_paces(c)) == before
    measure_paces(db, Streets(tmp_path / "none"))
    assert db.read_now(lambda c, _: street_paces(c)) == []


def test_a_node_off_the_map_says_so_and_keeps_straight_lines(db: Database, streets: CountedStreets) -> None:
    def far(conn: Connection, _now: object) -> None:
        city_on_the_map(conn)
        conn.execute(sa.update(table_of(FulfilmentNode)).values(latitude=41.9))

    db.write_now(far)
    assert plan(db, trigger="test", days=2, limits=QUICK, streets=streets).status is RunStatus.PUBLISHED
    (row,) = db.read_now(lambda c, _: street_paces(c))
    assert row.pace is None
    assert "1 of 37 places lie more than 500 m from any street" in row.source
    assert db.read_now(lambda c, _: measured_paces(c)) == {}


def test_a_city_with_hardly_an_address_says_so(db: Database, streets: CountedStreets) -> None:
    def few(conn: Connection, _now: object) -> None:
        city_on_the_map(conn)
        address = table_of(Address)
        conn.execute(sa.delete(address).where(address.c.house_number != "7"))

    db.write_now(few)
    measure_paces(db, streets)
    (row,) = db.read_now(lambda c, _: street_paces(c))
    assert row.pace is None
    assert row.source == "straight lines: too few addresses to measure on the streets of small.osm.pbf"


def test_a_city_without_figures_is_not_asked_for_its_streets(db: Database, streets: CountedStreets) -> None:
    measure_paces(db, streets)
    assert streets.asked == 0
