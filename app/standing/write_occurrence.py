"""Write down what is decided of a day of a standing slot: the one step by which occurrences change."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, row_of, table_of
from app.standing.tables import StandingSlotOccurrence


def write_occurrence(
    conn: Connection,
    *,
    now: datetime,
    standing_id: str,
    day: date,
    known: StandingSlotOccurrence | None,
    **values: Any,
) -> StandingSlotOccurrence:
    """The occurrence of the day with these columns, made where it is not known yet.

    The caller has locked the standing slot.
    """
    if known is None:
        fresh = StandingSlotOccurrence(standing_id=standing_id, day=day, changed_at=now, **values)
        add(conn, fresh)
        return fresh
    table = table_of(StandingSlotOccurrence)
    changes = {**values, "changed_at": now}
    conn.execute(sa.update(table).where(table.c.id == known.id).values(**changes))
    return row_of(StandingSlotOccurrence, {**known.model_dump(), **changes})
