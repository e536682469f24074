"""Reads of the fleet with more than one caller."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, rows, table_of
from app.fleet.tables import VehicleClass


def vehicle_classes(conn: Connection) -> list[VehicleClass]:
    """Every class, by its key."""
    table = table_of(VehicleClass)
    return rows(conn, VehicleClass, sa.select(table).order_by(table.c.key))


def class_by_id(conn: Connection, class_id: str) -> VehicleClass | None:
    """The class with this id."""
    return by_id(conn, VehicleClass, class_id)
