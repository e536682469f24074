"""What has happened to the days of a published plan since its minutes were priced last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import DayChange, Problem, Taken
from app.allocation.queries import run_of
from app.allocation.rules import LedgerChanges, changes_since, refresh_is_due
from app.allocation.tables import PlanningFigures, PriceRefresh, WorthChange
from app.allocation.to_come import read_to_come
from app.capacity.tables import CapacityPool
from app.database.rows import one_or_none, rows, table_of
from app.places.tables import ServiceZone


@dataclass(frozen=True, slots=True)
class Due:
    """That the minutes of a run are to be priced anew, for these changes of its ledger."""

    run_id: str
    changes: LedgerChanges
    seen: dict[str, int]


def refresh_due(conn: Connection, *, now: datetime) -> Due | None:
    """Whether enough has changed since the last refresh of the run that sells; None where it has not."""
    run = run_of(conn)
    if run is None or run.finished_at is None:
        return None
    table = table_of(PriceRefresh)
    query = sa.select(table).where(table.c.run_id == run.id).order_by(table.c.at.desc(), table.c.id.desc())
    last = one_or_none(conn, PriceRefresh, query.limit(1))
    present = entries_ahead(conn, now=now)
    changes = changes_since(last.seen if last else {}, present)
    if not refresh_is_due(changes, last=last.at if last else run.finished_at, now=now):
        return None
    return Due(run.id, changes, present)


def entries_ahead(conn: Connection, *, now: datetime) -> dict[str, int]:
    """How many ledger entries the pools ahead have, by local day: whatever takes or frees room adds one."""
    pool = table_of(CapacityPool)
    counted = conn.execute(
        sa.select(pool.c.day, sa.func.sum(pool.c.entries).label("entries"))
        .where(pool.c.starts_at > now)
        .group_by(pool.c.day)
    )
    return {row.day.isoformat(): int(row.entries) for row in counted}


def read_changes(conn: Connection, *, problem: Problem, days: Sequence[date]) -> tuple[DayChange, ...]:
    """What is to come and what is taken now of these days of a plan."""
    known = sorted({day.day for day in problem.days} & set(days))
    figures = one_or_none(conn, PlanningFigures, sa.select(table_of(PlanningFigures)).limit(1))
    if not known or figures is None:
        return ()
    to_come = read_to_come(conn, figures=figures, first=known[0], last=known[-1])
    zones = {zone.id: zone for zone in rows(conn, ServiceZone, sa.select(table_of(ServiceZone)))}
    taken = _taken(conn, problem, known)
    return tuple(
        DayChange(
            day=day,
            to_come=tuple(
                (z, to_come.orders(zones[zone_id], day))
                for z, zone_id in enumerate(problem.zones)
                if zone_id in zones
            ),
            taken=taken.get(day, ()),
        )
        for day in known
    )


def _taken(conn: Connection, problem: Problem, days: Sequence[date]) -> dict[date, tuple[Taken, ...]]:
    pool = table_of(CapacityPool)
    query = sa.select(pool).where(pool.c.day.in_(list(days))).order_by(pool.c.id)
    places = pools_of(problem)
    found: dict[date, list[Taken]] = {}
    for row in rows(conn, CapacityPool, query):
        place = places.get((row.node_id, row.vehicle_class_id, row.starts_at))
        if place is not None:
            work_s, orders = row.held_work_s + row.booked_work_s, row.held_orders + row.booked_orders
            found.setdefault(row.day, []).append(Taken(*place, work_s, orders))
    return {day: tuple(taken) for day, taken in found.items()}


def pools_of(problem: Problem) -> dict[tuple[str, str, datetime], tuple[int, int]]:
    """The fleet and bucket of each pool of a plan, by its node, class and start."""
    return {
        (problem.nodes[fleet.node].id, fleet.class_id, bucket.start): (f, b)
        for day in problem.days
        for b, bucket in enumerate(day.buckets)
        for f, fleet in enumerate(problem.fleets)
    }


@dataclass(frozen=True, slots=True)
class SeenRefresh:
    """A refresh with the pools whose minutes it gave another worth."""

    made: PriceRefresh
    changed: tuple[WorthChange, ...]


def price_refreshes(conn: Connection, *, limit: int = 20) -> list[SeenRefresh]:
    """The newest refreshes with their history: two statements."""
    table, change = table_of(PriceRefresh), table_of(WorthChange)
    newest = sa.select(table).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
    made = rows(conn, PriceRefresh, newest)
    theirs = sa.select(change).where(change.c.refresh_id.in_([one.id for one in made]))
    by_refresh: dict[str, list[WorthChange]] = {one.id: [] for one in made}
    for row in rows(conn, WorthChange, theirs.order_by(change.c.pool_id)):
        by_refresh[row.refresh_id].append(row)
    return [SeenRefresh(one, tuple(by_refresh[one.id])) for one in made]
