"""Reads of plan runs with more than one caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import Plan, Problem, unpacked, unpacked_plan
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun, BindingLimit, DayPlan, ZoneOpening
from app.database.rows import one_or_none, rows, table_of
from app.places.tables import ServiceZone
from app.values.window import Window, ZonedWindow

# Question and answer are large and only a replay wants them.
SHOWN = [c for c in table_of(AllocationRun).columns if c.name not in ("problem", "plan", "outline")]


def run_of(conn: Connection, run_id: str | None = None) -> AllocationRun | None:
    """The run with this id, or the newest that was published; without question and answer."""
    run = table_of(AllocationRun)
    query = sa.select(*SHOWN)
    if run_id is None:
        published = run.c.status == RunStatus.PUBLISHED
        query = query.where(published).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(1)
    else:
        query = query.where(run.c.id == run_id)
    return one_or_none(conn, AllocationRun, query)


def newest_run(conn: Connection) -> AllocationRun | None:
    """The newest run, whatever became of it."""
    run = table_of(AllocationRun)
    query = sa.select(*SHOWN).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(1)
    return one_or_none(conn, AllocationRun, query)


def binding_limits(conn: Connection, run_id: str) -> Sequence[BindingLimit]:
    """What limited a run, the dearest first."""
    limit = table_of(BindingLimit)
    query = sa.select(limit).where(limit.c.run_id == run_id).order_by(limit.c.worth_minor.desc(), limit.c.id)
    return rows(conn, BindingLimit, query)


@dataclass(frozen=True, slots=True)
class OpenedZone:
    """Which elementary windows a run opens in a zone on a local day, and which not."""

    zone: ServiceZone
    day: date
    opened: tuple[ZonedWindow, ...]
    unopened: tuple[ZonedWindow, ...]
    short_orders: float
    short_windows: float


def zone_openings(conn: Connection, run_id: str, day: date) -> list[OpenedZone]:
    """What a run opens on a day, in order of the zones' codes; nothing of zones without an opening rule."""
    opening = table_of(ZoneOpening)
    chosen = sa.select(opening).where(opening.c.run_id == run_id, opening.c.day == day)
    found = {one.zone_id: one for one in rows(conn, ZoneOpening, chosen)}
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    return [
        OpenedZone(
            zone=zone,
            day=day,
            opened=_zoned(found[zone.id].opened, zone.time_zone),
            unopened=_zoned(found[zone.id].unopened, zone.time_zone),
            short_orders=found[zone.id].short_orders,
            short_windows=found[zone.id].short_windows,
        )
        for zone in zones
        if zone.id in found
    ]


def _zoned(spans: Sequence[Sequence[str]], time_zone: str) -> tuple[ZonedWindow, ...]:
    read = (Window(*(datetime.fromisoformat(instant) for instant in span)) for span in spans)
    return tuple(ZonedWindow(window, time_zone) for window in read)


def day_plans(conn: Connection, run_id: str) -> Sequence[DayPlan]:
    """The certificates of a run's days."""
    plan = table_of(DayPlan)
    return rows(conn, DayPlan, sa.select(plan).where(plan.c.run_id == run_id).order_by(plan.c.day))


def question_and_answer(conn: Connection, run_id: str) -> tuple[Problem, Plan] | None:
    """The frozen problem of a published run and the plan it got; None for any other run."""
    run = table_of(AllocationRun)
    row = conn.execute(sa.select(run.c.problem, run.c.plan).where(run.c.id == run_id)).one_or_none()
    if row is None or row.problem is None or row.plan is None:
        return None
    return unpacked(row.problem), unpacked_plan(row.plan)
