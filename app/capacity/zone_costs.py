"""Say what one more drop costs in each zone on each day: the level that fees follow only in part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityPool, CapacityReach, ZoneDayCost
from app.database.rows import table_of

_MICRO_MINUTE = 60_000_000.0


def write_zone_costs(conn: Connection, *, now: datetime, days: Sequence[date], at_door_s: int) -> None:
    """Write the mean cost of a drop of these local days anew, from the hours that have not begun.

    Two statements, however many zones there are. A day none of whose hours is sold any more keeps none.
    """
    pool, reach, cost = table_of(CapacityPool), table_of(CapacityReach), table_of(ZoneDayCost)
    drop_s = reach.c.work_s + at_door_s * reach.c.handover_bp / 10_000.0
    marginal = reach.c.cost_minor + pool.c.minute_worth_micro / _MICRO_MINUTE * drop_s
    hours = (
        sa.select(reach.c.zone_id, pool.c.day, sa.func.min(marginal).label("minor"))
        .join(pool, pool.c.id == reach.c.pool_id)
        .where(pool.c.day.in_(days), pool.c.starts_at > now, pool.c.sell_orders > 0)
        .group_by(reach.c.zone_id, pool.c.day, reach.c.starts_at)
        .subquery()
    )
    whole = sa.cast(sa.func.round(sa.func.avg(hours.c.minor)), sa.Integer)
    means = sa.select(hours.c.zone_id, hours.c.day, whole).group_by(hours.c.zone_id, hours.c.day)
    conn.execute(sa.delete(cost).where(cost.c.day.in_(days)))
    conn.execute(sa.insert(cost).from_select(["zone_id", "day", "cost_minor"], means))


def forget_zone_costs(conn: Connection, *, now: datetime) -> None:
    """Delete those of days that are over everywhere: no fee asks for them again."""
    cost = table_of(ZoneDayCost)
    conn.execute(sa.delete(cost).where(cost.c.day < now.date() - timedelta(days=1)))
