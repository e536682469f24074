"""Recompute every pool's counters from the ledger, which is their truth."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityEntry, CapacityPool
from app.capacity.wave_links import lock_waves, recount
from app.database.rows import table_of
from app.values.load import DIMENSIONS

_USED = "protected_used"
_COUNTERS = tuple(f"{prefix}_{d}" for prefix in ("held", "booked") for d in DIMENSIONS)


def rebuild(conn: Connection) -> list[str]:
    """Set the counters of every pool to the sum of its entries; returns the ids of those that differed.

    Those of the picking waves become the sums of the pools that count against them.
    """
    pool, entry = table_of(CapacityPool), table_of(CapacityEntry)
    lock_waves(conn)
    columns = [pool.c.id, pool.c.protected_group, *(pool.c[name] for name in (*_COUNTERS, _USED))]
    found = conn.execute(sa.select(*columns).order_by(pool.c.id).with_for_update()).all()
    sums: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*_COUNTERS, _USED), 0))
    group = {row.id: row.protected_group for row in found}
    lines = sa.select(entry.c.pool_id, entry.c.audience, entry.c.held_delta, entry.c.booked_delta)
    for line in conn.execute(lines):
        if line.audience is not None and line.audience == group[line.pool_id]:
            sums[line.pool_id][_USED] += orders_of(line.held_delta, line.booked_delta)
        for prefix, changes in (("held", line.held_delta), ("booked", line.booked_delta)):
            for dimension, change in changes.items():
                sums[line.pool_id][f"{prefix}_{dimension}"] += change
    drifted = [
        row.id
        for row in found
        if any(getattr(row, name) != sums[row.id][name] for name in (*_COUNTERS, _USED))
    ]
    for pool_id in drifted:
        conn.execute(sa.update(pool).where(pool.c.id == pool_id).values(**sums[pool_id]))
    recount(conn)
    return drifted


def orders_of(*deltas: dict[str, int]) -> int:
    """By how many orders an entry changed the use of its pool."""
    return sum(changes.get("orders", 0) for changes in deltas)
