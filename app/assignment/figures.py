"""How assignments did, day by day: fixed and flexible bookings, partner couriers, overtime, the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.rules import RunStatus
from app.assignment.queries import SHOWN
from app.assignment.tables import AssignmentFigures, AssignmentRun, BookingAllocation, BookingMove
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking, FlexibleSlotBooking
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.errors import OperatorsOnly
from app.values.actor import Actor

# So many days are read at once.
MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class AssignedDay:
    """What became of a local day's bookings, cancelled ones left out.

    `flexible` ones wait for their window, `narrowed` ones were flexible and have it, the others were `fixed`
    from the beginning. `placed` were looked at by a run, `moved` changed their pool, `disrupted` did so
    because something failed. `run` is the last one that was published, `failed_runs` were not.
    """

    day: date
    fixed: int
    flexible: int
    narrowed: int
    placed: int
    moved: int
    disrupted: int
    partner_couriers: int
    failed_runs: int
    run: AssignmentRun | None

    @property
    def bookings(self) -> int:
        """All of them."""
        return self.fixed + self.flexible + self.narrowed


def assigned_days(conn: Connection, *, actor: Actor, first: date, last: date) -> list[AssignedDay]:
    """The days from `first` on that have bookings or runs, at most MOST_DAYS; raises OperatorsOnly."""
    if not actor.is_operator:
        raise OperatorsOnly
    last = min(last, first + timedelta(days=MOST_DAYS - 1))
    counts = {row["day"]: row for row in _bookings(conn, first, last)}
    runs = _runs(conn, first, last)
    failed = _failed(conn, first, last)
    days = sorted({*counts, *runs, *failed})
    nothing = dict.fromkeys(
        ("all", "flexible", "narrowed", "placed", "moved", "disrupted", "partner_couriers"), 0
    )
    found = []
    for day in days:
        seen = counts.get(day, nothing)
        flexible, narrowed = int(seen["flexible"] or 0), int(seen["narrowed"] or 0)
        found.append(
            AssignedDay(
                day=day,
                fixed=int(seen["all"]) - flexible - narrowed,
                flexible=flexible,
                narrowed=narrowed,
                placed=int(seen["placed"] or 0),
                moved=int(seen["moved"] or 0),
                disrupted=int(seen["disrupted"] or 0),
                partner_couriers=int(seen["partner_couriers"] or 0),
                failed_runs=failed.get(day, 0),
                run=runs.get(day),
            )
        )
    return found


def assignment_prices(conn: Connection, *, actor: Actor) -> AssignmentFigures:
    """What moves, overtime and partner couriers are counted at; the house's own where no city has its own.

    Raises OperatorsOnly.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    table = table_of(AssignmentFigures)
    found = rows(conn, AssignmentFigures, sa.select(table).order_by(table.c.city_id).limit(1))
    return found[0] if found else AssignmentFigures(city_id="")


def _bookings(conn: Connection, first: date, last: date) -> list[Mapping[Any, Any]]:
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    flexible, placed = table_of(FlexibleSlotBooking), table_of(BookingAllocation)
    move = table_of(BookingMove)

    def moves(*which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.exists(sa.select(move.c.id).where(move.c.booking_id == booking.c.id, *which))

    def counted(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((which, 1), else_=0))

    query = (
        sa.select(
            pool.c.day,
            sa.func.count().label("all"),
            counted(sa.and_(flexible.c.booking_id.is_not(None), flexible.c.narrowed_at.is_(None))).label(
                "flexible"
            ),
            counted(flexible.c.narrowed_at.is_not(None)).label("narrowed"),
            counted(placed.c.booking_id.is_not(None)).label("placed"),
            counted(moves()).label("moved"),
            counted(moves(move.c.disruption_id.is_not(None))).label("disrupted"),
            counted(booking.c.partner_courier).label("partner_couriers"),
        )
        .join(pool, pool.c.id == booking.c.pool_id)
        .outerjoin(flexible, flexible.c.booking_id == booking.c.id)
        .outerjoin(placed, placed.c.booking_id == booking.c.id)
        .where(pool.c.day.between(first, last), booking.c.status != BookingStatus.CANCELLED)
        .group_by(pool.c.day)
    )
    return list(conn.execute(query).mappings())


def _runs(conn: Connection, first: date, last: date) -> dict[date, AssignmentRun]:
    """The last published run of each day."""
    run = table_of(AssignmentRun)
    query = (
        sa.select(*SHOWN)
        .where(run.c.day.between(first, last), run.c.status == RunStatus.PUBLISHED)
        .order_by(run.c.started_at, run.c.id)
    )
    return {one.day: one for one in rows(conn, AssignmentRun, query)}


def _failed(conn: Connection, first: date, last: date) -> dict[date, int]:
    run = table_of(AssignmentRun)
    ended = run.c.status.in_([RunStatus.FAILED, RunStatus.REFUSED])
    query = (
        sa.select(run.c.day, sa.func.count()).where(run.c.day.between(first, last), ended).group_by(run.c.day)
    )
    return {row[0]: row[1] for row in conn.execute(query)}
