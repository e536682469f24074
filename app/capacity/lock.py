"""Lock pools in the one order that everybody keeps, before several of them change."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityPool
from app.database.rows import table_of


def lock(conn: Connection, *, pool_ids: Iterable[str]) -> None:
    """Lock these pools in the order of their ids until the transaction ends; unknown ids are passed over."""
    pool = table_of(CapacityPool)
    wanted = sa.select(pool.c.id).where(pool.c.id.in_(sorted(set(pool_ids)))).order_by(pool.c.id)
    conn.execute(wanted.with_for_update())
