"""A plan made by hand and published by the real verb: two zones, one node, bikes that work two evening hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import h3
import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import (
    Arc,
    Binding,
    DayProblem,
    DaySolution,
    Fleet,
    Group,
    Node,
    Plan,
    Problem,
    ShiftOption,
    packed,
)
from app.allocation.publish import publish
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun
from app.database.rows import add, by_id, rows, table_of
from app.database.runner import Database
from app.fleet.tables import ShiftPattern, Vehicle
from app.places.rules import cell_of
from app.places.tables import FulfilmentNode, ServiceZone, Street, ZoneCell
from app.values.ids import new_id
from app.values.point import Point
from tests.allocation.test_tours import figures
from tests.factories import HOME, ZONE, Shop, evening, make_shop

FIRST = date(2026, 11, 25)
HOURS = (18, 19)
MARGIN = 1_000
# Of the shift: three hours are paid, two of them are sold.
WAGE = 6_000


@dataclass(frozen=True)
class Town:
    """The shop, and its two zones: `near` is the shop's own, `far` lies two cells to the east."""

    shop: Shop
    near: str
    far: str
    pattern_id: str


@dataclass(frozen=True)
class Evening:
    """What a day of the plan decides: bikes on the road, and drops by zone (near, far) in each hour."""

    bikes: int = 2
    early: tuple[float, float] = (4.0, 2.0)
    late: tuple[float, float] = (3.0, 1.0)


def make_town(conn: Connection, *, bikes: int = 3) -> Town:
    """Everything but a plan: zones with borders, a street, vehicles of which one is out of service."""
    shop = make_shop(conn)
    figures(conn, shop)
    near_cell = cell_of(HOME)
    far_cell = sorted(h3.grid_ring(near_cell, 2))[0]
    lat, lon = h3.cell_to_latlng(far_cell)
    zone = table_of(ServiceZone)
    city_id = conn.execute(sa.select(zone.c.city_id).where(zone.c.id == shop.zone_id)).scalar_one()
    conn.execute(
        sa.update(zone).where(zone.c.id == shop.zone_id).values(code="POR-001", border=border(near_cell))
    )
    far = ServiceZone(
        city_id=city_id, code="POR-002", name="Ribeira", time_zone=ZONE, latitude=lat, longitude=lon,
        area_m2=100_000, daily_orders=30, border=border(far_cell),
    )  # fmt: skip
    add(conn, far)
    add(conn, ZoneCell(cell=far_cell, zone_id=far.id))
    line = [[HOME.latitude, HOME.longitude], [lat, lon]]
    add(
        conn,
        Street(city_id=city_id, name="Rua das Flores", folded="rua das flores", kind="primary", lines=[line]),
        Street(city_id=city_id, name="Beco", folded="beco", kind="residential", lines=[line[::-1]]),
    )
    vehicles = [
        Vehicle(
            name=f"bike {n} {new_id()}", node_id=shop.node_id, vehicle_class_id=shop.class_id,
            out_of_service=n == bikes,
        )
        for n in range(bikes + 1)
    ]  # fmt: skip
    pattern = ShiftPattern(
        key=f"late-{new_id()}", name="Late", starts_local="17:00", ends_local="20:00", weekdays="1234567"
    )
    add(conn, *vehicles)
    add(conn, pattern)
    return Town(shop, shop.zone_id, far.id, pattern.id)


def border(cell: str) -> list[list[list[float]]]:
    """The ring of one cell as zones keep it."""
    return [[[round(lat, 5), round(lon, 5)] for lat, lon in h3.cell_to_boundary(cell)]]


def problem_and_plan(conn: Connection, town: Town, days: dict[date, Evening]) -> tuple[Problem, Plan]:
    """The problem of these days with the answer that they say."""
    node = by_id(conn, FulfilmentNode, town.shop.node_id)
    assert node is not None
    problem = Problem(
        currency="EUR", margin_minor=MARGIN, usable_bp=10_000, small_orders_bp=10_000, at_door_s=240,
        zones=(town.near, town.far),
        nodes=(Node(node.id, node.name, node.door_orders_per_h, (float(node.driver_hours_per_week),)),),
        fleets=(
            Fleet(
                node=0, class_id=town.shop.class_id, class_name="Cargo bike", kind="CARGO_BIKE", vehicles=3,
                range_m=50_000, small_orders_only=False, stops_per_trip=8, volume_ml=200_000,
                weight_g=120_000, chilled_ml=80_000, frozen_ml=40_000,
            ),
        ),
        days=tuple(_day(town, day) for day in days),
    )  # fmt: skip
    solutions = tuple(_solution(day, told) for day, told in days.items())
    total = sum(one.objective for one in solutions)
    plan = Plan(
        days=solutions, hour_price=((450.0,),), objective=total, bound=total * 1.01, solver_s=1.5,
        build_s=0.2, columns=12, chord_bound=total * 1.05,
    )  # fmt: skip
    return problem, plan


def _day(town: Town, day: date) -> DayProblem:
    shift = evening(day, 17, 20)
    return DayProblem(
        day=day,
        week=0,
        buckets=tuple(evening(day, hour, hour + 1) for hour in HOURS),
        groups=tuple(Group(zone, 20.0, ((0, 0), (1, 50))) for zone in range(2)),
        arcs=tuple(
            Arc(
                fleet=0, zone=zone, bucket=bucket, work_s=540, travel_s=300, handover_bp=10_000,
                distance_m=900, cost_minor=40.0, grams=12,
            )
            for zone in range(2)
            for bucket in range(2)
        ),
        shifts=(ShiftOption(0, town.pattern_id, shift, 3.0, WAGE, (0, 1)),),
        taken=(),
    )  # fmt: skip


def _solution(day: date, told: Evening) -> DaySolution:
    near, far = zip(told.early, told.late, strict=True)
    served = (*near, *far)
    earned = sum(served) * (MARGIN - 40) - 50 * sum(told.late) - WAGE * told.bikes
    return DaySolution(
        day=day, vehicles=(told.bikes,), served=served, steered=(near, far), overflow_s=(), objective=earned,
        bound=earned * 1.01, solver_s=0.7, build_s=0.1, columns=6,
        minute_worth=((0, 0, 12.0), (0, 1, 8.0)),
        bindings=(
            Binding("vehicles of this kind at once", "vehicle", 900.0, fleet=0, bucket=0),
            Binding("range of this kind", "kilometre", 3.0, fleet=0),
        ),
    )  # fmt: skip


def publish_days(
    db: Database, town: Town, days: dict[date, Evening] | None = None, *, trigger: str = "night"
) -> str:
    """Publish these days, two of them unless told, as the planner does; the id of the run."""
    told = days or {FIRST: Evening(), FIRST + timedelta(days=1): Evening()}
    run_id = new_id()

    def work(conn: Connection, now: datetime) -> None:
        problem, plan = problem_and_plan(conn, town, told)
        add(
            conn,
            AllocationRun(
                id=run_id, status=RunStatus.SOLVING, trigger=trigger, started_at=now,
                first_day=min(told), days=len(told), currency="EUR", problem=packed(problem),
            ),
        )  # fmt: skip
        publish(conn, now=now, run_id=run_id, problem=problem, plan=plan)

    db.write_now(work)
    return run_id


def fail_run(db: Database, message: str) -> None:
    """A later run that got no plan, as the planner leaves it."""

    def work(conn: Connection, now: datetime) -> None:
        add(
            conn,
            AllocationRun(
                status=RunStatus.FAILED, trigger="calendar", started_at=now, finished_at=now, first_day=FIRST,
                days=2, currency="EUR", message=message,
            ),
        )  # fmt: skip

    db.write_now(work)


def runs_of(db: Database) -> list[AllocationRun]:
    """All runs by their begin."""
    run = table_of(AllocationRun)
    return db.read_now(lambda c, _: rows(c, AllocationRun, sa.select(run).order_by(run.c.started_at)))


def centre_of(db: Database, zone_id: str) -> Point:
    """The middle of a zone."""
    zone = db.read_now(lambda c, _: by_id(c, ServiceZone, zone_id))
    assert zone is not None
    return zone.centre
