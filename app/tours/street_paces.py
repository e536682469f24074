"""The paces that were measured, as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, rows, table_of
from app.fleet.rules import Pace, pace_of_lines
from app.places.tables import City
from app.tours.tables import StreetPace, WorkScale

# Of (node, class).
type Paces = Mapping[tuple[str, str], Pace]
NO_PACES: Paces = MappingProxyType({})


class _Class(Protocol):
    id: str
    speed_kmh: int


def measured_paces(conn: Connection) -> Paces:
    """The paces of nodes and classes whose streets are known."""
    found = street_paces(conn)
    return {(one.node_id, one.vehicle_class_id): one.pace for one in found if one.pace}


def street_paces(conn: Connection) -> list[StreetPace]:
    """What the last measurements found, also where there were no streets."""
    table = table_of(StreetPace)
    return rows(conn, StreetPace, sa.select(table).order_by(table.c.node_id, table.c.vehicle_class_id))


def pace_of(paces: Paces, *, node_id: str, kind: _Class, circuity_bp: int) -> Pace:
    """How the ways of a class from a node go: as measured, else straight lines at the class's speed."""
    lines = pace_of_lines(speed_kmh=kind.speed_kmh, circuity_bp=circuity_bp)
    return paces.get((node_id, kind.id), lines)


def write_paces(conn: Connection, *, found: Sequence[StreetPace]) -> None:
    """These paces count from the next plan on, instead of all before.

    Scales of classes whose ways were on other streets, or on none, were learned beside other minutes: they
    begin anew.
    """
    # Two plans may have measured at once: one after the other.
    conn.execute(sa.select(table_of(City).c.id).with_for_update())
    before = {one.vehicle_class_id: one.stamp for one in street_paces(conn)}
    after = {one.vehicle_class_id: one.stamp for one in found}
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    _forget_scales(conn, changed)
    conn.execute(sa.delete(table_of(StreetPace)))
    add(conn, *found)


def _forget_scales(conn: Connection, class_ids: Collection[str]) -> None:
    scale = table_of(WorkScale)
    conn.execute(sa.delete(scale).where(scale.c.vehicle_class_id.in_(list(class_ids))))
