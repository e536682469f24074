"""Look for better tentative tours of a node and day: read, search in another process, check, swap."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.serve_waitlist import serve_waitlist
from app.booking.stops import stops_between
from app.capacity.tables import CapacityPool
from app.database.rows import table_of
from app.database.runner import Database
from app.tours.as_problem import as_they_are, better, class_problems, tours_of
from app.tours.improve import locked, reconcile, swap
from app.tours.problem import RoutingLimits
from app.tours.queries import KnownSheet
from app.tours.sheet import Sheet
from app.worker.router import Router

# Seconds of search for all classes of a node and day together.
SEARCH_S = 0.25
# How often it is tried again when somebody has booked meanwhile.
TRIES = 3


def improve(
    db: Database, router: Router, *, node_id: str, day: date, limits: RoutingLimits | None = None
) -> bool:
    """Whether better tours are in force now; what no tour could take before is tried too.

    No transaction is open while it searches. The tours found are driven by the sheet's own arithmetic
    before they count, and taken only if they bring no less. Raises SolverFailed.
    """
    for _ in range(TRIES):
        known = db.write_now(partial(_up_to_date, node_id=node_id, day=day))
        if known is None:
            return False
        found = _searched(router, known.sheet, limits or RoutingLimits(seconds=SEARCH_S))
        if not better(known.sheet, found):
            return False
        if db.write_now(partial(_swapped, known=known, found=found)):
            # There may be time now for those who wait.
            db.write_now(partial(_told, node_id=node_id, day=day))
            return True
    return False


def _up_to_date(conn: Connection, now: datetime, *, node_id: str, day: date) -> KnownSheet | None:
    # Locked before holds and bookings are read: whoever changes the sheet has committed what goes with it.
    known = locked(conn, key=(node_id, day))
    if known is None:
        return None
    stops = stops_between(conn, first=day, last=day, node_id=node_id).get((node_id, day), [])
    return reconcile(conn, now=now, known=known, stops=stops)


def _searched(router: Router, sheet: Sheet, limits: RoutingLimits) -> Sheet:
    problems = class_problems(sheet)
    tours = as_they_are(sheet)
    for one in problems:
        mine = RoutingLimits(limits.seconds / len(problems), limits.iterations, limits.seed)
        tours |= tours_of(one, router.route(one.problem, mine, one.start))
    return sheet.rearranged([tours[number] for number in range(len(sheet.frame.vehicles))])


def _swapped(conn: Connection, now: datetime, *, known: KnownSheet, found: Sheet) -> bool:
    return swap(conn, now=now, known=known, sheet=found)


def _told(conn: Connection, now: datetime, *, node_id: str, day: date) -> None:
    pool = table_of(CapacityPool)
    here = sa.and_(pool.c.node_id == node_id, pool.c.day == day, pool.c.starts_at > now)
    pools = conn.execute(sa.select(pool.c.id).where(here).order_by(pool.c.id)).scalars().all()
    serve_waitlist(conn, now=now, pool_ids=pools)
