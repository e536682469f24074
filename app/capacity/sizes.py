"""Give a locked pool new sizes, with the entry that explains them, whoever wants them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool
from app.database.rows import row_of, table_of
from app.values.load import DIMENSIONS, Load


def sized(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    reason: str,
    reference: str | None,
    pool: CapacityPool,
    values: dict[str, Any],
) -> CapacityEntry | None:
    """Write these columns of a pool; the entry is still to be added, None when no size has changed.

    `pool` is as it stands under the caller's lock.
    """
    after = row_of(CapacityPool, {**pool.model_dump(), **values})
    resized = sizes_of(pool) != sizes_of(after)
    if resized:
        values = {**values, "entries": pool.entries + 1}
    table = table_of(CapacityPool)
    conn.execute(sa.update(table).where(table.c.id == pool.id).values(**values))
    if not resized:
        return None
    return size_entry(now, actor, reason, reference, pool, after, pool.entries + 1)


def size_entry(
    now: datetime,
    actor: str,
    reason: str,
    reference: str | None,
    before: CapacityPool | None,
    after: CapacityPool,
    number: int,
) -> CapacityEntry:
    """The entry of new sizes; `before` is None for a pool that has just been made."""
    return CapacityEntry(
        pool_id=after.id,
        number=number,
        kind=EntryKind.ADJUSTMENT,
        at=now,
        actor=actor,
        reason=reason,
        reference=reference,
        sizes={"before": sizes_of(before) if before else None, "after": sizes_of(after)},
    )


def sizes_of(pool: CapacityPool) -> dict[str, dict[str, Any]]:
    """What exists and what is sold, by dimension, and what of it is kept for whom until when."""
    sizes: dict[str, dict[str, Any]] = {prefix: asdict(pool.loads(prefix)) for prefix in ("cap", "sell")}
    if pool.protected_group is not None and pool.protected_until is not None:
        sizes["protected"] = {
            "orders": pool.protected_orders,
            "audience": pool.protected_group,
            "until": pool.protected_until.isoformat(),
        }
    return sizes


def columns_of(prefix: str, load: Load) -> dict[str, int]:
    """A vector as the columns of one prefix."""
    return {f"{prefix}_{d}": getattr(load, d) for d in DIMENSIONS}
