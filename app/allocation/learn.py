"""Learn from the tours of the last weeks: minutes per drop where they needed overtime, and the travel law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.travel import KAPPA
from app.database.rows import add, rows, table_of
from app.fleet.rules import Pace
from app.tours.run_status import TourRunStatus
from app.tours.street_paces import NO_PACES, Paces, measured_paces
from app.tours.tables import RoutedWork, TourRun, TravelLaw, WorkScale
from app.tours.window_law import Driven, Law, fit

WEEK = timedelta(days=7)
MONTH = timedelta(days=28)
# A zone and class is believed from so many drops on, and never trusted to be dearer than this.
LEAST_DROPS = 20
MOST_BP = 15_000
LEAST_DAYS = 14
_SUMMED = ("drops", "planned_s", "routed_s", "overtime_s")


@dataclass(frozen=True, slots=True)
class Learned:
    """What a fit changed: the zones and classes whose minutes are scaled, and the law."""

    scales: int
    law: Law


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a plan takes from tours and streets: scales in basis points by zone and class (all others 10,000),
    the constant of the way between drops (None before any is learned), and the paces that were measured."""

    scales: Mapping[tuple[str, str], int] = MappingProxyType({})
    kappa: float | None = None
    paces: Paces = NO_PACES

    def spread(self, pace: Pace, circuity_bp: int) -> float:
        """Metres of streets between drops over `sqrt(area / drops)`: learned from tours, else the study's
        constant, which supposes the city's circuity, with the detours that were measured."""
        return KAPPA * pace.detour_bp / circuity_bp if self.kappa is None else self.kappa


def learn(conn: Connection, *, now: datetime) -> Learned:
    """Fit the scales to the last week's tours and the law to the last four weeks'; call it once a week."""
    scales = _scales(conn, now)
    table = table_of(WorkScale)
    conn.execute(sa.delete(table))
    add(conn, *scales)
    law = fit([driven(run) for run in _last_runs(conn, now, MONTH)])
    if law.samples:
        add(
            conn,
            TravelLaw(
                fitted_at=now, kappa=law.kappa, stem=law.stem, samples=law.samples, mean_error=law.mean_error
            ),
        )
    return Learned(len(scales), law)


def scale_bp(before_bp: int, *, drops: int, planned_s: int, routed_s: int, overtime_s: int) -> int:
    """How many times the counted minutes drops take, in basis points, from 1 to 1.5.

    What was planned had the scale of before in it: `tau' = tau * before * routed / planned` where the tours
    needed overtime. Where they needed none a scale goes a quarter of the way there, and none begins. Too few
    drops tell nothing.
    """
    if drops < LEAST_DROPS or planned_s <= 0:
        return before_bp
    found = max(10_000, min(MOST_BP, round(before_bp * routed_s / planned_s)))
    if overtime_s:
        return found
    return before_bp if before_bp == 10_000 else before_bp + (found - before_bp) // 4


def lessons(conn: Connection) -> Lessons:
    """What the tours have taught so far; the law is believed once it was fitted to a fortnight of tours."""
    found = rows(conn, WorkScale, sa.select(table_of(WorkScale)))
    scales = {(one.zone_id, one.vehicle_class_id): one.scale_bp for one in found}
    law, paces = newest_law(conn), measured_paces(conn)
    if law is None or law.samples < LEAST_DAYS:
        return Lessons(scales, None, paces)
    # Days that tell little of one term (all alike, one trip each) must not carry the plan away.
    return Lessons(scales, max(KAPPA / 2, min(KAPPA * 2, law.kappa)), paces)


def newest_law(conn: Connection) -> TravelLaw | None:
    """The law that was fitted last."""
    law = table_of(TravelLaw)
    found = rows(conn, TravelLaw, sa.select(law).order_by(law.c.fitted_at.desc(), law.c.id.desc()).limit(1))
    return found[0] if found else None


def driven(run: TourRun) -> Driven:
    """A run's figures as the law takes them."""
    return Driven(run.drops, run.trips, run.area_m2, run.away_m, run.windows, run.distance_m)


def _scales(conn: Connection, now: datetime) -> list[WorkScale]:
    """The scales after the last week; the newest run of each node and day counts, repeated ones do not."""
    before = {
        (one.zone_id, one.vehicle_class_id): one
        for one in rows(conn, WorkScale, sa.select(table_of(WorkScale)))
    }
    work = table_of(RoutedWork)
    newest = [run.id for run in _last_runs(conn, now, WEEK)]
    sums = [sa.func.sum(work.c[name]).label(name) for name in _SUMMED]
    place = (work.c.zone_id, work.c.vehicle_class_id)
    summed = conn.execute(sa.select(*place, *sums).where(work.c.run_id.in_(newest)).group_by(*place))
    found = dict(before)
    for row in summed:
        key = (row.zone_id, row.vehicle_class_id)
        told = {name: int(getattr(row, name)) for name in _SUMMED}
        scale = scale_bp(before[key].scale_bp if key in before else 10_000, **told)
        found[key] = WorkScale(
            zone_id=row.zone_id,
            vehicle_class_id=row.vehicle_class_id,
            scale_bp=scale,
            drops=told["drops"],
            overtime_s=told["overtime_s"],
            fitted_at=now,
        )
    return [found[key] for key in sorted(found) if found[key].scale_bp != 10_000]


def _last_runs(conn: Connection, now: datetime, since: timedelta) -> list[TourRun]:
    """The last published run of each node and day since then."""
    run = table_of(TourRun)
    query = (
        sa.select(run)
        .where(run.c.status == TourRunStatus.PUBLISHED, run.c.started_at > now - since)
        .order_by(run.c.started_at, run.c.id)
    )
    return list({(one.node_id, one.day): one for one in rows(conn, TourRun, query)}.values())
