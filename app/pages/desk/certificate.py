"""The proof of the plan on the desk, what limits it, the runs that failed since, and what it changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.allocation.plan_changes import DayDifference, PlanChangeKind, PlanChanges
from app.allocation.plan_history import ChangesSince, changes_of_run
from app.allocation.queries import binding_limits, day_plans
from app.allocation.tables import BindingLimit, DayPlan
from app.database.rows import rows, table_of
from app.fleet.tables import VehicleClass
from app.pages.desk.city_sheet import CitySheet, city_sheet
from app.pages.desk.plan_line import PlanLine, plan_line
from app.pages.desk.pools import day_of
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.places.city_map import CityMap, city_map
from app.values.window import local_day

# A line of a table for every change is too much beyond this.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Proof:
    """A plan's certificate with those of its days, and what limits it."""

    line: PlanLine
    days: Sequence[DayPlan]
    limits: Sequence[BindingLimit]

    @property
    def by_limit(self) -> dict[str, list[BindingLimit]]:
        """The limits of each kind together, the dearest kind first: units do not compare."""
        found: dict[str, list[BindingLimit]] = {}
        for limit in self.limits:
            found.setdefault(limit.limit_name, []).append(limit)
        return found


async def show(request: Request, desk: Desk) -> Response:
    """Objective, bound and gap in words, what would have to give, and every later run that failed."""

    def look(conn: Connection, _now: datetime) -> Proof:
        line = plan_line(conn)
        if line.run is None:
            return Proof(line, (), ())
        return Proof(line, day_plans(conn, line.run.id), binding_limits(conn, line.run.id))

    proof = await world_of(request).db.read(look)
    return desk_page(
        request,
        desk,
        "plan_certificate.html",
        proof=proof,
        line=proof.line,
        zone=proof.line.time_zone,
        same_day=partial(_same_day, proof.line.time_zone),
        asked_day=day_of(request.query_params.get("day", "")),
    )


def _same_day(zone: str, first: datetime, second: datetime) -> bool:
    return local_day(first, zone) == local_day(second, zone)


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """How much of a day a plan changes: pools by kind of change, vehicles of shifts, and what it earns."""

    day: date
    kinds: Counter[PlanChangeKind]
    added: int
    removed: int
    difference: DayDifference | None

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self.kinds or self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Changed:
    """What the plan that sells changed, day by day, and the day that is looked at."""

    line: PlanLine
    since: ChangesSince | None
    days: Sequence[ChangedDay]
    chosen: date | None
    of_day: PlanChanges | None
    sheet: CitySheet
    names: dict[str, str]

    @property
    def drops(self) -> Counter[str]:
        """By how many planned drops each zone grows over the chosen day."""
        found: Counter[str] = Counter()
        for one in self.of_day.zones if self.of_day else ():
            found[one.zone_id] += one.drops_after - one.drops_before
        return found


async def changes(request: Request, desk: Desk) -> Response:
    """What the plan that sells changed against the one before it."""
    wanted = day_of(request.query_params.get("day", ""))
    found = await world_of(request).db.read(partial(_changed, wanted=wanted))
    return desk_page(
        request,
        desk,
        "plan_changes.html",
        of=found,
        names=found.names,
        line=found.line,
        zone=found.line.time_zone,
        kinds=list(PlanChangeKind),
        most=_MOST,
    )


def _changed(conn: Connection, _now: datetime, *, wanted: date | None) -> Changed:
    since = changes_of_run(conn)
    days = changed_days(since.changes) if since else []
    known = [one.day for one in days]
    first = next((one.day for one in days if one.is_changed), known[0] if known else None)
    chosen = wanted if wanted in known else first
    city = city_map(conn)
    return Changed(
        line=plan_line(conn),
        since=since,
        days=days,
        chosen=chosen,
        of_day=since.changes.of(chosen) if since and chosen else None,
        sheet=city_sheet(city),
        names=_names(conn, city),
    )


def changed_days(changes: PlanChanges) -> list[ChangedDay]:
    """The changes of each day that both plans have, counted."""
    found = []
    for difference in changes.days:
        of = changes.of(difference.day)
        steps = [one.after - one.before for one in of.shifts]
        found.append(
            ChangedDay(
                day=difference.day,
                kinds=Counter(one.kind for one in of.pools),
                added=sum(step for step in steps if step > 0),
                removed=-sum(step for step in steps if step < 0),
                difference=difference,
            )
        )
    return found


def _names(conn: Connection, city: CityMap) -> dict[str, str]:
    """What people call classes of vehicles, nodes and zones, by their ids."""
    kinds = rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))
    named: dict[str, str] = {kind.id: kind.name for kind in kinds}
    named |= {node.id: node.name for node in city.nodes}
    return named | {zone.id: zone.code for zone in city.zones}
