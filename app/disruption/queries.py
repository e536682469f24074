"""Reads of disruptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.tables import BookingMove
from app.database.rows import rows, table_of
from app.disruption.tables import Disruption
from app.errors import OperatorsOnly
from app.fleet.outages import outages_now
from app.fleet.rules import VehicleKind
from app.fleet.tables import Vehicle, VehicleClass
from app.places.tables import FulfilmentNode
from app.values.actor import Actor


@dataclass(frozen=True, slots=True)
class KnownVehicle:
    """A vehicle that may be reported by its name: where it is at home, and whether it is out now."""

    name: str
    node_id: str
    node_name: str
    vehicle_class: str
    vehicle_kind: VehicleKind
    is_out: bool


def vehicles_known(conn: Connection, *, now: datetime, actor: Actor) -> list[KnownVehicle]:
    """Every vehicle in service, by node and name; raises OperatorsOnly."""
    if not actor.is_operator:
        raise OperatorsOnly
    vehicle, kind, node = table_of(Vehicle), table_of(VehicleClass), table_of(FulfilmentNode)
    query = (
        sa.select(
            vehicle.c.id,
            vehicle.c.name,
            vehicle.c.node_id,
            node.c.name.label("node_name"),
            kind.c.name.label("vehicle_class"),
            kind.c.kind,
        )
        .join(kind, kind.c.id == vehicle.c.vehicle_class_id)
        .join(node, node.c.id == vehicle.c.node_id)
        .where(vehicle.c.out_of_service.is_(False))
        .order_by(node.c.name, vehicle.c.name)
    )
    outages = outages_now(conn, now=now)
    out = {one.vehicle_id for one in outages}
    closed = {one.node_id for one in outages if one.vehicles is None}
    return [
        KnownVehicle(
            row.name,
            row.node_id,
            row.node_name,
            row.vehicle_class,
            row.kind,
            row.id in out or row.node_id in closed,
        )
        for row in conn.execute(query)
    ]


def moves_for(conn: Connection, *, actor: Actor, disruption_id: str, limit: int) -> Sequence[BookingMove]:
    """The newest moves that a disruption made necessary; raises OperatorsOnly."""
    if not actor.is_operator:
        raise OperatorsOnly
    move = table_of(BookingMove)
    query = sa.select(move).where(move.c.disruption_id == disruption_id).order_by(move.c.id.desc())
    return rows(conn, BookingMove, query.limit(limit))


def disruptions_of(conn: Connection, *, actor: Actor, limit: int) -> Sequence[Disruption]:
    """The newest disruptions; operators only, for they name vehicles and people. Raises OperatorsOnly."""
    if not actor.is_operator:
        raise OperatorsOnly
    table = table_of(Disruption)
    return rows(conn, Disruption, sa.select(table).order_by(table.c.id.desc()).limit(limit))
