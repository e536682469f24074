"""Reads of capacity with more than one caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool, CapacityReach, PickLoad, ZoneDayCost
from app.database.rows import table_of
from app.fleet.tables import EmissionFactor, VehicleClass
from app.values.load import DIMENSIONS, Load
from app.values.window import Window


def reaches_of(
    conn: Connection, *, now: datetime, zone_id: str, span: Window, customer_group: str | None = None
) -> list[Reach]:
    """The pools with anything to sell that may serve a zone within a span of time: one statement.

    What is kept for other groups than the customer's is noted with each.
    """
    told = {"zone_id": zone_id, "start": span.start, "end": span.end}
    return [_reach(row, now, customer_group) for row in conn.execute(_reaching(), told)]


@cache
def _reaching() -> sa.Select[*tuple[Any, ...]]:
    # Made once: it is asked with every offer and every hold, and making it took as long as running it.
    pool, reach = table_of(CapacityPool), table_of(CapacityReach)
    kind, factor, load = table_of(VehicleClass), table_of(EmissionFactor), table_of(PickLoad)
    usual = table_of(ZoneDayCost)
    free = [
        (pool.c[f"sell_{d}"] - pool.c[f"held_{d}"] - pool.c[f"booked_{d}"]).label(f"free_{d}")
        for d in DIMENSIONS
    ]
    return (
        sa.select(
            pool.c.id,
            pool.c.node_id,
            pool.c.starts_at,
            pool.c.ends_at,
            pool.c.minute_worth_micro,
            pool.c.protected_group,
            pool.c.protected_until,
            (pool.c.protected_orders - pool.c.protected_used).label("protected_left"),
            *free,
            reach.c.work_s,
            reach.c.handover_bp,
            reach.c.cost_minor,
            reach.c.grams,
            kind.c.kind,
            kind.c.volume_ml,
            kind.c.weight_g,
            kind.c.chilled_ml,
            kind.c.frozen_ml,
            kind.c.skills,
            factor.c.id.label("factor_id"),
            factor.c.scope,
            factor.c.method,
            pool.c.pick_load_id,
            (load.c.sell_orders - load.c.held_orders - load.c.booked_orders).label("pick_free"),
            pool.c.day,
            pool.c.vehicle_class_id,
            usual.c.cost_minor.label("zone_cost_minor"),
        )
        .join(reach, reach.c.pool_id == pool.c.id)
        .join(kind, kind.c.id == pool.c.vehicle_class_id)
        .join(factor, factor.c.id == kind.c.emission_factor_id)
        .outerjoin(load, load.c.id == pool.c.pick_load_id)
        .outerjoin(usual, sa.and_(usual.c.zone_id == reach.c.zone_id, usual.c.day == pool.c.day))
        .where(
            reach.c.zone_id == sa.bindparam("zone_id"),
            reach.c.starts_at >= sa.bindparam("start"),
            reach.c.starts_at < sa.bindparam("end"),
            pool.c.ends_at <= sa.bindparam("end"),
            pool.c.sell_orders > 0,
        )
    )


def planned_until(conn: Connection, *, zone_id: str) -> date | None:
    """The last local day for which capacity reaches a zone: what it lacks before that, it does not have."""
    pool, reach = table_of(CapacityPool), table_of(CapacityReach)
    query = (
        sa.select(pool.c.day)
        .join(reach, reach.c.pool_id == pool.c.id)
        .where(reach.c.zone_id == zone_id)
        .order_by(reach.c.starts_at.desc())
        .limit(1)
    )
    found: date | None = conn.execute(query).scalar()
    return found


def _reach(row: Row[*tuple[Any, ...]], now: datetime, customer_group: str | None) -> Reach:
    # By place: looking each column up by its name took longer than reading it.
    pool_id, node_id, starts_at, ends_at, worth, group, until, left, *found = row
    free, found = found[: len(DIMENSIONS)], found[len(DIMENSIONS) :]
    work_s, handover_bp, cost_minor, grams, kind, *found = found
    *carried, skills, factor_id, scope, method, wave, pick_free, day, class_id, zone_cost_minor = found
    kept = until is not None and until > now and group != customer_group
    return Reach(
        pool_id=pool_id,
        node_id=node_id,
        window=Window(starts_at, ends_at),
        free=Load(*free),
        work_s=work_s,
        handover_bp=handover_bp,
        cost_minor=cost_minor,
        grams=grams,
        minute_worth_micro=worth,
        vehicle_kind=kind,
        vehicle=Load(1, 0, *carried),
        emission_factor_id=factor_id,
        emission_scope=scope,
        emission_method=method,
        wave=wave,
        pick_free=pick_free,
        kept_for=group if kept else None,
        kept_orders=left if kept else 0,
        kept_until=until if kept else None,
        day=day,
        class_id=class_id,
        skills=skills,
        zone_cost_minor=zone_cost_minor,
    )


def with_wave_mates(conn: Connection, pool_ids: Sequence[str]) -> list[str]:
    """These pools and those that count against the same picking waves: what may make room for them."""
    pool = table_of(CapacityPool)
    waves = sa.select(pool.c.pick_load_id).where(pool.c.id.in_(pool_ids), pool.c.pick_load_id.is_not(None))
    return [*conn.execute(sa.select(pool.c.id).where(counted_with(pool_ids, waves))).scalars()]


def counted_with(pool_ids: Any, waves: Any) -> sa.ColumnElement[bool]:
    """The pools with these ids, and those that count against these picking waves."""
    pool = table_of(CapacityPool)
    return sa.or_(pool.c.id.in_(pool_ids), pool.c.pick_load_id.in_(waves))
