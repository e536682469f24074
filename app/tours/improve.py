"""Bring a sheet up to date with its holds and bookings, and swap in better tours if nobody came between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.tours.arrange import reconciled
from app.tours.queries import KnownSheet, SheetKey, locked_sheets
from app.tours.rules import TourStop
from app.tours.sheet import Sheet
from app.tours.write import write_sheet


def reconcile(conn: Connection, *, now: datetime, known: KnownSheet, stops: Sequence[TourStop]) -> KnownSheet:
    """The sheet with exactly these stops; the caller has locked it before it read them.

    What is on a sheet always follows what is held and booked; this also mends what a restored backup, or
    another hand in the database, has put out of step.
    """
    sheet = reconciled(known.sheet, stops)
    if sheet is known.sheet:
        return known
    return write_sheet(conn, now=now, before=known, sheet=sheet) or known


def locked(conn: Connection, *, key: SheetKey) -> KnownSheet | None:
    """The sheet of a node and day, locked until the transaction ends; None where there is none."""
    return locked_sheets(conn, keys=[key]).get(key)


def swap(conn: Connection, *, now: datetime, known: KnownSheet, sheet: Sheet) -> bool:
    """Whether the better tours are in force now: only if the sheet is still as they were made from."""
    return write_sheet(conn, now=now, before=known, sheet=sheet, improved=True) is not None
