"""Give the pools of a published plan fresh worths of their minutes, with the history of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.price_changes import Due, entries_ahead, pools_of
from app.allocation.problem import DayWorths, Problem
from app.allocation.queries import run_of
from app.allocation.tables import PriceRefresh, WorthChange
from app.capacity.tables import CapacityPool
from app.capacity.zone_costs import write_zone_costs
from app.database.rows import add, rows, table_of
from app.events import record
from app.values.money import round_half_up

_ACTOR = "pricing"


def refresh_prices(
    conn: Connection, *, now: datetime, due: Due, problem: Problem, worths: Sequence[DayWorths]
) -> PriceRefresh | None:
    """Offers from now on are priced by these worths; what is held keeps its fee.

    None when another plan has been published meanwhile: its prices count.
    """
    run = run_of(conn)
    if run is None or run.id != due.run_id:
        return None
    fresh = {(told.day, f, b): worth for told in worths for f, b, worth in told.minute_worth}
    days = [told.day for told in worths]
    pool, places = table_of(CapacityPool), pools_of(problem)
    ahead = sa.select(pool).where(pool.c.day.in_(days), pool.c.starts_at > now).order_by(pool.c.id)
    changed: list[tuple[CapacityPool, int]] = []
    for row in rows(conn, CapacityPool, ahead.with_for_update()):
        place = places.get((row.node_id, row.vehicle_class_id, row.starts_at))
        micro = round_half_up(fresh.get((row.day, *place), 0.0) * 1_000_000) if place else 0
        if micro != row.minute_worth_micro:
            changed.append((row, micro))
    refresh = PriceRefresh(
        run_id=due.run_id,
        at=now,
        actor=_ACTOR,
        reason=f"{due.changes.count} changes of what is held and booked",
        changes=due.changes.count,
        pools=len(changed),
        solver_s=round(sum(told.solver_s for told in worths), 4),
        seen=due.seen,
    )
    add(conn, refresh)
    add(
        conn,
        *(
            WorthChange(
                refresh_id=refresh.id,
                pool_id=row.id,
                before_micro=row.minute_worth_micro,
                after_micro=micro,
            )
            for row, micro in changed
        ),
    )
    if changed:
        worth = sa.update(pool).where(pool.c.id == sa.bindparam("pool"))
        conn.execute(
            worth.values(minute_worth_micro=sa.bindparam("micro")),
            [{"pool": row.id, "micro": micro} for row, micro in changed],
        )
        write_zone_costs(conn, now=now, days=days, at_door_s=problem.at_door_s)
        facts = {"refresh_id": refresh.id, "pools": len(changed)}
        record(conn, now=now, topic="pricing", kind="pricing.refreshed", payload=facts)
    return refresh


def prices_begin(conn: Connection, *, now: datetime, run_id: str) -> None:
    """Note from where on the changes of a plan that has just been published are counted."""
    begun = PriceRefresh(
        run_id=run_id,
        at=now,
        actor=_ACTOR,
        reason="a new capacity plan",
        changes=0,
        pools=0,
        solver_s=0.0,
        seen=entries_ahead(conn, now=now),
    )
    add(conn, begun)
