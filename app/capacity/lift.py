"""Lift what an operator said: pools sell what the plan wants again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.overrides import Foreseen, foreseen_without, write_edits
from app.capacity.tables import CapacityOverride
from app.database.rows import row_of, table_of


def lift(conn: Connection, *, now: datetime, actor: str, override_id: str, reason: str) -> Foreseen:
    """End an override and size its pools by the plan, or by the next newest override about them.

    Raises OverrideNotFound for one that is not in force.
    """
    change = foreseen_without(conn, now=now, override_id=override_id, lock=True)
    ended = {"lifted_at": now, "lifted_by": actor, "lift_reason": reason}
    table = table_of(CapacityOverride)
    conn.execute(sa.update(table).where(table.c.id == override_id).values(**ended))
    write_edits(conn, now=now, actor=actor, reason=reason, change=change)
    lifted = row_of(CapacityOverride, {**change.override.model_dump(), **ended})
    return Foreseen(lifted, change.pools, change.edits, change.newest_first)
