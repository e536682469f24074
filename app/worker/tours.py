"""Tours from end to end: freeze, ask the streets, search in other processes, check, publish."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.errors import NothingToPlan
from app.allocation.publish_tours import publish_tours
from app.allocation.tour_snapshot import TourSnapshot, tour_snapshot
from app.booking.rules import LOADED_BEFORE, BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityPool
from app.database.rows import add, table_of
from app.database.runner import Database
from app.tours.check import check
from app.tours.mend import mended
from app.tours.problem import Itinerary, Routes, RoutingLimits, RoutingProblem, routing_to_json
from app.tours.published import tour_run
from app.tours.run_status import TourRunStatus
from app.tours.tables import TourRun
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.worker.day_alerts import tours_failed, tours_work
from app.worker.router import COMMAND, Router
from app.worker.solver import SolverFailed
from app.worker.tour_lines import tour_lines
from app.worker.tour_start import published_orders, start_of
from app.world.streets import Streets

# So often tours are searched for again because bookings changed meanwhile.
ATTEMPTS = 3
_STAY = "The last published tours stay."
_OVERTAKEN = f"The bookings changed while the tours were searched for. {_STAY}"
_BURIED = "This search had no tours yet when the next one was begun."
# A search that has run for so long was killed: it is begun again.
_UNDER_WAY = timedelta(minutes=15)
_CLOCK = Actor("", Role.OPERATOR, "clock")


type Unserved = Callable[[Connection, datetime, Sequence[str]], Collection[str]]


def _nobody(_conn: Connection, _now: datetime, _ids: Sequence[str]) -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Mending:
    """How published tours are mended: when goods are ready, and who looks after bookings left out.

    `unserved` is told their ids in the transaction that publishes, and gives back those it has looked after.
    """

    ready: Mapping[str, datetime] = field(default_factory=dict)
    unserved: Unserved = _nobody


@dataclass(frozen=True, slots=True)
class TourPlanner:
    """What a search needs beside the rows: database, streets, limits, processes, and who searches."""

    db: Database
    streets: Streets
    limits: RoutingLimits = field(default_factory=RoutingLimits)
    processes: int = 2
    command: Sequence[str] = COMMAND

    def plan(self, days: Sequence[tuple[str, date]], *, trigger: str, actor: Actor = _CLOCK) -> list[TourRun]:
        """Search for the tours of these nodes and days, several at once; returns the runs as they ended.

        Whatever goes wrong ends in the run's status and message and alerts operators; the tours published
        last stay.
        """
        work = partial(self._node_day, trigger=trigger, actor=actor)
        with ThreadPoolExecutor(max_workers=self.processes) as pool:
            return list(pool.map(lambda pair: work(node_id=pair[0], day=pair[1]), days))

    def mend(self, node_id: str, day: date, how: Mending, *, trigger: str) -> TourRun:
        """Bring what is on no tour, the order of the others kept; returns the run as it ended."""
        return self._node_day(node_id=node_id, day=day, trigger=trigger, actor=_CLOCK, how=how)

    def _node_day(
        self, *, node_id: str, day: date, trigger: str, actor: Actor, how: Mending | None = None
    ) -> TourRun:
        run_id = new_id()
        begin = partial(_begin, run_id=run_id, node_id=node_id, day=day, trigger=trigger, how=how)
        with Router(self.command) as router:
            for _ in range(ATTEMPTS):
                frozen = self.db.write_now(begin)
                if frozen is None or self._searched(router, run_id, frozen, actor, how):
                    break
            else:
                self._end(run_id, TourRunStatus.FAILED, _OVERTAKEN)
        run = self.db.read_now(lambda conn, _: tour_run(conn, run_id))
        if run is None:
            raise LookupError(f"the search {run_id} is gone")
        return run

    def _searched(
        self, router: Router, run_id: str, frozen: TourSnapshot, actor: Actor, how: Mending | None
    ) -> bool:
        """Whether the search has come to an end, good or bad; False when it must be repeated."""
        problem = self._on_streets(frozen)
        # What is mended keeps the order in which it was loaded.
        begin = published_orders if how else start_of
        start = self.db.read_now(lambda conn, _: begin(conn, frozen))
        try:
            routes = self._routes(router, problem, start, how)
        except SolverFailed as why:
            return self._end(run_id, TourRunStatus.FAILED, f"{why} {_STAY}")
        wrong = check(problem, routes)
        if wrong:
            said = f"The tours failed their check and are not used: {' '.join(wrong[:5])} {_STAY}"
            return self._end(run_id, TourRunStatus.REFUSED, said)
        sources = "; ".join(dict.fromkeys(travel.source for travel in problem.travels))
        self.db.write_now(partial(_note, run_id=run_id, streets=sources, problem=problem))
        lines = tour_lines(self.streets, frozen, problem, routes)

        def publish(conn: Connection, now: datetime) -> bool:
            done = publish_tours(
                conn,
                now=now,
                actor=actor,
                run_id=run_id,
                frozen=frozen,
                problem=problem,
                routes=routes,
                lines=lines,
            )
            if done:
                left = [frozen.bookings[drop] for drop in routes.unserved]
                handed = how.unserved(conn, now, [one.id for one in left]) if how and left else frozenset()
                left_out = [one.code for one in left if one.id not in handed]
                tours_work(conn, now, node_id=frozen.node_id, day=frozen.day, left_out=left_out)
            return done

        return self.db.write_now(publish)

    def _routes(
        self,
        router: Router,
        problem: RoutingProblem,
        start: Sequence[Itinerary],
        how: Mending | None,
    ) -> Routes:
        """The routes searched for; or the present orders with what is on no tour.

        Where somebody is left out then, what is not loaded is searched for anew, beginning there.
        """
        found = mended(problem, start) if how else None
        if found is not None and not found.unserved:
            return found
        begin = start if found is None else found.itineraries
        again = router.route(problem, self.limits, begin, wall_s=4 * self.limits.seconds + 120)
        if found is None or len(again.unserved) < len(found.unserved):
            return again
        return found

    def _on_streets(self, frozen: TourSnapshot) -> RoutingProblem:
        """The problem with travel tables; asked outside any transaction."""
        slowed = frozen.slower_bp if any(any(bp != 10_000 for bp in row) for row in frozen.slower_bp) else ()
        travels = tuple(
            replace(
                self.streets.travel(mover, frozen.points, circuity_bp=frozen.circuity_bp), slower_bp=slowed
            )
            for mover in frozen.movers
        )
        return replace(frozen.problem, travels=travels)

    def _end(self, run_id: str, status: TourRunStatus, message: str) -> bool:
        self.db.write_now(partial(_ended, run_id=run_id, status=status, message=message))
        return True


def due_days(conn: Connection, now: datetime) -> list[tuple[str, date]]:
    """The nodes and days with a cut-off that has passed since tours were last found, or are being."""
    booking, pool, run = table_of(DeliveryBooking), table_of(CapacityPool), table_of(TourRun)
    under_way = sa.and_(run.c.status == TourRunStatus.SOLVING, run.c.started_at > now - _UNDER_WAY)
    searched = (
        sa.select(sa.func.max(run.c.started_at))
        .where(
            run.c.node_id == pool.c.node_id,
            run.c.day == pool.c.day,
            sa.or_(run.c.status == TourRunStatus.PUBLISHED, under_way),
        )
        .correlate(pool)
        .scalar_subquery()
    )
    waiting = (
        sa.select(pool.c.node_id, pool.c.day)
        .join(booking, booking.c.pool_id == pool.c.id)
        .where(
            booking.c.status == BookingStatus.CONFIRMED,
            booking.c.cutoff_at <= now,
            booking.c.starts_at > now,
            sa.or_(searched.is_(None), searched < booking.c.cutoff_at),
        )
        .distinct()
        .order_by(pool.c.day, pool.c.node_id)
    )
    return [(row.node_id, row.day) for row in conn.execute(waiting)]


def booked_days(conn: Connection, now: datetime, *, ahead: timedelta) -> list[tuple[str, date]]:
    """The nodes and days with bookings whose windows begin within `ahead`."""
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    query = (
        sa.select(pool.c.node_id, pool.c.day)
        .join(booking, booking.c.pool_id == pool.c.id)
        .where(
            booking.c.status == BookingStatus.CONFIRMED,
            booking.c.starts_at > now,
            booking.c.starts_at < now + ahead,
        )
        .distinct()
        .order_by(pool.c.day, pool.c.node_id)
    )
    return [(row.node_id, row.day) for row in conn.execute(query)]


def _begin(
    conn: Connection,
    now: datetime,
    *,
    run_id: str,
    node_id: str,
    day: date,
    trigger: str,
    how: Mending | None = None,
) -> TourSnapshot | None:
    """Freeze the problem and open a run; None when the data cannot work, which the run then says."""
    run = table_of(TourRun)
    older = sa.and_(run.c.node_id == node_id, run.c.day == day, run.c.status == TourRunStatus.SOLVING)
    conn.execute(
        sa.update(run)
        .where(older, run.c.id != run_id)
        .values(status=TourRunStatus.FAILED, finished_at=now, message=_BURIED)
    )
    known = conn.execute(sa.select(run.c.status).where(run.c.id == run_id)).scalar_one_or_none()
    if known is None:
        add(
            conn,
            TourRun(
                id=run_id,
                node_id=node_id,
                day=day,
                status=TourRunStatus.SOLVING,
                trigger=trigger,
                started_at=now,
            ),
        )
    elif known is not TourRunStatus.SOLVING:
        return None
    try:
        loading = LOADED_BEFORE if how else timedelta()
        ready = how.ready if how else {}
        return tour_snapshot(conn, now=now, node_id=node_id, day=day, loading=loading, ready=ready)
    except NothingToPlan as why:
        said = why.message
    except (ValueError, LookupError, ArithmeticError) as why:
        said = f"The data cannot be routed with ({type(why).__name__}: {why})."
    _ended(conn, now, run_id=run_id, status=TourRunStatus.REFUSED, message=f"{said} {_STAY}")
    return None


def _note(conn: Connection, _now: datetime, *, run_id: str, streets: str, problem: RoutingProblem) -> None:
    run = table_of(TourRun)
    kept = zlib.compress(routing_to_json(problem), 6)
    conn.execute(
        sa.update(run)
        .where(run.c.id == run_id)
        .values(streets=streets, currency=problem.currency, problem=kept)
    )


def _ended(conn: Connection, now: datetime, *, run_id: str, status: TourRunStatus, message: str) -> None:
    run = table_of(TourRun)
    mine = sa.and_(run.c.id == run_id, run.c.status == TourRunStatus.SOLVING)
    ended = sa.update(run).where(mine).values(status=status, finished_at=now, message=message)
    row = conn.execute(ended.returning(run.c.node_id, run.c.day)).first()
    if row is not None:
        tours_failed(conn, now, node_id=row.node_id, day=row.day, message=message)
