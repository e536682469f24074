"""The one place where a pool's counters change, and the entry that explains each change."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool, PickLoad
from app.database.rows import add, table_of
from app.values.load import DIMENSIONS, Load

NOTHING = Load()


def post(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    kind: EntryKind,
    pool_id: str,
    held: Load = NOTHING,
    booked: Load = NOTHING,
    reference: str,
    reason: str,
) -> bool:
    """Change a pool's use by these amounts if what grows still fits what may be sold.

    One conditional UPDATE, so concurrent callers can never take the same unit, and a second one of the
    picking wave that the pool counts against. False when it does not fit; then nothing is written.
    """
    pool = table_of(CapacityPool)
    more = held + booked
    growing = [
        pool.c[f"held_{d}"] + pool.c[f"booked_{d}"] + getattr(more, d) <= pool.c[f"sell_{d}"]
        for d in DIMENSIONS
        if getattr(more, d) > 0
    ]
    changes = {
        f"{prefix}_{d}": pool.c[f"{prefix}_{d}"] + getattr(load, d)
        for prefix, load in (("held", held), ("booked", booked))
        for d in DIMENSIONS
        if getattr(load, d)
    }
    if not changes:
        return True
    # The counters as this very UPDATE leaves them: the entry shows them without another statement.
    claim = (
        sa.update(pool)
        .where(pool.c.id == pool_id, *growing)
        .values(**changes, entries=pool.c.entries + 1)
        .returning(pool.c.entries, pool.c.pick_load_id, *(pool.c[name] for name in changes))
    )
    posted = conn.execute(claim).one_or_none()
    if posted is None:
        return False
    if posted.pick_load_id and not _picked(conn, posted.pick_load_id, held.orders, booked.orders):
        _undo(conn, pool_id, held, booked)
        return False
    entry = CapacityEntry(
        pool_id=pool_id,
        number=posted.entries,
        kind=kind,
        at=now,
        actor=actor,
        reason=reason,
        reference=reference,
        held_delta=delta(held),
        booked_delta=delta(booked),
        held_after={d: posted._mapping[f"held_{d}"] for d in delta(held)},
        booked_after={d: posted._mapping[f"booked_{d}"] for d in delta(booked)},
    )
    add(conn, entry)
    return True


def _picked(conn: Connection, pick_load_id: str, held: int, booked: int) -> bool:
    """Count orders against the picking wave; always after its pool, so that locks are taken in one order."""
    if not held and not booked:
        return True
    load = table_of(PickLoad)
    fits = [load.c.held_orders + load.c.booked_orders + held + booked <= load.c.sell_orders]
    counted = conn.execute(
        sa.update(load)
        .where(load.c.id == pick_load_id, *(fits if held + booked > 0 else []))
        .values(held_orders=load.c.held_orders + held, booked_orders=load.c.booked_orders + booked)
    )
    return counted.rowcount == 1


def _undo(conn: Connection, pool_id: str, held: Load, booked: Load) -> None:
    """Give the pool back what its picking wave refused."""
    pool = table_of(CapacityPool)
    back = {
        f"{prefix}_{d}": pool.c[f"{prefix}_{d}"] - change
        for prefix, load in (("held", held), ("booked", booked))
        for d, change in delta(load).items()
    }
    back["entries"] = pool.c.entries - 1
    conn.execute(sa.update(pool).where(pool.c.id == pool_id).values(**back))


def delta(load: Load) -> dict[str, int]:
    """The dimensions that change, by name."""
    return {d: getattr(load, d) for d in DIMENSIONS if getattr(load, d)}
