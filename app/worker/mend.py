"""Mend published tours after a disruption: what lost its vehicle goes on others, whose order stays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from app.database.rows import by_id
from app.disruption.repair import unserved_by_tours
from app.disruption.tables import Disruption
from app.jobs import Job
from app.tours.run_status import TourRunStatus
from app.worker.tours import Mending, TourPlanner
from app.world.world import World


class NotMended(Exception):
    """The tours stay as they are; the run says why."""


async def mend_tours(world: World, job: Job) -> None:
    """Bring what is on no tour of a node and day; what still fits nowhere is brought by a partner courier."""
    disruption_id = job.payload.get("disruption_id")
    how = Mending(
        ready={key: datetime.fromisoformat(at) for key, at in job.payload.get("ready", {}).items()},
        unserved=partial(_handed, disruption_id=disruption_id),
    )
    node_id, day = str(job.payload["node_id"]), date.fromisoformat(job.payload["day"])
    planner = TourPlanner(world.db, world.streets, world.tour_limits)
    run = await asyncio.to_thread(partial(planner.mend, node_id, day, how, trigger="disruption"))
    if run.status is not TourRunStatus.PUBLISHED:
        raise NotMended(run.message)


def _handed(
    conn: Connection, now: datetime, booking_ids: Sequence[str], *, disruption_id: str | None
) -> frozenset[str]:
    disruption = by_id(conn, Disruption, disruption_id) if disruption_id else None
    if disruption is None:
        return frozenset()
    return unserved_by_tours(conn, now=now, disruption=disruption, booking_ids=booking_ids)
