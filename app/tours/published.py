"""Reads of the tours that are driven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.fleet.rules import VehicleKind
from app.fleet.tables import Vehicle, VehicleClass
from app.tours.tables import Stop, Tour, TourLine, TourRun
from app.values.load import Load


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A stop as its customer may see it, with the kind of vehicle that comes."""

    row: Stop
    vehicle_kind: VehicleKind
    before: int

    @property
    def locker_id(self) -> str | None:
        """The locker that it is planned at; None at the door."""
        return self.row.locker_id

    @property
    def planned_arrival(self) -> datetime:
        """When the goods are handed over."""
        return self.row.starts_at


@dataclass(frozen=True, slots=True)
class SeenTour:
    """A tour with its vehicle, its stops in order and the run that found it."""

    row: Tour
    vehicle: Vehicle
    kind: VehicleClass
    stops: tuple[Stop, ...]

    @property
    def load(self) -> Load:
        """What it carries on all its trips."""
        tour = self.row
        return Load(
            tour.load_orders,
            0,
            tour.load_volume_ml,
            tour.load_weight_g,
            tour.load_chilled_ml,
            tour.load_frozen_ml,
        )


def planned_stops(conn: Connection, booking_ids: Sequence[str]) -> dict[str, PlannedStop]:
    """The stops of these bookings, by booking; nothing for one that is in no tour yet."""
    stop, tour, kind = table_of(Stop), table_of(Tour), table_of(VehicleClass)
    query = (
        sa.select(stop, kind.c.kind.label("vehicle_kind"))
        .join(tour, tour.c.id == stop.c.tour_id)
        .join(kind, kind.c.id == tour.c.vehicle_class_id)
        .where(stop.c.booking_id.in_(booking_ids))
    )
    found = {}
    for row in conn.execute(query):
        values = dict(row._mapping)
        vehicle_kind = values.pop("vehicle_kind")
        one = Stop(**values)
        found[one.booking_id] = PlannedStop(one, vehicle_kind, one.position - 1)
    return found


def tours_of(
    conn: Connection, *, day: date | None = None, node_id: str | None = None, tour_id: str | None = None
) -> list[SeenTour]:
    """The tours of a day, a node, or with one id, in the order in which they leave."""
    tour, stop = table_of(Tour), table_of(Stop)
    query = sa.select(tour).order_by(tour.c.leaves_at, tour.c.id)
    for column, value in ((tour.c.day, day), (tour.c.node_id, node_id), (tour.c.id, tour_id)):
        if value is not None:
            query = query.where(column == value)
    found = rows(conn, Tour, query)
    chosen = sa.select(stop).where(stop.c.tour_id.in_(query.with_only_columns(tour.c.id).order_by(None)))
    stops: dict[str, list[Stop]] = {}
    for one in rows(conn, Stop, chosen.order_by(stop.c.position)):
        stops.setdefault(one.tour_id, []).append(one)
    vehicles = {v.id: v for v in rows(conn, Vehicle, sa.select(table_of(Vehicle)))}
    kinds = {k.id: k for k in rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))}
    return [
        SeenTour(one, vehicles[one.vehicle_id], kinds[one.vehicle_class_id], tuple(stops.get(one.id, ())))
        for one in found
    ]


def tour_lines(conn: Connection, tour_ids: Sequence[str]) -> dict[str, dict[int, list[list[float]]]]:
    """The ways of these tours along the streets as [lat, lon], by tour and trip; none of straight lines."""
    line = table_of(TourLine)
    found: dict[str, dict[int, list[list[float]]]] = {}
    for one in rows(conn, TourLine, sa.select(line).where(line.c.tour_id.in_(tour_ids)).order_by("trip")):
        found.setdefault(one.tour_id, {})[one.trip] = one.line
    return found


def tour_runs(conn: Connection, *, day: date, node_id: str | None = None) -> list[TourRun]:
    """The searches for a day's tours, the newest first, whatever became of them."""
    run = table_of(TourRun)
    query = sa.select(run).where(run.c.day == day)
    if node_id is not None:
        query = query.where(run.c.node_id == node_id)
    return rows(conn, TourRun, query.order_by(run.c.started_at.desc(), run.c.id.desc()))


def tour_run(conn: Connection, run_id: str) -> TourRun | None:
    """The search with this id."""
    found = rows(conn, TourRun, sa.select(table_of(TourRun)).where(table_of(TourRun).c.id == run_id))
    return found[0] if found else None
