"""Take stops off the tours: holds that ended, bookings that were cancelled or moved."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from app.tours.queries import SheetKey, locked_sheets
from app.tours.write import write_sheet


def remove(
    conn: Connection,
    *,
    now: datetime,
    pool_ids: Collection[str],
    references: Collection[str],
    but_not: SheetKey | None = None,
) -> None:
    """These stops leave the tours of the nodes and days of these pools; what is not there is passed over.

    On the tours of `but_not` they stay: what moved there has only one place. The sheets stay locked until
    the transaction ends.
    """
    for key, known in locked_sheets(conn, pool_ids=pool_ids).items():
        if key == but_not:
            continue
        sheet = known.sheet.without(references)
        if sheet is not known.sheet:
            write_sheet(conn, now=now, before=known, sheet=sheet)
