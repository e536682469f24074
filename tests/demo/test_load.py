"""The demo city and its seed as rows: all or nothing, with traffic by ring and hour, and a fleet at its nodes."""

from collections import Counter
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.city import CENTRE, demo_city
from app.demo.load import is_loaded, load
from app.demo.seed import read_seed
from app.fleet.tables import EmissionFactor, ShiftPattern, Vehicle, VehicleClass, WagePremium, WageRule
from app.handover.tables import HandoverPolicy
from app.places.errors import CityExists
from app.places.import_city import CitySummary
from app.places.tables import Address, City, CollectionPoint, FulfilmentNode, ServiceZone, Street, ZoneHour
from app.pricing.tables import FeeRule
from app.promotions.tables import Promotion
from app.slots.tables import SlotTemplate
from app.storefronts.tables import Storefront
from app.values.point import distance_m


def loaded(db: Database) -> CitySummary:
    return db.write_now(lambda c, n: load(c, now=n, seed=read_seed(), city=demo_city()))


def all_of[M: SQLModel](db: Database, model: type[M]) -> list[M]:
    return db.read_now(lambda c, _: rows(c, model, sa.select(table_of(model))))


def test_the_demo_city_is_portos_size_and_made_by_us() -> None:
    city = demo_city()
    assert 100 <= len(city.streets) <= 200
    assert 4_000 <= len(city.addresses) <= 8_000
    assert city.attribution is None
    assert max(distance_m(a.point, CENTRE) for a in city.addresses) < 5_500
    by_street = Counter(a.street for a in city.addresses)
    assert set(by_street) == {street.name for street in city.streets}
    for street in city.streets:
        for a, b in pairwise(street.lines[0]):
            assert distance_m(a, b) < 150


def test_a_seed_becomes_every_row_that_selling_needs(db: Database) -> None:
    assert not db.read_now(lambda c, _: is_loaded(c))
    made = loaded(db)
    seed = read_seed()
    assert db.read_now(lambda c, _: is_loaded(c))
    assert made.addresses == made.doors == len(all_of(db, Address)) == len(demo_city().addresses)
    assert made.streets == len(all_of(db, Street))
    assert made.zones == len(all_of(db, ServiceZone))
    counted: dict[type[SQLModel], int] = {
        FulfilmentNode: len(seed.nodes),
        VehicleClass: len(seed.vehicle_classes),
        EmissionFactor: len(seed.emission_factors),
        Vehicle: sum(sum(node.vehicles.values()) for node in seed.nodes),
        ShiftPattern: len(seed.shifts),
        WagePremium: 4,
        WageRule: 1,
        SlotTemplate: len(seed.templates),
        HandoverPolicy: len(seed.handover),
        CollectionPoint: len(seed.collection_points),
        FeeRule: 1,
        Promotion: len(seed.promotions),
        Storefront: 1,
        ZoneHour: made.zones * 24,
    }
    assert {model: len(all_of(db, model)) for model in counted} == counted


def test_orders_are_shared_by_where_people_live(db: Database) -> None:
    loaded(db)
    zones = all_of(db, ServiceZone)
    assert abs(sum(zone.daily_orders for zone in zones) - read_seed().city.daily_orders) <= len(zones)
    assert all(zone.time_zone == "Europe/Lisbon" for zone in zones)


def test_parking_and_traffic_are_worst_in_the_centre_and_by_the_hour(db: Database) -> None:
    loaded(db)
    zones = {zone.id: zone for zone in all_of(db, ServiceZone)}
    hours = {(hour.zone_id, hour.hour): hour for hour in all_of(db, ZoneHour)}
    inner = min(zones.values(), key=lambda z: distance_m(z.centre, CENTRE))
    outer = max(zones.values(), key=lambda z: distance_m(z.centre, CENTRE))
    assert [hours[inner.id, hour].parking_s for hour in (3, 8, 13, 17, 19, 21)] == [
        60,
        300,
        420,
        420,
        300,
        150,
    ]
    assert hours[outer.id, 13].parking_s == 60
    assert (
        hours[inner.id, 17].slowdown_bp
        > hours[inner.id, 13].slowdown_bp
        > hours[inner.id, 3].slowdown_bp
        == 10_000
    )


def test_nodes_stand_where_the_seed_puts_them(db: Database) -> None:
    loaded(db)
    nodes = {node.key: node for node in all_of(db, FulfilmentNode)}
    apart = distance_m(nodes["depot"].point, nodes["mfc-bolhao"].point)
    assert abs(apart - 3_100) < 30
    vehicles = Counter(vehicle.node_id for vehicle in all_of(db, Vehicle))
    assert vehicles[nodes["depot"].id] == 22


def test_a_second_load_changes_nothing(db: Database) -> None:
    loaded(db)
    tables: tuple[type[SQLModel], ...] = (City, Vehicle, Promotion, Storefront)
    before = {model: len(all_of(db, model)) for model in tables}
    with pytest.raises(CityExists):
        loaded(db)
    assert {model: len(all_of(db, model)) for model in before} == before
