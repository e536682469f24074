"""Make the sheets of a published plan: its vehicles, and what is held and booked on their tours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, table_of
from app.tours.arrange import arranged
from app.tours.packing import frame_to_bytes, records_to_bytes
from app.tours.queries import KnownSheet, SheetKey, locked_sheets
from app.tours.rules import Frame, TourStop
from app.tours.tables import TourSheet
from app.tours.write import ask_for_better
from app.values.ids import new_id


def lay_out(
    conn: Connection,
    *,
    now: datetime,
    run_id: str,
    frames: Mapping[SheetKey, Frame],
    stops: Mapping[SheetKey, Sequence[TourStop]],
) -> None:
    """These nodes and days have these vehicles from now on; every stop is on a tour or kept as unplaced.

    The caller has locked the pools, so that nobody takes or gives back meanwhile. Where there is anything
    to bring, a job looks for better tours at once.
    """
    present = locked_sheets(conn, keys=list(frames))
    for key in sorted(frames):
        frame, before = frames[key], present.get(key)
        if before is None and not frame.vehicles and not stops.get(key):
            continue
        sheet = arranged(frame, stops.get(key, ()), before.sheet if before else None)
        node_id, day = key
        row = TourSheet(
            node_id=node_id,
            day=day,
            version=before.version + 1 if before else 1,
            stamp=new_id(),
            frame_stamp=new_id(),
            frame=frame_to_bytes(frame),
            stops=records_to_bytes(sheet.records),
            unplaced=len(sheet.unplaced),
            run_id=run_id,
            changed_at=now,
        )
        _put(conn, row, fresh=before is None)
        if len(sheet.records):
            known = KnownSheet(node_id, day, row.version, row.stamp, row.frame_stamp, 0, sheet)
            ask_for_better(conn, now=now, known=known, why="plan")


def _put(conn: Connection, row: TourSheet, *, fresh: bool) -> None:
    if fresh:
        add(conn, row)
        return
    table = table_of(TourSheet)
    here = sa.and_(table.c.node_id == row.node_id, table.c.day == row.day)
    values = row.model_dump(exclude={"node_id", "day", "improved_at"})
    conn.execute(sa.update(table).where(here).values(**values))
