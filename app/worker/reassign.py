"""Find other vehicles for bookings whose class cannot bring them any more, and tours that know of it."""

from __future__ import annotations

import asyncio
from datetime import date

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.rules import RunStatus
from app.assignment.facts import Scope
from app.assignment.rules import AssignmentTrigger
from app.database.rows import table_of
from app.jobs import Job
from app.tours.tables import Tour
from app.worker.assign import assign
from app.worker.tours import Mending, TourPlanner
from app.world.world import World


class NotReassigned(Exception):
    """Every booking stays where it is; the run says why."""


async def reassign(world: World, job: Job) -> None:
    """Assign the job's bookings anew with all others of their day; published tours are mended."""
    day = date.fromisoformat(job.payload["day"])
    scope = Scope(stranded=frozenset(str(key) for key in job.payload["bookings"]))
    nodes = [str(key) for key in job.payload["nodes"]]

    def work() -> None:
        run = assign(world.db, day=day, trigger=AssignmentTrigger.OPERATOR, scope=scope)
        if run.status is not RunStatus.PUBLISHED:
            raise NotReassigned(run.message)
        planner = TourPlanner(world.db, world.streets, world.tour_limits)
        for node_id in world.db.read_now(lambda conn, _: _driven(conn, day, nodes)):
            planner.mend(node_id, day, Mending(), trigger="skills")

    await asyncio.to_thread(work)


def _driven(conn: Connection, day: date, nodes: list[str]) -> list[str]:
    """Those of the nodes whose tours of the day are published."""
    tour = table_of(Tour)
    found = sa.select(tour.c.node_id).where(tour.c.day == day, tour.c.node_id.in_(nodes)).distinct()
    return sorted(conn.execute(found).scalars())
