"""Move what bookings take from pool to pool, each move explained by its entries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.ledger import NOTHING, delta, picked
from app.capacity.lock import lock
from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool
from app.database.rows import add, rows, table_of
from app.values.load import DIMENSIONS, Load


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a booking leaves and what it takes instead; no pool on one side is a partner courier."""

    reference: str
    audience: str | None
    leaves: str | None
    left: Load
    enters: str | None
    taken: Load


class NoRoom(Exception):
    """A pool or a picking wave takes less by now than a plan wants of it."""


def transfer(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    reason: str,
    transfers: Sequence[Transfer],
    overtime_s: Mapping[str, int],
) -> None:
    """Do all of these or none; raises NoRoom, after which the caller's transaction must end.

    Pools grow at most to what they sell, and by `overtime_s` of work beyond it. Waves are locked before
    pools, each in the order of their ids.
    """
    by_pool: dict[str, list[tuple[Transfer, EntryKind, Load]]] = defaultdict(list)
    for one in transfers:
        if one.leaves is not None:
            by_pool[one.leaves].append((one, EntryKind.RELEASE, -one.left))
    for one in transfers:
        if one.enters is not None:
            by_pool[one.enters].append((one, EntryKind.BOOKING, one.taken))
    lock(conn, pool_ids=list(by_pool))
    table = table_of(CapacityPool)
    found = rows(conn, CapacityPool, sa.select(table).where(table.c.id.in_(list(by_pool))))
    pools = {pool.id: pool for pool in found}
    _pick(conn, pools, by_pool)
    entries: list[CapacityEntry] = []
    for pool_id in sorted(by_pool):
        pool, changes = pools[pool_id], by_pool[pool_id]
        more = sum((load for _, _, load in changes), NOTHING)
        if not _takes(pool, more, overtime_s.get(pool_id, 0), now):
            raise NoRoom(pool_id)
        conn.execute(sa.update(table).where(table.c.id == pool_id).values(**_columns(pool, changes, more)))
        entries += _entries(now, actor, reason, pool, changes)
    add(conn, *entries)


type _Changes = Sequence[tuple[Transfer, EntryKind, Load]]


def _pick(conn: Connection, pools: Mapping[str, CapacityPool], by_pool: Mapping[str, _Changes]) -> None:
    waves: Counter[str] = Counter()
    for pool_id, changes in by_pool.items():
        wave = pools[pool_id].pick_load_id
        if wave is not None:
            waves[wave] += sum(load.orders for _, _, load in changes)
    for wave, orders in sorted(waves.items()):
        if not picked(conn, wave, 0, orders):
            raise NoRoom(wave)


def _takes(pool: CapacityPool, more: Load, overtime_s: int, now: datetime) -> bool:
    """Whether what grows fits what the pool sells, what is kept for others left aside."""
    after = pool.loads("held") + pool.loads("booked") + more
    room = pool.loads("sell")
    kept = 0
    if pool.protected_until is not None and pool.protected_until > now:
        kept = max(0, pool.protected_orders - pool.protected_used)
    allowed = {"work_s": overtime_s, "orders": -kept}
    return all(
        getattr(more, d) <= 0 or getattr(after, d) <= getattr(room, d) + allowed.get(d, 0) for d in DIMENSIONS
    )


def _columns(pool: CapacityPool, changes: _Changes, more: Load) -> dict[str, Any]:
    mine = sum(
        load.orders for one, _, load in changes if one.audience and one.audience == pool.protected_group
    )
    booked = pool.loads("booked") + more
    return {
        "entries": pool.entries + len(changes),
        "protected_used": pool.protected_used + mine,
        **{f"booked_{d}": getattr(booked, d) for d in DIMENSIONS},
    }


def _entries(
    now: datetime, actor: str, reason: str, pool: CapacityPool, changes: _Changes
) -> Iterator[CapacityEntry]:
    """As if one had come after the other, those that leave first."""
    booked = pool.loads("booked")
    for number, (one, kind, load) in enumerate(changes, start=pool.entries + 1):
        booked = booked + load
        change = delta(load)
        yield CapacityEntry(
            pool_id=pool.id,
            number=number,
            kind=kind,
            at=now,
            actor=actor,
            reason=reason,
            reference=one.reference,
            audience=one.audience,
            booked_delta=change,
            booked_after={d: getattr(booked, d) for d in change},
        )
