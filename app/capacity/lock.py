"""Lock pools in the one order that everybody keeps, before several of them change."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityPool, PickLoad
from app.database.rows import table_of


def lock(conn: Connection, *, pool_ids: Collection[str]) -> None:
    """Lock these pools in the order of their ids until the transaction ends; unknown ids are passed over.

    Before them the picking waves that they count against, as every claim does.
    """
    pool, load = table_of(CapacityPool), table_of(PickLoad)
    waves = sa.select(pool.c.pick_load_id).where(pool.c.id.in_(sorted(set(pool_ids))))
    conn.execute(sa.select(load.c.id).where(load.c.id.in_(waves)).order_by(load.c.id).with_for_update())
    wanted = sa.select(pool.c.id).where(pool.c.id.in_(sorted(set(pool_ids)))).order_by(pool.c.id)
    conn.execute(wanted.with_for_update())
