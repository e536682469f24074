"""Give pools the sizes and reach of a new plan, under open holds and bookings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.rules import EntryKind, PoolPlan
from app.capacity.tables import CapacityEntry, CapacityPool, CapacityReach
from app.capacity.wave_links import link_waves
from app.database.rows import add, row_of, table_of
from app.values.load import DIMENSIONS, Load

_CHUNK = 500


def resize(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    reason: str,
    run_id: str,
    first: date,
    last: date,
    pools: Sequence[PoolPlan],
) -> int:
    """Publish the pools of the days `first`..`last`; returns how many changed their size.

    The same rows are updated, in id order. What is already taken stays possible: `cap` never falls
    below it. Pools of these days that begin later and are missing from the plan sell nothing more.
    """
    existing = _locked(conn, now, first, last)
    entries: list[CapacityEntry] = []
    planned = {(p.node_id, p.vehicle_class_id, p.window.start): p for p in pools}
    for key, pool in existing.items():
        entry = _resized(conn, now, actor, reason, run_id, pool, planned.get(key))
        if entry:
            entries.append(entry)
    fresh = [_fresh(run_id, plan) for key, plan in planned.items() if key not in existing]
    add(conn, *fresh)
    entries += [_entry(now, actor, reason, pool, None, pool) for pool in fresh]
    add(conn, *entries)
    ids = {key: pool.id for key, pool in existing.items()} | {
        (p.node_id, p.vehicle_class_id, p.starts_at): p.id for p in fresh
    }
    _reach(conn, run_id, list(ids.values()), [(ids[key], plan) for key, plan in planned.items()])
    link_waves(conn, first=first, last=last)
    return len(entries)


type _Key = tuple[str, str, datetime]


def _locked(conn: Connection, now: datetime, first: date, last: date) -> dict[_Key, CapacityPool]:
    table = table_of(CapacityPool)
    found = conn.execute(
        sa.select(table)
        .where(table.c.day.between(first, last), table.c.starts_at >= now)
        .order_by(table.c.id)
        .with_for_update()
    )
    pools = [row_of(CapacityPool, row._mapping) for row in found]
    return {(p.node_id, p.vehicle_class_id, p.starts_at): p for p in pools}


def _resized(
    conn: Connection,
    now: datetime,
    actor: str,
    reason: str,
    run_id: str,
    pool: CapacityPool,
    plan: PoolPlan | None,
) -> CapacityEntry | None:
    taken = pool.loads("held") + pool.loads("booked")
    cap = Load(*(max(getattr(taken, d), getattr(plan.cap, d) if plan else 0) for d in DIMENSIONS))
    after = row_of(
        CapacityPool,
        {
            "id": pool.id,
            "vehicles": plan.vehicles if plan else 0,
            "minute_worth_micro": plan.minute_worth_micro if plan else 0,
            "run_id": run_id,
            **_sizes("cap", cap),
            **_sizes("sell", plan.sell if plan else Load()),
        },
    )
    table = table_of(CapacityPool)
    values = {name: getattr(after, name) for name in after.__pydantic_fields_set__ if name != "id"}
    conn.execute(sa.update(table).where(table.c.id == pool.id).values(**values))
    same = pool.loads("cap") == cap and pool.loads("sell") == after.loads("sell")
    return None if same else _entry(now, actor, reason, pool, pool, after)


def _fresh(run_id: str, plan: PoolPlan) -> CapacityPool:
    return CapacityPool(
        node_id=plan.node_id,
        vehicle_class_id=plan.vehicle_class_id,
        day=plan.day,
        starts_at=plan.window.start,
        ends_at=plan.window.end,
        vehicles=plan.vehicles,
        minute_worth_micro=plan.minute_worth_micro,
        run_id=run_id,
        **_sizes("cap", plan.cap),
        **_sizes("sell", plan.sell),
    )


def _sizes(prefix: str, load: Load) -> dict[str, Any]:
    return {f"{prefix}_{d}": getattr(load, d) for d in DIMENSIONS}


def _entry(
    now: datetime,
    actor: str,
    reason: str,
    pool: CapacityPool,
    before: CapacityPool | None,
    after: CapacityPool,
) -> CapacityEntry:
    def sizes(row: CapacityPool) -> dict[str, dict[str, int]]:
        return {prefix: asdict(row.loads(prefix)) for prefix in ("cap", "sell")}

    return CapacityEntry(
        pool_id=pool.id,
        kind=EntryKind.ADJUSTMENT,
        at=now,
        actor=actor,
        reason=reason,
        reference=after.run_id,
        sizes={"before": sizes(before) if before else None, "after": sizes(after)},
    )


def _reach(conn: Connection, run_id: str, pool_ids: list[str], plans: Sequence[tuple[str, PoolPlan]]) -> None:
    table = table_of(CapacityReach)
    for start in range(0, len(pool_ids), _CHUNK):
        conn.execute(sa.delete(table).where(table.c.pool_id.in_(pool_ids[start : start + _CHUNK])))
    rows = [
        {"pool_id": pool_id, "run_id": run_id, **asdict(reach)}
        for pool_id, plan in plans
        for reach in plan.reach
    ]
    if rows:
        conn.execute(sa.insert(table), rows)
