"""Which pools count against which picking wave: the step that a new plan and a changed wave share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityPool, PickLoad
from app.database.rows import add, rows, table_of
from app.places.tables import City, FulfilmentNode
from app.slots.queries import standing
from app.slots.rules import wave_of
from app.slots.tables import PickWave


def link_waves(conn: Connection, *, first: date, last: date) -> None:
    """Let the pools of these days count against the bounded waves that feed them, with what they have taken.

    A wave that is lowered below what is taken sells nothing more, and takes nothing away.
    """
    lock_waves(conn, first=first, last=last)
    waves = standing(conn, PickWave)
    pools = _locked_pools(conn, first, last)
    if not waves and not any(pool.pick_load_id for pool in pools):
        return
    zones = _time_zones(conn)
    wanted: dict[str, tuple[PickWave, date] | None] = {}
    for pool in pools:
        wave = wave_of(waves, pool.node_id, pool.starts_at, zones[pool.node_id])
        bounded = wave is not None and wave.capacity_orders is not None
        wanted[pool.id] = (wave, pool.day) if wave and bounded else None
    loads = _loads(conn, first, last, wanted)
    pool_table = table_of(CapacityPool)
    for pool in pools:
        link = wanted[pool.id]
        load_id = loads[link[0].id, link[1]].id if link else None
        if load_id != pool.pick_load_id:
            changed = sa.update(pool_table).where(pool_table.c.id == pool.id)
            conn.execute(changed.values(pick_load_id=load_id))
    recount(conn, {wave.id: wave.capacity_orders or 0 for wave in waves}, first=first, last=last)


def lock_waves(conn: Connection, *, first: date = date.min, last: date = date.max) -> None:
    """Lock the waves of these days, before any of their pools: the order that every claim keeps."""
    load = table_of(PickLoad)
    days = load.c.day.between(first, last)
    conn.execute(sa.select(load.c.id).where(days).order_by(load.c.id).with_for_update())


def recount(
    conn: Connection,
    capacities: Mapping[str, int] | None = None,
    *,
    first: date = date.min,
    last: date = date.max,
) -> None:
    """Set what each day's wave has taken to the sum over its pools, and its size to that of `capacities`."""
    load, pool = table_of(PickLoad), table_of(CapacityPool)
    taken: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    linked = sa.select(pool.c.pick_load_id, pool.c.held_orders, pool.c.booked_orders)
    for row in conn.execute(linked.where(pool.c.pick_load_id.is_not(None), pool.c.day.between(first, last))):
        taken[row.pick_load_id][0] += row.held_orders
        taken[row.pick_load_id][1] += row.booked_orders
    for one in rows(conn, PickLoad, sa.select(load).where(load.c.day.between(first, last))):
        held, booked = taken[one.id]
        sell = (capacities or {}).get(one.wave_id, one.sell_orders)
        after = {
            "held_orders": held,
            "booked_orders": booked,
            "sell_orders": sell,
            "cap_orders": max(sell, held + booked),
        }
        if any(getattr(one, name) != value for name, value in after.items()):
            conn.execute(sa.update(load).where(load.c.id == one.id).values(**after))


def _locked_pools(conn: Connection, first: date, last: date) -> list[CapacityPool]:
    pool = table_of(CapacityPool)
    query = sa.select(pool).where(pool.c.day.between(first, last)).order_by(pool.c.id).with_for_update()
    return rows(conn, CapacityPool, query)


def _time_zones(conn: Connection) -> dict[str, str]:
    node, city = table_of(FulfilmentNode), table_of(City)
    found = conn.execute(sa.select(node.c.id, city.c.time_zone).join(city, city.c.id == node.c.city_id))
    return {row.id: row.time_zone for row in found}


def _loads(
    conn: Connection, first: date, last: date, wanted: Mapping[str, tuple[PickWave, date] | None]
) -> dict[tuple[str, date], PickLoad]:
    """The day's row of every wave that is wanted, made where it is missing."""
    load = table_of(PickLoad)
    known = rows(conn, PickLoad, sa.select(load).where(load.c.day.between(first, last)))
    loads = {(one.wave_id, one.day): one for one in known}
    for wave, day in (link for link in wanted.values() if link):
        if (wave.id, day) not in loads:
            size = wave.capacity_orders or 0
            loads[wave.id, day] = PickLoad(wave_id=wave.id, day=day, cap_orders=size, sell_orders=size)
    fresh = [one for key, one in loads.items() if one.id not in {k.id for k in known}]
    add(conn, *fresh)
    return loads
