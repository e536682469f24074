"""Reads of the vehicles that are out."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.fleet.tables import VehicleOutage
from app.values.window import Window


def outages_within(conn: Connection, span: Window, *, node_id: str | None = None) -> list[VehicleOutage]:
    """The outages that touch a span of time, of one node or of all, in the order in which they were noted."""
    table = table_of(VehicleOutage)
    # One that was over before it began touches nothing.
    here = [
        table.c.starts_at < span.end,
        sa.or_(table.c.ends_at.is_(None), table.c.ends_at > span.start),
        sa.or_(table.c.ends_at.is_(None), table.c.ends_at > table.c.starts_at),
    ]
    if node_id is not None:
        here.append(table.c.node_id == node_id)
    return rows(conn, VehicleOutage, sa.select(table).where(*here).order_by(table.c.id))
