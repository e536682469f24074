"""Measure how the ways of each class from each node go on the streets, for tentative tours and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.tables import PlanningFigures
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.fleet.rules import Mover
from app.fleet.tables import Vehicle, VehicleClass
from app.places.some_addresses import some_addresses
from app.places.tables import FulfilmentNode, ServiceZone
from app.tours.pace import pace_between
from app.tours.street_paces import street_paces, write_paces
from app.tours.tables import StreetPace
from app.values.point import Point, distance_m
from app.world.streets import NoStreets, Streets, is_of_streets

# Zones and classes change; streets are looked at again after so long.
MEASURED_EVERY = timedelta(days=7)
# So many addresses are drawn, and so many of those within reach are asked for: a table has their square.
DRAWN, ASKED = 2_000, 200


@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be measured: who leaves from where, and the addresses that the node's class serves."""

    node: FulfilmentNode
    kind: VehicleClass
    addresses: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Questions to the streets as of `now`, and what is known already."""

    now: datetime
    questions: tuple[_Question, ...]
    circuity_bp: int
    known: Mapping[tuple[str, str], StreetPace]


def measure_paces(db: Database, streets: Streets) -> None:
    """Measure what is due: other streets than before, a class that is new at a node, or a week gone by.

    Without streets there are no paces, and straight lines count. An engine that fails takes none away.
    """
    try:
        stamp = streets.stamp()
    except NoStreets:
        db.write_now(lambda conn, _: write_paces(conn, found=[]))
        return
    asked = db.read_now(partial(_due, stamp=stamp))
    if asked is None:
        return
    found = [_measured(streets, one, asked, stamp) for one in asked.questions]
    db.write_now(lambda conn, _: write_paces(conn, found=found))


def _due(conn: Connection, now: datetime, *, stamp: str) -> _Asked | None:
    """What to measure, all of it; None while nothing is due."""
    figures = rows(conn, PlanningFigures, sa.select(table_of(PlanningFigures)).limit(1))
    if not figures:
        return None
    vehicle = table_of(Vehicle)
    pairs = sorted(
        (row.node_id, row.vehicle_class_id)
        for row in conn.execute(sa.select(vehicle.c.node_id, vehicle.c.vehicle_class_id).distinct())
    )
    known = {(one.node_id, one.vehicle_class_id): one for one in street_paces(conn)}
    fresh = [one for one in known.values() if one.stamp == stamp and one.measured_at > now - MEASURED_EVERY]
    if {(one.node_id, one.vehicle_class_id) for one in fresh} == set(pairs):
        return None
    nodes = {one.id: one for one in rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)))}
    kinds = {one.id: one for one in rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))}
    drawn = some_addresses(conn, most=DRAWN)
    return _Asked(
        now,
        tuple(
            _Question(nodes[node_id], kinds[class_id], _within(nodes[node_id], kinds[class_id], drawn))
            for node_id, class_id in pairs
        ),
        figures[0].circuity_bp,
        known,
    )


def _within(
    node: FulfilmentNode, kind: VehicleClass, drawn: Mapping[Point, ServiceZone]
) -> tuple[Point, ...]:
    """The addresses of zones that the class serves from the node."""
    served = (
        point
        for point, zone in drawn.items()
        if kind.reach_m is None or distance_m(node.point, zone.centre) <= kind.reach_m
    )
    return tuple(point for point, _ in zip(served, range(ASKED), strict=False))


def _measured(streets: Streets, one: _Question, asked: _Asked, stamp: str) -> StreetPace:
    mover = Mover(one.kind.kind, one.kind.key, one.kind.speed_kmh)
    points = list(dict.fromkeys([one.node.point, *one.addresses]))
    travel = streets.travel(mover, points, circuity_bp=asked.circuity_bp)
    before = asked.known.get((one.node.id, one.kind.id))
    if not is_of_streets(travel) and before is not None and before.stamp == stamp:
        return before
    pace, source = None, travel.source
    if is_of_streets(travel):
        pace = pace_between(points, travel)
        source = source if pace else f"straight lines: too few addresses to measure on the {source}"
    return StreetPace(
        node_id=one.node.id,
        vehicle_class_id=one.kind.id,
        detour_bp=pace.detour_bp if pace else None,
        s_per_km=pace.s_per_km if pace else None,
        leg_s=pace.leg_s if pace else None,
        source=source,
        stamp=stamp,
        measured_at=asked.now,
    )
