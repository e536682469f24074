"""Open the calendar: make the slots of some local days from the rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from app.slots.align import align
from app.slots.rules import Opened


def open_days(conn: Connection, *, now: datetime, first: date, days: int) -> Opened:
    """Make every missing slot of every zone on `days` local days from `first`; running it again makes none.

    Windows that have begun are not made. A window in an hour that the clocks skip is not made and is
    named in `skipped`.
    """
    effect = align(conn, now=now, first=first, last=first + timedelta(days=days - 1))
    return Opened(len(effect.opened), effect.skipped)
