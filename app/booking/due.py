"""The room that is only taken by holds that have ended: it can be had again, whoever has noticed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import SlotHold, occupying
from app.capacity.queries import counted_with
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool
from app.database.rows import table_of
from app.values.load import Load


@dataclass(frozen=True)
class Due:
    """What expired holds still occupy in the counters: it can be had again.

    By pool the whole and the orders by group of customers, and the orders by picking wave; `pools` says
    which hold is in which pool.
    """

    loads: dict[str, Load]
    grouped: dict[tuple[str, str], int]
    picked: dict[str, int]
    pools: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.loads)

    def back(self, reach: Reach) -> Reach:
        """The reach with the room that is only taken by what has ended; what was kept is kept again."""
        free = reach.free + self.loads.get(reach.pool_id, Load())
        kept = reach.kept_orders
        if reach.kept_for is not None:
            kept += self.grouped.get((reach.pool_id, reach.kept_for), 0)
        pick_free = reach.pick_free
        if pick_free is not None:
            pick_free += self.picked.get(reach.wave or "", 0)
        return replace(reach, free=free, kept_orders=kept, pick_free=pick_free)


def read_due(conn: Connection, *, now: datetime, reaches: Sequence[Reach]) -> Due:
    """What the ended holds of these pools and their picking waves occupy: one statement."""
    waves = {reach.wave for reach in reaches if reach.wave}
    told = {"ids": [reach.pool_id for reach in reaches], "waves": sorted(waves), "now": now}
    found = conn.execute(_ended(waved=bool(waves)), told)
    due = Due(defaultdict(Load), defaultdict(int), defaultdict(int), {})
    for row in found:
        volume_ml = row.ambient_ml + row.chilled_ml + row.frozen_ml
        load = Load(1, row.work_s, volume_ml, row.weight_g, row.chilled_ml, row.frozen_ml)
        due.loads[row.pool_id] = due.loads[row.pool_id] + load
        if row.customer_group is not None:
            due.grouped[row.pool_id, row.customer_group] += 1
        due.picked[row.pick_load_id] += 1
        due.pools[row.id] = row.pool_id
    return due


@cache
def _ended(*, waved: bool) -> sa.Select[*tuple[Any, ...]]:
    hold, pool = table_of(SlotHold), table_of(CapacityPool)
    ids: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
    waves: sa.BindParameter[str] = sa.bindparam("waves", expanding=True)
    here = hold.c.pool_id.in_(ids)
    if waved:
        here = hold.c.pool_id.in_(sa.select(pool.c.id).where(counted_with(ids, waves)))
    return (
        sa.select(
            hold.c.id,
            hold.c.pool_id,
            hold.c.work_s,
            hold.c.weight_g,
            hold.c.ambient_ml,
            hold.c.chilled_ml,
            hold.c.frozen_ml,
            hold.c.customer_group,
            pool.c.pick_load_id,
        )
        .join(pool, pool.c.id == hold.c.pool_id)
        .where(here, occupying(), hold.c.expires_at <= sa.bindparam("now"))
    )
