"""Tours end to end: bookings frozen, routed, checked and published, on both databases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.learn import LEAST_DROPS, learn, lessons, newest_law, scale_bp
from app.allocation.tables import PlanningFigures
from app.allocation.tour_snapshot import tour_snapshot
from app.booking.cancel import cancel
from app.booking.flexible import flexible_of
from app.booking.tables import DeliveryBooking
from app.database.rows import add, by_id, rows, table_of
from app.database.runner import Database
from app.fleet.rules import Mover
from app.fleet.tables import Shift, ShiftPattern, Vehicle, VehicleClass, WageRule
from app.jobs import later
from app.places.tables import ServiceZone, ZoneHour
from app.storefronts.issue_key import issue_key
from app.tours.problem import RoutingLimits, Travel
from app.tours.published import planned_stops, tours_of
from app.tours.run_status import TourRunStatus
from app.tours.tables import RoutedWork, Stop, TourRun
from app.values.actor import Role
from app.values.ids import new_id
from app.values.point import Point
from app.worker.tours import TourPlanner, booked_days, due_days
from app.world.streets import Streets
from schema.ids import to_global
from tests.api import KEY, Api, client_on, worked, world_on
from tests.booking.test_flexible import booked as flexible_booking
from tests.booking.test_flexible import flexible_evening
from tests.conftest import Clock
from tests.factories import (
    HOME,
    NOW,
    ZONE,
    Shop,
    evening,
    make_booking,
    make_open_slot,
    make_shop,
    make_slot,
)

DAY = date(2026, 11, 25)
ARRIVAL = """query ($id: ID!) { booking(id: $id) { plannedArrival
  stop { plannedArrival stopsBefore vehicleKind } } }"""
TOURS = """query ($day: Date!, $node: ID) {
  tours(day: $day, nodeId: $node) { id day vehicle vehicleKind leavesAt returnsAt overtimeSeconds distanceMetres
    trips streets shift { startsAt endsAt } breaks { startsAt } load { orders } run { id }
    stops { position trip plannedArrival arrivesAt leavesAt bookingId bookingCode point { latitude } } }
  tourRuns(day: $day, nodeId: $node) { id status streets message drops leftOut cost { amount } }
  tourLessons { workScales { scaleBasisPoints } travelLaw { kappa } } }"""
ONE = "query ($id: ID!) { tour(id: $id) { id } node(id: $id) { id } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
QUICK = RoutingLimits(seconds=20, iterations=60)


def roster(conn: Connection, shop: Shop, *, vehicles: int = 1, start: int = 17, end: int = 21) -> None:
    """Vehicles in service, rostered for one shift, and what tours cost."""
    pattern = ShiftPattern(
        key=f"s-{new_id()}",
        name="Evening",
        starts_local=f"{start}:00",
        ends_local=f"{end}:00",
        weekdays="1234567",
    )
    add(conn, pattern)
    add(
        conn,
        *(
            Vehicle(name=f"bike {new_id()}", node_id=shop.node_id, vehicle_class_id=shop.class_id)
            for _ in range(vehicles)
        ),
    )
    window = evening(DAY, start, end)
    add(
        conn,
        Shift(
            node_id=shop.node_id,
            vehicle_class_id=shop.class_id,
            pattern_id=pattern.id,
            day=DAY,
            starts_at=window.start,
            ends_at=window.end,
            vehicles=vehicles,
            cost_minor=8_000,
            run_id="test-run",
        ),
    )


def figures(conn: Connection, shop: Shop) -> None:
    """What the planner assumes of the city, and its wage and hours."""
    zone = conn.execute(
        sa.select(table_of(ServiceZone)).where(table_of(ServiceZone).c.id == shop.zone_id)
    ).one()
    add(
        conn,
        PlanningFigures(
            city_id=zone.city_id,
            currency="EUR",
            margin_minor=1_200,
            carbon_minor_per_tonne=12_000,
            usable_bp=9_200,
            small_orders_bp=5_000,
            circuity_bp=13_000,
            incentive_minor=100,
            flexible_incentive_minor=200,
            neighbours_bp=3_000,
            flexible_bp=2_000,
            weekday_bp=[10_000] * 7,
            demand=[],
        ),
    )
    add(conn, WageRule(currency="EUR", wage_minor_per_h=1_700, valid_from=date(2026, 1, 1)))
    add(
        conn,
        *(
            ZoneHour(
                zone_id=shop.zone_id, hour=hour, parking_s=60, slowdown_bp=13_000 if hour == 18 else 10_000
            )
            for hour in range(24)
        ),
    )


def booked(conn: Connection, count: int, *, vehicles: int = 1) -> tuple[Shop, list[DeliveryBooking]]:
    """A shop with bookings around HOME tomorrow evening."""
    shop = make_shop(conn)
    figures(conn, shop)
    roster(conn, shop, vehicles=vehicles)
    slot = make_open_slot(conn, shop, orders=50)
    made = []
    for n in range(count):
        point = Point(HOME.latitude + (n % 5) * 1e-4, HOME.longitude + (n // 5) * 1e-4)
        one = replace(shop, point=point)
        made.append(make_booking(conn, one, slot, customer=f"customer-{n}"))
    return shop, made


def planner(db: Database, **changes: Any) -> TourPlanner:
    return replace(TourPlanner(db, Streets(None), QUICK, processes=1), **changes)


def plan(db: Database, shop: Shop, **changes: Any) -> TourRun:
    (run,) = planner(db, **changes).plan([(shop.node_id, DAY)], trigger="test")
    return run


def called_off(conn: Connection, now: datetime, *, shop: Shop, booking: DeliveryBooking) -> None:
    """The customer cancels."""
    cancel(conn, now=now, actor=shop.actor, booking_id=booking.id, key=new_id())


def stops(db: Database) -> list[Stop]:
    return db.read_now(lambda c, _: rows(c, Stop, sa.select(table_of(Stop)).order_by("position")))


def test_bookings_become_stops_inside_their_windows_and_say_who_gave_the_times(db: Database) -> None:
    shop, made = db.write_now(lambda c, _: booked(c, 9))
    run = plan(db, shop)
    assert run.status is TourRunStatus.PUBLISHED, run.message
    assert (run.drops, run.left_out) == (9, [])
    assert run.streets is not None
    assert run.streets.startswith("straight lines x 1.3 (no streets were built")
    window = evening(DAY)
    assert {one.booking_id for one in stops(db)} == {one.id for one in made}
    assert all(one.starts_at in window for one in stops(db))
    (tour,) = db.read_now(lambda c, _: tours_of(c, day=DAY))
    # A bike takes eight drops on a trip, so nine need two.
    assert (tour.row.trips, tour.load.orders) == (2, 9)
    assert tour.row.distance_m == run.distance_m > 0
    planned = db.read_now(lambda c, _: planned_stops(c, [made[0].id]))
    assert planned[made[0].id].planned_arrival in window
    work = db.read_now(lambda c, _: rows(c, RoutedWork, sa.select(table_of(RoutedWork))))
    assert [(one.drops, one.planned_s) for one in work] == [(9, 9 * 300)]


def test_a_small_vehicle_loads_as_often_as_it_must(db: Database) -> None:
    shop, made = db.write_now(lambda c, _: small_loads(c, 14, speed_kmh=50))
    run = plan(db, shop)
    assert run.status is TourRunStatus.PUBLISHED, run.message
    assert run.left_out == []
    (tour,) = db.read_now(lambda c, _: tours_of(c, day=DAY))
    # More than a dozen reloads.
    assert tour.row.trips == len(made) == 14


def test_what_one_vehicle_cannot_bring_whole_it_brings_in_part(db: Database) -> None:
    shop, made = db.write_now(lambda c, _: small_loads(c, 20))
    run = plan(db, shop)
    assert run.status is TourRunStatus.PUBLISHED, run.message
    assert run.drops + len(run.left_out) == len(made)
    # Two hours hold ten at least, however short the search.
    assert run.drops >= 10


def small_loads(conn: Connection, count: int, *, speed_kmh: int = 14) -> tuple[Shop, list[DeliveryBooking]]:
    """Bookings for a bike that takes one drop on a trip."""
    shop, made = booked(conn, count)
    kind = sa.update(table_of(VehicleClass))
    conn.execute(kind.values(stops_per_trip=1, reload_s=60, speed_kmh=speed_kmh))
    return shop, made


class Meddling(Streets):
    """Streets during whose answers, so many times, something happens."""

    def __init__(self, times: int, happens: Callable[[], None]) -> None:
        super().__init__(None)
        self.times, self.happens = times, happens

    def travel(self, mover: Mover, points: Sequence[Point], *, circuity_bp: int) -> Travel:
        if self.times:
            self.times -= 1
            self.happens()
        return super().travel(mover, points, circuity_bp=circuity_bp)


def test_bookings_that_change_during_the_search_are_searched_for_again(db: Database) -> None:
    shop, made = db.write_now(lambda c, _: booked(c, 4))
    cancelled: list[str] = []

    def cancel_one() -> None:
        booking = made[len(cancelled)]
        cancelled.append(booking.id)
        db.write_now(partial(called_off, shop=shop, booking=booking))

    run = plan(db, shop, streets=Meddling(1, cancel_one))
    assert run.status is TourRunStatus.PUBLISHED
    assert {one.booking_id for one in stops(db)} == {one.id for one in made[1:]}
    restless = plan(db, shop, streets=Meddling(9, cancel_one))
    assert restless.status is TourRunStatus.FAILED
    assert "changed" in (restless.message or "")
    assert {one.booking_id for one in stops(db)} == {one.id for one in made[1:]}


def test_the_last_good_tours_stay_when_the_router_fails_or_no_vehicle_is_rostered(db: Database) -> None:
    shop, _ = db.write_now(lambda c, _: booked(c, 3))
    plan(db, shop)
    before = stops(db)
    failed = plan(db, shop, command=(sys.executable, "-c", "raise SystemExit('out of memory')"))
    assert failed.status is TourRunStatus.FAILED
    assert "out of memory" in (failed.message or "")
    db.write_now(lambda c, _: c.execute(sa.delete(table_of(Shift))) and None)
    refused = plan(db, shop)
    assert refused.status is TourRunStatus.REFUSED
    assert "No vehicle is rostered" in (refused.message or "")
    assert stops(db) == before


def test_a_tour_that_has_left_is_driven_as_it_is(db: Database, clock: Clock) -> None:
    shop, _ = db.write_now(lambda c, _: booked(c, 3, vehicles=2))
    plan(db, shop)
    (tour,) = db.read_now(lambda c, _: tours_of(c, day=DAY))
    clock.set(tour.row.leaves_at + timedelta(minutes=1))
    run = plan(db, shop)
    assert run.status is TourRunStatus.PUBLISHED
    assert run.drops == 0
    (kept,) = db.read_now(lambda c, _: tours_of(c, day=DAY))
    assert kept == tour


def test_too_many_bookings_are_named_as_left_out_and_overtime_is_learned(db: Database) -> None:
    def full(conn: Connection, _now: datetime) -> Shop:
        shop, _ = booked(conn, 30)
        conn.execute(sa.update(table_of(Shift)).values(ends_at=evening(DAY, 19, 20).start))
        return shop

    shop = db.write_now(full)
    run = plan(db, shop, limits=RoutingLimits(seconds=30, iterations=300))
    assert run.status is TourRunStatus.PUBLISHED, run.message
    assert run.left_out
    assert run.overtime_s > 0
    assert run.drops + len(run.left_out) == 30
    learned = db.write_now(lambda c, now: learn(c, now=now))
    scales = db.read_now(lambda c, _: lessons(c)).scales
    work = db.read_now(lambda c, _: rows(c, RoutedWork, sa.select(table_of(RoutedWork))))
    expected = scale_bp(10_000, drops=work[0].drops, planned_s=work[0].planned_s, routed_s=work[0].routed_s,
                        overtime_s=work[0].overtime_s)  # fmt: skip
    assert scales == ({} if expected == 10_000 else {(shop.zone_id, shop.class_id): expected})
    assert learned.scales == len(scales)


def test_scales_grow_with_overtime_only_and_come_back_slowly() -> None:
    told = {"drops": LEAST_DROPS, "planned_s": 1_000, "routed_s": 1_200}
    assert scale_bp(10_000, **told, overtime_s=60) == 12_000
    assert scale_bp(10_000, **told, overtime_s=0) == 10_000
    assert scale_bp(10_000, **{**told, "drops": LEAST_DROPS - 1}, overtime_s=60) == 10_000
    assert scale_bp(10_000, **{**told, "routed_s": 9_000}, overtime_s=60) == 15_000
    assert scale_bp(12_000, drops=50, planned_s=1_000, routed_s=800, overtime_s=0) == 11_500


def test_tours_are_due_once_when_a_cut_off_has_passed(db: Database, clock: Clock) -> None:
    shop, made = db.write_now(lambda c, _: booked(c, 2))
    assert db.read_now(due_days) == []
    assert db.read_now(lambda c, n: booked_days(c, n, ahead=timedelta(hours=48))) == [(shop.node_id, DAY)]
    clock.set(made[0].cutoff_at + timedelta(minutes=1))
    assert db.read_now(due_days) == [(shop.node_id, DAY)]
    plan(db, shop)
    assert db.read_now(due_days) == []


def test_the_snapshot_knows_hours_breaks_and_parking(db: Database) -> None:
    def work(conn: Connection, now: datetime) -> Any:
        shop, _ = booked(conn, 1)
        conn.execute(sa.update(table_of(Shift)).values(starts_at=evening(DAY, 13, 21).start))
        hour = table_of(ZoneHour)
        conn.execute(sa.update(hour).where(hour.c.hour == 19).values(parking_s=90))
        return tour_snapshot(conn, now=now, node_id=shop.node_id, day=DAY)

    frozen = db.write_now(work)
    (vehicle,) = frozen.problem.vehicles
    assert len(vehicle.breaks) == 1
    assert frozen.problem.bands_s == (0, 18 * 3_600, 19 * 3_600)
    assert [row[1] for row in frozen.slower_bp] == [10_000, 13_000, 10_000]
    way = frozen.problem.drops[0].ways[0]
    assert (way.opens_s, way.closes_s) == (18 * 3_600, 20 * 3_600 - 1)
    # That of the worst hour of the window, as the tentative tours reckon.
    assert way.parking_s == (18,)
    assert frozen.problem.begins_at == datetime.combine(DAY, time(), tzinfo=ZoneInfo(ZONE))


def test_the_law_is_fitted_to_the_runs_of_the_last_weeks(db: Database) -> None:
    shop, _ = db.write_now(lambda c, _: booked(c, 5))

    def work(conn: Connection, now: datetime) -> None:
        for n in range(1, 6):
            add(
                conn,
                TourRun(
                    node_id=shop.node_id, day=DAY + timedelta(days=n), status=TourRunStatus.PUBLISHED, trigger="test",
                    started_at=now, drops=40 * n, trips=2 + n, area_m2=4_000_000 * n, away_m=1_000 + 300 * n,
                    windows=2.0,
                    distance_m=round(0.8 * (4e6 * n * 40 * n * 2) ** 0.5 + 0.7 * 2 * (1_000 + 300 * n) * (2 + n)),
                ),
            )  # fmt: skip
        learn(conn, now=now)

    db.write_now(work)
    law = db.read_now(lambda c, _: newest_law(c))
    assert law is not None
    assert (round(law.kappa, 3), round(law.stem, 3), law.samples) == (0.8, 0.7, 5)
    assert law.mean_error < 0.001


def test_a_flexible_customer_is_narrowed_to_the_planned_window_past_the_cut_off(
    db: Database, clock: Clock
) -> None:
    world = flexible_evening(db)
    # Its vehicle comes between 18 and 19, which lies in both of its windows.
    world.late = db.write_now(lambda c, _: make_slot(c, world.shop, evening(start=18, end=20)))
    booking = flexible_booking(world)

    def prepare(conn: Connection, _now: datetime) -> None:
        figures(conn, world.shop)
        roster(conn, world.shop)

    db.write_now(prepare)
    frozen = db.write_now(lambda c, n: tour_snapshot(c, now=n, node_id=world.shop.node_id, day=DAY))
    assert sorted(len(drop.ways) for drop in frozen.problem.drops) == [2]
    assert plan(db, world.shop).status is TourRunStatus.PUBLISHED
    (early,) = stops(db)
    flexible = db.read_now(lambda c, _: flexible_of(c, [booking.id])[booking.id])
    assert flexible.narrowed_at is None
    clock.set(booking.cutoff_at + timedelta(minutes=1))
    plan(db, world.shop)
    (stop,) = stops(db)
    after = db.read_now(lambda c, _: by_id(c, DeliveryBooking, booking.id))
    assert after is not None
    assert (after.slot_id, after.version) == (stop.slot_id, booking.version + 1)
    assert after.starts_at <= stop.starts_at < after.ends_at
    assert early.slot_id in {world.early.id, world.late.id}


def test_the_worker_makes_tours_past_the_cut_off_and_its_customer_sees_the_arrival(
    db: Database, clock: Clock
) -> None:
    """The journey: a booking, the cut-off, the worker's round, the planned arrival in GraphQL."""
    shop, made = db.write_now(lambda c, _: booked(c, 3))
    for key, role in ((KEY, Role.STOREFRONT), ("operator-key", Role.OPERATOR)):
        facts = {"storefront_id": shop.actor.storefront_id, "key": key, "name": key, "role": role}
        db.write_now(lambda c, n, facts=facts: issue_key(c, now=n, **facts) and None)  # type: ignore[misc]
    world = replace(world_on(db), tour_limits=QUICK)
    clock.set(made[0].cutoff_at + timedelta(minutes=1))
    db.write_now(
        lambda c, n: later(c, now=n, kind="tours.plan", payload={}, run_at=n - timedelta(days=1)) and None
    )
    while worked(world):
        pass
    booking = to_global("DeliveryBooking", made[0].id)
    with client_on(db) as client:
        seen = Api(client).data(ARRIVAL, id=booking)["booking"]
        window = evening(DAY)
        assert datetime.fromisoformat(seen["plannedArrival"]) in window
        assert seen["stop"]["plannedArrival"] == seen["plannedArrival"]
        assert seen["stop"]["vehicleKind"] == "CARGO_BIKE"
        told = {"day": DAY.isoformat(), "node": to_global("FulfilmentNode", shop.node_id)}
        assert set(Api(client).codes(TOURS, **told)) == {"OPERATORS_ONLY"}
        shown = Api(client, "operator-key").data(TOURS, **told)
        (tour,), (run,) = shown["tours"], shown["tourRuns"]
        assert [stop["position"] for stop in tour["stops"]] == [1, 2, 3]
        assert booking in [stop["bookingId"] for stop in tour["stops"]]
        assert tour["run"]["id"] == run["id"]
        assert run["status"] == "PUBLISHED"
        assert run["streets"].startswith("straight lines")
        one = Api(client, "operator-key").data(ONE, id=tour["id"])
        assert one["tour"]["id"] == one["node"]["id"] == tour["id"]
        assert Api(client).data(NODE, id=tour["id"])["node"] is None
        # A booking that is moved or cancelled has no planned arrival any longer.
        clock.set(NOW)
        db.write_now(partial(called_off, shop=shop, booking=made[0]))
        assert Api(client).data(ARRIVAL, id=booking)["booking"]["plannedArrival"] is None
