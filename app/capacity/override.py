"""Size pools as an operator says, over what any plan says."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.capacity.overrides import Foreseen, foreseen, write_edits
from app.capacity.rules import PoolSelector, SizeChange
from app.database.rows import add


def override(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    which: PoolSelector,
    to: SizeChange,
    reason: str,
    for_outage: bool = False,
) -> Foreseen:
    """Lock the pools meant, size them and write down that plans keep to it until it is lifted.

    What is taken keeps its place: a size may fall below it, and then nothing more is sold. Raises
    PoolNotFound, InvalidChange. One made `for_outage` is over with the first plan that knows of the outage.
    """
    change = foreseen(conn, now=now, actor=actor, which=which, to=to, reason=reason, lock=True)
    change.override.for_outage = for_outage
    add(conn, change.override)
    write_edits(conn, now=now, actor=actor, reason=reason, change=change)
    return change
