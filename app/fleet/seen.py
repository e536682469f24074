"""The classes of vehicles as operators see them: how many there are where, and who said what they can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.events import Event
from app.fleet.outages import outages_now
from app.fleet.queries import vehicle_classes
from app.fleet.tables import EmissionFactor, Vehicle, VehicleClass

DESCRIBED = "vehicle_class.described"


@dataclass(frozen=True, slots=True)
class HomeCount:
    """The vehicles of a class at a node: all of them, those in service, and those that are out just now."""

    node_id: str
    vehicles: int
    in_service: int
    out: int


@dataclass(frozen=True, slots=True)
class SeenClass:
    """A class with its emissions and where its vehicles are at home."""

    row: VehicleClass
    grams_per_km: float
    homes: Sequence[HomeCount]


@dataclass(frozen=True, slots=True)
class ClassChange:
    """Who said when and why what a class can do: its skills before and after."""

    class_id: str
    at: datetime
    actor: str
    reason: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def seen_classes(conn: Connection, *, now: datetime) -> list[SeenClass]:
    """Every class, by its name."""
    vehicles = rows(conn, Vehicle, sa.select(table_of(Vehicle)))
    factors = {one.id: one for one in rows(conn, EmissionFactor, sa.select(table_of(EmissionFactor)))}
    gone = _out_by_home(conn, now)
    return [
        SeenClass(
            row=kind,
            grams_per_km=factors[kind.emission_factor_id].grams_per_km,
            homes=_homes([one for one in vehicles if one.vehicle_class_id == kind.id], gone),
        )
        for kind in sorted(vehicle_classes(conn), key=lambda kind: kind.name)
    ]


def _out_by_home(conn: Connection, now: datetime) -> Mapping[tuple[str, str | None], int | None]:
    """How many are out just now, by node and class; None is all of them, of no class those of every class."""
    found: dict[tuple[str, str | None], int | None] = {}
    for one in outages_now(conn, now=now):
        key = (one.node_id, one.vehicle_class_id)
        before = found.get(key, 0)
        found[key] = None if one.vehicles is None or before is None else before + one.vehicles
    return found


def _homes(vehicles: Sequence[Vehicle], gone: Mapping[tuple[str, str | None], int | None]) -> list[HomeCount]:
    made = []
    for node_id in sorted({one.node_id for one in vehicles}):
        here = [one for one in vehicles if one.node_id == node_id]
        serving = sum(not one.out_of_service for one in here)
        out = [gone.get((node_id, key), 0) for key in (None, here[0].vehicle_class_id)]
        lost = serving if None in out else min(serving, sum(count or 0 for count in out))
        made.append(HomeCount(node_id, len(here), serving, lost))
    return made


def class_changes(conn: Connection, *, class_ids: Sequence[str], limit: int) -> list[ClassChange]:
    """The newest changes of what classes can do, newest first."""
    table = table_of(Event)
    topics = [f"vehicle_class:{class_id}" for class_id in class_ids]
    query = (
        sa.select(table)
        .where(table.c.topic.in_(topics), table.c.kind == DESCRIBED)
        .order_by(table.c.id.desc())
        .limit(limit)
    )
    return [
        ClassChange(
            class_id=one.payload["vehicle_class_id"],
            at=one.at,
            actor=one.payload["actor"],
            reason=one.payload["reason"],
            before=tuple(one.payload["before"]),
            after=tuple(one.payload["after"]),
        )
        for one in rows(conn, Event, query)
    ]
