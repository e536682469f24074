"""What operators say over the plan: which overrides are in force, and what pools sell under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.errors import InvalidChange, OverrideNotFound, PoolNotFound
from app.capacity.protection import protect
from app.capacity.reasons import check_reason
from app.capacity.rules import (
    OverrideFacts,
    PoolEdit,
    PoolSelector,
    SizeChange,
    in_force,
    sold_under,
)
from app.capacity.sizes import columns_of, sized
from app.capacity.tables import CapacityOverride, CapacityPool
from app.database.rows import add, one_or_none, rows, table_of
from app.fleet.rules import VehicleKind
from app.fleet.tables import VehicleClass
from app.values.load import DIMENSIONS, Load

_CHUNK = 500


@dataclass(frozen=True)
class Foreseen:
    """What an operator's change would do: the pools as they stand, their edits, and what is in force then."""

    override: CapacityOverride
    pools: list[CapacityPool]
    edits: list[PoolEdit]
    newest_first: list[CapacityOverride]


def foreseen(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    which: PoolSelector,
    to: SizeChange,
    reason: str,
    lock: bool,
) -> Foreseen:
    """What an override would do to the pools meant; raises PoolNotFound, InvalidChange."""
    if not to.makes_sense:
        raise InvalidChange(field=("input", "change"))
    pools = pools_of(conn, now=now, which=which, lock=lock)
    if not pools:
        raise PoolNotFound(field=("input", "pools"))
    said = CapacityOverride(
        day=pools[0].day,
        **{name: getattr(which, name) for name in _NARROWED_BY},
        sell_orders=to.sell_orders,
        factor_bp=to.factor_bp,
        vehicles_out=to.vehicles_out,
        vehicle_id=to.vehicle_id,
        reason=reason,
        actor=actor,
        created_at=now,
    )
    newest_first = [said, *in_force_between(conn, said.day, said.day)]
    return Foreseen(said, pools, edits_under(conn, pools, newest_first), newest_first)


def foreseen_without(conn: Connection, *, now: datetime, override_id: str, lock: bool) -> Foreseen:
    """What lifting an override would do; raises OverrideNotFound."""
    table = table_of(CapacityOverride)
    query = sa.select(table).where(table.c.id == override_id, table.c.lifted_at.is_(None))
    said = one_or_none(conn, CapacityOverride, query.with_for_update() if lock else query)
    if said is None:
        raise OverrideNotFound(field=("input", "overrideId"))
    pools = pools_of(conn, now=now, which=said, lock=lock)
    others = [other for other in in_force_between(conn, said.day, said.day) if other.id != said.id]
    return Foreseen(said, pools, edits_under(conn, pools, others), others)


_NARROWED_BY = ("pool_id", "node_id", "vehicle_kind", "starts_at", "ends_at")


def in_force_between(conn: Connection, first: date, last: date) -> list[CapacityOverride]:
    """The overrides of these local days that nobody has lifted, the newest first."""
    override = table_of(CapacityOverride)
    query = (
        sa.select(override)
        .where(override.c.day.between(first, last), override.c.lifted_at.is_(None))
        .order_by(override.c.id.desc())
    )
    return rows(conn, CapacityOverride, query)


def supersede(
    conn: Connection, *, now: datetime, actor: str, reason: str, pool_ids: Sequence[str], knew_at: datetime
) -> None:
    """Lift the overrides of these pools made for outages that a plan frozen at `knew_at` knew of."""
    override = table_of(CapacityOverride)
    known = sa.and_(override.c.for_outage, override.c.lifted_at.is_(None), override.c.created_at <= knew_at)
    lifted = {"lifted_at": now, "lifted_by": actor, "lift_reason": reason}
    for start in range(0, len(pool_ids), _CHUNK):
        mine = override.c.pool_id.in_(pool_ids[start : start + _CHUNK])
        conn.execute(sa.update(override).where(known, mine).values(**lifted))


def kinds_of(conn: Connection) -> dict[str, VehicleKind]:
    """The kind of each vehicle class."""
    kind = table_of(VehicleClass)
    return {row.id: row.kind for row in conn.execute(sa.select(kind.c.id, kind.c.kind))}


def pools_of(
    conn: Connection, *, now: datetime, which: PoolSelector | CapacityOverride, lock: bool
) -> list[CapacityPool]:
    """The pools meant whose bucket has not ended, in id order, locked if asked."""
    pool, kind = table_of(CapacityPool), table_of(VehicleClass)
    if which.pool_id is not None:
        meant: list[sa.ColumnElement[bool]] = [pool.c.id == which.pool_id]
    else:
        meant = [pool.c.day == which.day]
        if which.node_id is not None:
            meant.append(pool.c.node_id == which.node_id)
        if which.vehicle_kind is not None:
            of_kind = sa.select(kind.c.id).where(kind.c.kind == which.vehicle_kind)
            meant.append(pool.c.vehicle_class_id.in_(of_kind))
        if which.starts_at is not None:
            meant.append(pool.c.starts_at >= which.starts_at)
        if which.ends_at is not None:
            meant.append(pool.c.ends_at <= which.ends_at)
    query = sa.select(pool).where(pool.c.ends_at > now, *meant).order_by(pool.c.id)
    return rows(conn, CapacityPool, query.with_for_update() if lock else query)


def planned_of(pool: CapacityPool) -> Load:
    """What the plan would sell, whatever an operator says."""
    return Load(**pool.planned) if pool.planned is not None else pool.loads("sell")


def edits_under(
    conn: Connection, pools: Sequence[CapacityPool], newest_first: Sequence[OverrideFacts]
) -> list[PoolEdit]:
    """What each pool sells now, and would sell under these overrides alone."""
    kinds = kinds_of(conn)
    return [
        PoolEdit(
            pool_id=pool.id,
            window=pool.window,
            before=pool.loads("sell"),
            after=_sold(pool, newest_first, kinds[pool.vehicle_class_id]),
            held=pool.loads("held"),
            booked=pool.loads("booked"),
        )
        for pool in pools
    ]


def _sold(pool: CapacityPool, newest_first: Sequence[OverrideFacts], kind: VehicleKind) -> Load:
    return sold_under(in_force(newest_first, pool, kind), planned_of(pool), pool.vehicles)


def sold_if(conn: Connection, pools: Sequence[CapacityPool], to: SizeChange) -> dict[str, Load]:
    """What each of these pools would sell if this were said of it now, beside what is in force, by pool."""
    if not pools:
        return {}
    days, kinds = [pool.day for pool in pools], kinds_of(conn)
    standing = in_force_between(conn, min(days), max(days))
    return {
        pool.id: sold_under([to, *in_force(standing, pool, kinds[pool.vehicle_class_id])],
                            planned_of(pool), pool.vehicles)
        for pool in pools
    }  # fmt: skip


def write_edits(conn: Connection, *, now: datetime, actor: str, reason: str, change: Foreseen) -> None:
    """Give the locked pools what was foreseen, each with its entry in the ledger; raises ReasonMissing."""
    check_reason(reason)
    kinds = kinds_of(conn)
    entries = []
    for pool, edit in zip(change.pools, change.edits, strict=True):
        said = in_force(change.newest_first, pool, kinds[pool.vehicle_class_id])
        entry = sized(
            conn,
            now=now,
            actor=actor,
            reason=reason,
            reference=change.override.id,
            pool=pool,
            values=under_override(pool.loads("cap"), edit.after, planned_of(pool) if said else None),
        )
        if entry:
            entries.append(entry)
    add(conn, *entries)
    protect(conn, now=now, actor=actor, reason=reason, first=change.override.day, last=change.override.day)


def under_override(cap: Load, sell: Load, planned: Load | None) -> dict[str, Any]:
    """The columns of a size: what is sold exists, and what the plan wanted is kept beside an override."""
    exists = Load(*(max(getattr(cap, d), getattr(sell, d)) for d in DIMENSIONS))
    kept = asdict(planned) if planned is not None else None
    return {**columns_of("cap", exists), **columns_of("sell", sell), "planned": kept}
