"""Who works when on a day, by node and class: vehicles on the road, and the drivers' hours of the week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.fleet.rules import VehicleKind
from app.fleet.tables import Shift, Vehicle, VehicleClass
from app.places.tables import FulfilmentNode
from app.values.window import Window


@dataclass(frozen=True, slots=True)
class RosteredFleet:
    """The vehicles of a class at a node on a day: how many there are, can drive and do, and their shifts.

    `on_road` is the most that are out at the same time.
    """

    node: FulfilmentNode
    vehicle_class_id: str
    vehicle_class: str
    vehicle_kind: VehicleKind
    vehicles: int
    in_service: int
    on_road: int
    shifts: tuple[Shift, ...]

    @property
    def driver_hours(self) -> float:
        """The paid hours of all its shifts."""
        return sum(hours_of(shift) for shift in self.shifts)

    @property
    def cost_minor(self) -> int:
        """What its shifts cost: wages with premia and the vehicles' share of the day."""
        return sum(shift.cost_minor for shift in self.shifts)


@dataclass(frozen=True, slots=True)
class WeekHours:
    """The drivers' hours of a node in the week from Monday on: rostered, of those there are.

    `days` are those of the week that are rostered, at whatever node: plans give them their part of the hours.
    """

    node: FulfilmentNode
    monday: date
    rostered: float
    available: int
    days: int

    @property
    def usable(self) -> float:
        """The hours that its rostered days may have, all together."""
        return self.available * self.days / 7


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who works on a day, and the week around it."""

    day: date
    fleets: tuple[RosteredFleet, ...]
    weeks: tuple[WeekHours, ...]


def roster_of(conn: Connection, *, day: date) -> Roster:
    """The roster of a local day as the last plan made it, by node and class."""
    monday = day - timedelta(days=day.weekday())
    shift = table_of(Shift)
    query = sa.select(shift).where(shift.c.day.between(monday, monday + timedelta(days=6)))
    week = rows(conn, Shift, query.order_by(shift.c.starts_at, shift.c.ends_at, shift.c.id))
    nodes = rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)).order_by("name", "id"))
    kinds = rows(conn, VehicleClass, sa.select(table_of(VehicleClass)).order_by("name", "id"))
    vehicles = rows(conn, Vehicle, sa.select(table_of(Vehicle)))
    today = [one for one in week if one.day == day]
    return Roster(
        day=day,
        fleets=tuple(
            fleet
            for node in nodes
            for kind in kinds
            if (fleet := _fleet(node, kind, vehicles, today)).vehicles or fleet.shifts
        ),
        weeks=tuple(_hours(node, monday, week) for node in nodes),
    )


def _fleet(
    node: FulfilmentNode, kind: VehicleClass, vehicles: Sequence[Vehicle], shifts: Sequence[Shift]
) -> RosteredFleet:
    own = [one for one in vehicles if (one.node_id, one.vehicle_class_id) == (node.id, kind.id)]
    worked = tuple(one for one in shifts if (one.node_id, one.vehicle_class_id) == (node.id, kind.id))
    return RosteredFleet(
        node=node,
        vehicle_class_id=kind.id,
        vehicle_class=kind.name,
        vehicle_kind=kind.kind,
        vehicles=len(own),
        in_service=sum(not one.out_of_service for one in own),
        on_road=most_at_once([(Window(one.starts_at, one.ends_at), one.vehicles) for one in worked]),
        shifts=worked,
    )


def _hours(node: FulfilmentNode, monday: date, week: Sequence[Shift]) -> WeekHours:
    rostered = sum(hours_of(one) for one in week if one.node_id == node.id)
    return WeekHours(node, monday, rostered, node.driver_hours_per_week, len({one.day for one in week}))


def hours_of(shift: Shift) -> float:
    """The paid hours of all vehicles of a shift."""
    return (shift.ends_at - shift.starts_at).total_seconds() / 3_600 * shift.vehicles


def most_at_once(shifts: Sequence[tuple[Window, int]]) -> int:
    """The most vehicles that are out at the same time; one that ends makes way for one that begins then."""
    ends = [(window.end, -count) for window, count in shifts]
    changes = sorted([*ends, *((window.start, count) for window, count in shifts)])
    out = most = 0
    for _, count in changes:
        out += count
        most = max(most, out)
    return most
