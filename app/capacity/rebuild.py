"""Recompute every pool's counters from the ledger, which is their truth."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityEntry, CapacityPool
from app.capacity.wave_links import lock_waves, recount
from app.database.rows import table_of
from app.values.load import DIMENSIONS

_COUNTERS = tuple(f"{prefix}_{d}" for prefix in ("held", "booked") for d in DIMENSIONS)


def rebuild(conn: Connection) -> list[str]:
    """Set the counters of every pool to the sum of its entries; returns the ids of those that differed.

    Those of the picking waves become the sums of the pools that count against them.
    """
    pool, entry = table_of(CapacityPool), table_of(CapacityEntry)
    lock_waves(conn)
    columns = [pool.c.id, *(pool.c[name] for name in _COUNTERS)]
    found = conn.execute(sa.select(*columns).order_by(pool.c.id).with_for_update()).all()
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COUNTERS, 0))
    for line in conn.execute(sa.select(entry.c.pool_id, entry.c.held_delta, entry.c.booked_delta)):
        for prefix, changes in (("held", line.held_delta), ("booked", line.booked_delta)):
            for dimension, change in changes.items():
                sums[line.pool_id][f"{prefix}_{dimension}"] += change
    drifted = [row.id for row in found if any(getattr(row, name) != sums[row.id][name] for name in _COUNTERS)]
    for pool_id in drifted:
        conn.execute(sa.update(pool).where(pool.c.id == pool_id).values(**sums[pool_id]))
    recount(conn)
    return drifted
