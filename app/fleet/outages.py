"""Reads of the vehicles that are out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import row_of, rows, table_of
from app.fleet.rostered import minus
from app.fleet.tables import VehicleOutage
from app.values.window import Window

_MOMENT = timedelta(seconds=1)
_FOREVER = datetime.max.replace(tzinfo=UTC)


def outages_within(conn: Connection, span: Window, *, node_id: str | None = None) -> list[VehicleOutage]:
    """The outages that touch a span of time, of one node or of all, in the order in which they were noted.

    A vehicle that is out twice at a time is out once: of the later report, what the earlier does not cover.
    """
    table = table_of(VehicleOutage)
    # One that was over before it began touches nothing.
    here = [
        table.c.starts_at < span.end,
        sa.or_(table.c.ends_at.is_(None), table.c.ends_at > span.start),
        sa.or_(table.c.ends_at.is_(None), table.c.ends_at > table.c.starts_at),
    ]
    if node_id is not None:
        here.append(table.c.node_id == node_id)
    return _once(rows(conn, VehicleOutage, sa.select(table).where(*here).order_by(table.c.id)))


def outages_now(conn: Connection, *, now: datetime) -> list[VehicleOutage]:
    """The outages that go on just now, of all nodes."""
    return outages_within(conn, Window(now, now + _MOMENT))


def _once(outages: Sequence[VehicleOutage]) -> list[VehicleOutage]:
    known: dict[str, list[Window]] = defaultdict(list)
    found = []
    for outage in outages:
        if outage.vehicle_id is None:
            found.append(outage)
            continue
        whole = Window(outage.starts_at, outage.ends_at or _FOREVER)
        pieces = [whole]
        for earlier in known[outage.vehicle_id]:
            pieces = [rest for piece in pieces for rest in minus(piece, earlier)]
        known[outage.vehicle_id].append(whole)
        found += [outage] if pieces == [whole] else [_within(outage, piece) for piece in pieces]
    return found


def _within(outage: VehicleOutage, piece: Window) -> VehicleOutage:
    ends_at = None if piece.end == _FOREVER else piece.end
    return row_of(VehicleOutage, {**outage.model_dump(), "starts_at": piece.start, "ends_at": ends_at})
