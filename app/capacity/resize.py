"""Give pools the sizes and reach of a new plan, under open holds and bookings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.overrides import in_force_between, kinds_of, supersede, under_override
from app.capacity.protection import protect
from app.capacity.rules import PoolPlan, in_force, sold_under
from app.capacity.sizes import size_entry, sized
from app.capacity.tables import CapacityEntry, CapacityOverride, CapacityPool, CapacityReach
from app.capacity.wave_links import link_waves, lock_waves
from app.database.rows import add, row_of, table_of
from app.fleet.rules import VehicleKind
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
    knew_at: datetime | None = None,
) -> int:
    """Publish the pools of the days `first`..`last`; returns how many changed their size.

    The same rows are updated, in id order. What is already taken stays possible: `cap` never falls
    below it. Pools of these days that begin later and are missing from the plan sell nothing more. What an
    operator said about a pool counts over the plan's figures until it is lifted; those are kept beside it.
    What was taken away for vehicles that were out when the plan was frozen, at `knew_at`, it knows itself.
    """
    lock_waves(conn, first=first, last=last)
    existing = _locked(conn, now, first, last)
    if knew_at is not None:
        supersede(
            conn,
            now=now,
            actor=actor,
            reason=reason,
            pool_ids=[p.id for p in existing.values()],
            knew_at=knew_at,
        )
    overrides, kinds = in_force_between(conn, first, last), kinds_of(conn)
    entries: list[CapacityEntry] = []
    planned = {(p.node_id, p.vehicle_class_id, p.window.start): p for p in pools}
    for key, pool in existing.items():
        said = in_force(overrides, pool, kinds[pool.vehicle_class_id])
        entry = _resized(conn, now, actor, reason, run_id, pool, planned.get(key), said)
        if entry:
            entries.append(entry)
    fresh = [
        _fresh(run_id, plan, overrides, kinds[plan.vehicle_class_id])
        for key, plan in planned.items()
        if key not in existing
    ]
    add(conn, *fresh)
    entries += [size_entry(now, actor, reason, run_id, None, pool, 1) for pool in fresh]
    add(conn, *entries)
    ids = {key: pool.id for key, pool in existing.items()} | {
        (p.node_id, p.vehicle_class_id, p.starts_at): p.id for p in fresh
    }
    _reach(conn, run_id, list(ids.values()), [(ids[key], plan) for key, plan in planned.items()])
    link_waves(conn, first=first, last=last)
    protect(conn, now=now, actor=actor, reason=reason, first=first, last=last)
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
    said: Sequence[CapacityOverride],
) -> CapacityEntry | None:
    taken = pool.loads("held") + pool.loads("booked")
    cap = Load(*(max(getattr(taken, d), getattr(plan.cap, d) if plan else 0) for d in DIMENSIONS))
    planned = plan.sell if plan else Load()
    values = {
        "vehicles": plan.vehicles if plan else 0,
        "minute_worth_micro": plan.minute_worth_micro if plan else 0,
        "run_id": run_id,
        **under_override(
            cap, sold_under(said, planned, plan.vehicles if plan else 0), planned if said else None
        ),
    }
    return sized(conn, now=now, actor=actor, reason=reason, reference=run_id, pool=pool, values=values)


def _fresh(
    run_id: str, plan: PoolPlan, overrides: Sequence[CapacityOverride], kind: VehicleKind
) -> CapacityPool:
    pool = CapacityPool(
        node_id=plan.node_id,
        vehicle_class_id=plan.vehicle_class_id,
        day=plan.day,
        starts_at=plan.window.start,
        ends_at=plan.window.end,
        vehicles=plan.vehicles,
        minute_worth_micro=plan.minute_worth_micro,
        run_id=run_id,
        entries=1,
    )
    said = in_force(overrides, pool, kind)
    sizes = under_override(plan.cap, sold_under(said, plan.sell, plan.vehicles), plan.sell if said else None)
    return row_of(CapacityPool, {**pool.model_dump(), **sizes})


def _reach(conn: Connection, run_id: str, pool_ids: list[str], plans: Sequence[tuple[str, PoolPlan]]) -> None:
    table = table_of(CapacityReach)
    for start in range(0, len(pool_ids), _CHUNK):
        conn.execute(sa.delete(table).where(table.c.pool_id.in_(pool_ids[start : start + _CHUNK])))
    rows = [
        {"pool_id": pool_id, "starts_at": plan.window.start, "run_id": run_id, **asdict(reach)}
        for pool_id, plan in plans
        for reach in plan.reach
    ]
    if rows:
        conn.execute(sa.insert(table), rows)
