"""What operators say of streets, centres, waves and openings reaches the problem that is solved."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.allocation.problem import Problem
from app.allocation.snapshot import snapshot
from app.allocation.tables import PlanningFigures
from app.capacity.tables import CapacityPool
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.tables import VehicleClass
from app.places.tables import ServiceZone, ZoneHour
from app.slots.tables import PickWave
from tests.allocation.test_plan import loaded

DAY = date(2026, 11, 25)


@pytest.fixture
def city(db: Database) -> Database:
    """The demo's seed with eight zones."""
    loaded(db)
    return db


def frozen(db: Database) -> Problem:
    return db.read_now(lambda c, n: snapshot(c, now=n, first=DAY, days=1))


def test_combustion_engines_have_streets_that_are_closed_to_them_by_the_hour(city: Database) -> None:
    problem = frozen(city)
    (day,) = problem.days
    assert {fleet.kind for fleet in problem.fleets if fleet.combustion} == {"VAN"}
    closed = set(day.low_emission)
    zones = {zone for zone, _ in closed}
    assert zones
    assert zones < set(range(len(problem.zones)))
    # From seven in the morning until eight in the evening, local time; the last two hours are open.
    hours = {b: bucket.start.hour for b, bucket in enumerate(day.buckets)}
    assert {hours[b] for _, b in closed} == {8, 10, 12, 14, 16, 18, 19}


def test_a_window_is_cut_where_streets_open_to_combustion_engines(city: Database) -> None:
    def one_hour(conn: sa.Connection, _: object) -> None:
        hour = table_of(ZoneHour)
        conn.execute(sa.update(hour).values(low_emission=hour.c.hour == 16))

    (before,) = frozen(city).days
    city.write_now(one_hour)
    problem = frozen(city)
    (day,) = problem.days
    hours = [(bucket.start.hour, bucket.end.hour) for bucket in day.buckets]
    assert {(16, 17), (17, 18)} == set(hours) - {(b.start.hour, b.end.hour) for b in before.buckets}
    assert {hours[b] for _, b in day.low_emission} == {(16, 17)}
    assert {zone for zone, _ in day.low_emission} == set(range(len(problem.zones)))
    # Nobody is cut where nothing burns fuel.
    kind = table_of(VehicleClass)
    city.write_now(lambda c, _: c.execute(sa.update(kind).values(combustion=False)) and None)
    (clean,) = frozen(city).days
    assert clean.buckets == before.buckets


def test_small_vehicles_load_at_whatever_centre_is_nearest_and_others_at_home(city: Database) -> None:
    problem = frozen(city)
    (day,) = problem.days
    away = [arc for arc in day.arcs if arc.reload_node is not None]
    assert away
    assert {problem.fleets[arc.fleet].kind for arc in away} <= {"CARGO_BIKE", "E_SCOOTER"}
    assert all(arc.reload_node != problem.fleets[arc.fleet].node for arc in away)
    kind = table_of(VehicleClass)
    city.write_now(lambda c, _: c.execute(sa.update(kind).values(reloads_at_centres=False)) and None)
    (other,) = frozen(city).days
    assert not any(arc.reload_node is not None for arc in other.arcs)
    # Nobody loads away from home unless that is the less work or the cheaper.
    for here, there in zip(day.arcs, other.arcs, strict=True):
        if here.reload_node is not None:
            assert here.work_s < there.work_s or here.cost_minor < there.cost_minor


def test_bounded_waves_are_told_with_what_is_taken_of_them(city: Database) -> None:
    wave = table_of(PickWave)
    bounded = city.read_now(
        lambda c, _: rows(c, PickWave, sa.select(wave).where(wave.c.capacity_orders.is_not(None)))
    )
    problem = frozen(city)
    (day,) = problem.days
    assert {(problem.nodes[one.node].id, one.orders) for one in day.waves} == {
        (one.node_id, one.capacity_orders) for one in bounded
    }
    assert all(one.taken == 0 for one in day.waves)
    evenings = {b for b, bucket in enumerate(day.buckets) if bucket.start.hour >= 18}
    assert {b for one in day.waves for b in one.buckets} == evenings

    first = day.waves[0]
    fleet = next(fleet for fleet in problem.fleets if fleet.node == first.node)
    window = day.buckets[first.buckets[0]]
    taken = CapacityPool(
        node_id=problem.nodes[first.node].id,
        vehicle_class_id=fleet.class_id,
        day=DAY,
        starts_at=window.start,
        ends_at=window.end,
        cap_orders=9,
        sell_orders=9,
        booked_orders=3,
        held_orders=2,
    )
    city.write_now(lambda c, _: add(c, taken))
    (again,) = frozen(city).days
    assert again.waves[0].taken == 5


def test_the_first_rule_that_names_a_zone_decides_what_may_be_opened(city: Database) -> None:
    zones = city.read_now(
        lambda c, _: rows(c, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    )
    rules = [
        {"zones": [zones[1].code], "least": 1, "most": 2, "cost_minor": 50, "service_bp": 4_000},
        {"zones": [zones[1].code, zones[3].code], "least": 3, "most": 5, "cost_minor": 0, "service_bp": 0},
    ]
    assert frozen(city).days[0].openings == ()
    figures = table_of(PlanningFigures)
    city.write_now(lambda c, _: c.execute(sa.update(figures).values(opening=rules)) and None)
    told = frozen(city).days[0].openings
    assert [(rule.zone, rule.least, rule.most) for rule in told] == [(1, 1, 2), (3, 3, 5)]
    city.write_now(
        lambda c, _: (
            c.execute(
                sa.update(figures).values(opening=[{"least": 0, "most": 1, "cost_minor": 0, "service_bp": 0}])
            )
            and None
        )
    )
    assert len(frozen(city).days[0].openings) == len(zones)
