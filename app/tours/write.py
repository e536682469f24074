"""Write another state of a sheet, if nobody else has meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import jobs
from app.database.rows import table_of
from app.tours.packing import records_to_bytes
from app.tours.queries import MEMORY, KnownSheet
from app.tours.rules import IMPROVE_EVERY
from app.tours.sheet import Sheet
from app.tours.tables import TourSheet
from app.values.ids import new_id


def write_sheet(
    conn: Connection,
    *,
    now: datetime,
    before: KnownSheet,
    sheet: Sheet,
    inserted: int = 0,
    improved: bool = False,
) -> KnownSheet | None:
    """The sheet as it is now in the database; None when it was not as `before` any more.

    One UPDATE that compares the stamp, so that of two who have read the same state only one can write.
    Every few stops that come, a job asks for better tours.
    """
    after = replace(
        before,
        version=before.version + 1,
        stamp=new_id(),
        inserted=before.inserted + inserted,
        sheet=sheet,
    )
    table = table_of(TourSheet)
    values = {
        "version": after.version,
        "stamp": after.stamp,
        "stops": records_to_bytes(sheet.records),
        "inserted": after.inserted,
        "unplaced": len(sheet.unplaced),
        "changed_at": now,
        **({"improved_at": now} if improved else {}),
    }
    mine = sa.and_(
        table.c.node_id == before.node_id, table.c.day == before.day, table.c.stamp == before.stamp
    )
    if conn.execute(sa.update(table).where(mine).values(**values)).rowcount != 1:
        return None
    MEMORY.keep(after)
    if after.inserted // IMPROVE_EVERY > before.inserted // IMPROVE_EVERY:
        ask_for_better(conn, now=now, known=after, why=str(after.inserted // IMPROVE_EVERY))
    return after


def ask_for_better(conn: Connection, *, now: datetime, known: KnownSheet, why: str) -> None:
    """Leave word that these tours should be looked at; `why` tells one occasion from another."""
    jobs.later(
        conn,
        now=now,
        kind="tours.improve",
        payload={"node_id": known.node_id, "day": known.day.isoformat()},
        dedup_key=f"tours.improve:{known.node_id}:{known.day}:{known.frame_stamp}:{why}",
        max_attempts=3,
    )
