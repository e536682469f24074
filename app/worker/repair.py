"""Repair a disruption from end to end, and later bring what nobody answered by partner courier."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.allocation.orders import OrderLimits
from app.allocation.rules import RunStatus
from app.assignment.rules import AssignmentTrigger
from app.assignment.tables import AssignmentFigures, AssignmentRun
from app.database.rows import by_id, rows, table_of
from app.database.runner import Database
from app.disruption.extend import extend_disruption
from app.disruption.published import hit_by
from app.disruption.repair import publish_repair, scope_of, settle_disruption
from app.disruption.rules import DisruptionStatus, alert_cause
from app.disruption.tables import Disruption
from app.jobs import Job
from app.worker.assign import assign
from app.world.world import World

# A repair is wanted at once: customers are on their way home.
_LIMITS = OrderLimits(seconds=2.0, gap=0.002)


class RepairFailed(Exception):
    """There is no repair to publish; the disruption says why."""


async def repair(world: World, job: Job) -> None:
    """Plan the bookings of a disruption anew, day by day; days that are repaired are let be."""
    disruption_id = str(job.payload["disruption_id"])

    def work() -> None:
        found = world.db.read_now(lambda conn, _: by_id(conn, Disruption, disruption_id))
        for day in found.open_days if found else ():
            run = _repair(world.db, disruption_id, date.fromisoformat(day))
            if run is not None and run.status is not RunStatus.PUBLISHED:
                raise RepairFailed(run.message)

    await asyncio.to_thread(work)


def _repair(db: Database, disruption_id: str, day: date) -> AssignmentRun | None:
    disruption = db.read_now(lambda conn, _: by_id(conn, Disruption, disruption_id))
    if disruption is None or day.isoformat() not in disruption.open_days:
        return None
    hit = db.read_now(lambda conn, now: hit_by(conn, now=now, disruption=disruption, day=day))
    figures = db.read_now(
        lambda conn, _: rows(conn, AssignmentFigures, sa.select(table_of(AssignmentFigures)))
    )
    limit_min = figures[0].chilled_limit_min if figures else AssignmentFigures(city_id="").chilled_limit_min
    run = assign(
        db,
        day=day,
        trigger=AssignmentTrigger.DISRUPTION,
        scope=scope_of(hit, disruption),
        limits=_LIMITS,
        publish=partial(
            publish_repair, disruption=disruption, hit=hit, chilled_limit=timedelta(minutes=limit_min)
        ),
        disruption_id=disruption.id,
    )
    if run.status is not RunStatus.PUBLISHED:
        db.write_now(partial(_failed, disruption=disruption, message=run.message or run.status))
    return run


def _failed(conn: Connection, now: datetime, *, disruption: Disruption, message: str) -> None:
    table = table_of(Disruption)
    still = sa.and_(table.c.id == disruption.id, table.c.ended_at.is_(None))
    failed = sa.update(table).where(still).values(status=DisruptionStatus.FAILED, message=message)
    if conn.execute(failed).rowcount:
        said = f"{disruption.reason}: {message}"
        raise_alert(
            conn,
            now=now,
            kind=AlertKind.DISRUPTION_UNREPAIRED,
            cause=alert_cause(disruption.id),
            message=said,
        )


async def settle(world: World, job: Job) -> None:
    """Have a partner courier bring what was asked about and not answered in time."""

    def work(conn: Connection, now: datetime) -> None:
        disruption = by_id(conn, Disruption, str(job.payload["disruption_id"]))
        if disruption is not None:
            day = date.fromisoformat(job.payload["day"])
            settle_disruption(conn, now=now, disruption=disruption, day=day)

    await world.db.write(work)


async def extend(world: World, job: Job) -> None:
    """Look after the next day of a disruption that nobody has said is over."""
    disruption_id = str(job.payload["disruption_id"])

    def work(conn: Connection, now: datetime) -> None:
        extend_disruption(conn, now=now, disruption_id=disruption_id)

    await world.db.write(work)
