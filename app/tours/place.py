"""Put stops on the tours of a node and day, or change them there, in the booking's own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.tours.queries import KnownSheet, SheetKey, locked_sheets
from app.tours.rules import TourStop
from app.tours.sheet import Sheet
from app.tours.write import write_sheet


def place(conn: Connection, *, now: datetime, known: KnownSheet, stop: TourStop, planned: Sheet) -> bool:
    """Whether a tour of the stop's class serves it now, among all that was promised before.

    `known` is the sheet as the caller has read it, `planned` the same with the stop. Where another has
    changed it since, it is locked, read again, and decided anew. Nothing is written when no tour can.
    """
    if write_sheet(conn, now=now, before=known, sheet=planned, inserted=1):
        return True
    present = locked_sheets(conn, keys=[known.key]).get(known.key)
    if present is None:
        return True
    sheet = present.sheet.with_stop(stop)
    return sheet is not None and bool(write_sheet(conn, now=now, before=present, sheet=sheet, inserted=1))


def place_many(
    conn: Connection, *, now: datetime, known: KnownSheet, stops: Sequence[TourStop], planned: Sheet | None
) -> set[str]:
    """The references of those of `stops` that tours serve now; `planned` is `known` with all of them.

    Where another has changed it since, or nothing is planned, each is decided in turn.
    """
    if planned and write_sheet(conn, now=now, before=known, sheet=planned, inserted=len(stops)):
        return {stop.reference for stop in stops}
    present = locked_sheets(conn, keys=[known.key]).get(known.key)
    if present is None:
        return {stop.reference for stop in stops}
    sheet, placed = present.sheet, set()
    for stop in stops:
        more = sheet.with_stop(stop)
        if more is not None:
            sheet = more
            placed.add(stop.reference)
    if placed:
        write_sheet(conn, now=now, before=present, sheet=sheet, inserted=len(placed))
    return placed


def settle(conn: Connection, *, now: datetime, key: SheetKey, stop: TourStop) -> bool:
    """Whether the stop is on a tour as it is told now; where none takes it, it is kept as unplaced.

    For what has been decided already, like the window of a flexible booking. True without any tours.
    """
    known = locked_sheets(conn, keys=[key]).get(key)
    if known is None:
        return True
    sheet = known.sheet.with_stop(stop)
    lost = known.sheet.without([stop.reference]).with_unplaced(stop) if sheet is None else sheet
    write_sheet(conn, now=now, before=known, sheet=lost)
    return sheet is not None
