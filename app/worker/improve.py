"""Look for better tentative tours of a node and day: read, search in another process, check, swap."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.change_vehicles import Change, change_vehicles, pools_for
from app.booking.lock_unchanged import Outdated
from app.booking.other_pools import Movable, movable
from app.booking.serve_waitlist import serve_waitlist
from app.booking.stops import stops_between
from app.capacity.tables import CapacityPool
from app.capacity.transfer import NoRoom
from app.database.rows import table_of
from app.database.runner import Database
from app.tours.as_problem import better, changed_class, tour_problem, tours_of
from app.tours.improve import locked, reconcile
from app.tours.problem import RoutingLimits
from app.tours.queries import KnownSheet
from app.tours.rules import TourStop
from app.tours.sheet import Sheet
from app.worker.router import Router

# Seconds of search for all classes of a node and day together.
SEARCH_S = 0.25
# How often it is tried again when somebody has booked meanwhile.
TRIES = 3
# How often it is searched again without the changes of class that no pool has room for.
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Found:
    """Better tours, and the bookings that change their class with them."""

    sheet: Sheet
    changes: Sequence[Change]


def improve(
    db: Database, router: Router, *, node_id: str, day: date, limits: RoutingLimits | None = None
) -> bool:
    """Whether better tours are in force now; what no tour could take before is tried too.

    A booking may go to another class of vehicles where all that was promised stays and a pool has room.
    No transaction is open while it searches. The tours found are driven by the sheet's own arithmetic
    before they count, and taken only if they bring no less. Raises SolverFailed.
    """
    for _ in range(TRIES):
        read = db.write_now(partial(_up_to_date, node_id=node_id, day=day))
        if read is None:
            return False
        known, movables = read
        found = _searched(router, known.sheet, movables, limits or RoutingLimits(seconds=SEARCH_S))
        if found is None:
            return False
        try:
            db.write_now(partial(_swapped, known=known, found=found))
        except (Outdated, NoRoom):
            continue
        # There may be time now for those who wait.
        db.write_now(partial(_told, node_id=node_id, day=day))
        return True
    return False


def _up_to_date(
    conn: Connection, now: datetime, *, node_id: str, day: date
) -> tuple[KnownSheet, dict[str, Movable]] | None:
    # Locked before holds and bookings are read: whoever changes the sheet has committed what goes with it.
    known = locked(conn, key=(node_id, day))
    if known is None:
        return None
    stops = stops_between(conn, first=day, last=day, node_id=node_id).get((node_id, day), [])
    return reconcile(conn, now=now, known=known, stops=stops), movable(
        conn, now=now, node_id=node_id, day=day
    )


def _searched(
    router: Router, sheet: Sheet, movables: Mapping[str, Movable], limits: RoutingLimits
) -> _Found | None:
    """Better tours whose changes of class all find room; None where there are none."""
    may = {
        reference: {
            class_id
            for class_id in one.classes
            if sheet.frame.may(class_id, one.stop.zone_id, one.stop.window)
        }
        for reference, one in movables.items()
    }
    stops = {reference: one.stop for reference, one in movables.items()}
    for number in range(ROUNDS):
        # The last time nobody changes: what helps inside the classes is never lost.
        made = _routed(router, sheet, may if number < ROUNDS - 1 else {}, stops, limits)
        if made is None or not better(sheet, made):
            return None
        changes, refused = pools_for(changed_class(sheet, made), movables)
        if not refused:
            return _Found(made, changes)
        for reference, class_id in refused.items():
            may[reference].discard(class_id)
    return None


def _routed(
    router: Router,
    sheet: Sheet,
    may: Mapping[str, Collection[str]],
    stops: Mapping[str, TourStop],
    limits: RoutingLimits,
) -> Sheet | None:
    told = tour_problem(sheet, may, stops)
    if told is None:
        return None
    return sheet.rearranged(tours_of(told, router.route(told.problem, limits, told.start)), stops)


def _swapped(conn: Connection, now: datetime, *, known: KnownSheet, found: _Found) -> None:
    change_vehicles(conn, now=now, known=known, sheet=found.sheet, changes=found.changes)


def _told(conn: Connection, now: datetime, *, node_id: str, day: date) -> None:
    pool = table_of(CapacityPool)
    here = sa.and_(pool.c.node_id == node_id, pool.c.day == day, pool.c.starts_at > now)
    pools = conn.execute(sa.select(pool.c.id).where(here).order_by(pool.c.id)).scalars().all()
    serve_waitlist(conn, now=now, pool_ids=pools)
