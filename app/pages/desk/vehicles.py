"""Vehicles: the classes there are, where they are at home, and what they and their crews can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.allocation.tables import PlanningFigures
from app.booking.describe_class import DescribedClass, describe_class
from app.capacity.errors import ReasonMissing
from app.database.rows import rows, table_of
from app.errors import Refusal
from app.fleet.errors import VehicleClassNotFound
from app.fleet.rules import skills_of
from app.fleet.seen import ClassChange, SeenClass, class_changes, seen_classes
from app.pages.desk.pools import zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.places.tables import FulfilmentNode
from app.tours.street_paces import street_paces
from app.tours.tables import StreetPace
from app.values.basket import NEEDED, VehicleSkill

_CHANGES = 20
# What each skill means to somebody who describes a class.
SKILLS: Mapping[VehicleSkill, tuple[str, str]] = {
    VehicleSkill.AGE_CHECK: ("Age checks", "The crew looks at papers and hands over to adults only."),
    VehicleSkill.LARGE_ITEMS: ("Large items", "It has a floor for what fits no box."),
    VehicleSkill.TWO_PEOPLE: ("Two people", "Two come, for what one cannot carry."),
    VehicleSkill.TAIL_LIFT: ("Tail-lift", "It sets down what nobody can lift."),
}


@dataclass(frozen=True, slots=True)
class Fleet:
    """All that the pages show: the classes, the names of nodes, the newest changes, how ways were measured to
    go by node and class, zone and currency."""

    classes: Sequence[SeenClass]
    nodes: Mapping[str, str]
    changes: Sequence[ClassChange]
    ways: Mapping[tuple[str, str], StreetPace]
    zone: str
    currency: str

    def of(self, class_id: str) -> SeenClass:
        """One of the classes; raises VehicleClassNotFound."""
        found = next((one for one in self.classes if one.row.id == class_id), None)
        if found is None:
            raise VehicleClassNotFound
        return found


async def listing(request: Request, desk: Desk) -> Response:
    """Every class with its vehicles and what it can do, and who said so."""
    fleet = await world_of(request).db.read(_fleet)
    names = {one.row.id: one.row.name for one in fleet.classes}
    done = names.get(request.query_params.get("done", ""))
    return desk_page(request, desk, "vehicles.html", fleet=fleet, names=names, skills=SKILLS, done=done)


async def describe(request: Request, desk: Desk) -> Response:
    """The form; once it is filled in, what it would do. Nothing is written."""
    return await _asked(request, desk, dict(request.query_params), problem=None)


async def change(request: Request, desk: Desk) -> Response:
    """Say what was looked at; sending the form twice says it once."""
    told = {name: str(value) for name, value in (await request.form()).items()}
    class_id = request.path_params["class_id"]
    try:
        await world_of(request).db.write(
            partial(_described, desk=desk, class_id=class_id, told=told, dry_run=False)
        )
    except ReasonMissing as refusal:
        return await _asked(request, desk, told, problem=refusal)
    return RedirectResponse(f"/operator/vehicles?done={class_id}", 303)


async def _asked(
    request: Request, desk: Desk, told: Mapping[str, str], *, problem: Refusal | None
) -> Response:
    class_id, db = request.path_params["class_id"], world_of(request).db
    fleet = await db.read(_fleet)
    seen = fleet.of(class_id)
    found: DescribedClass | None = None
    if problem is None and "reason" in told:
        try:
            found = await db.read(partial(_described, desk=desk, class_id=class_id, told=told, dry_run=True))
        except ReasonMissing as refusal:
            problem = refusal
    return desk_page(
        request,
        desk,
        "vehicle_class.html",
        seen=seen,
        zone=fleet.zone,
        skills=SKILLS,
        usual=skills_of(seen.row.kind, None),
        goods={skill: trait for trait, skill in NEEDED.items()},
        told=_stands(seen) if "reason" not in told else told,
        after=skills_of(seen.row.kind, skills_told(told)),
        same=skills_told(told) == seen.row.skills,
        found=found,
        problem=problem,
        status=422 if problem else 200,
    )


def skills_told(told: Mapping[str, str]) -> frozenset[VehicleSkill] | None:
    """The skills that a filled-in form means; None: what is usual for the kind."""
    if told.get("what", "usual") == "usual":
        return None
    return frozenset(skill for skill in VehicleSkill if told.get(skill.lower()))


def _stands(seen: SeenClass) -> dict[str, str]:
    """The form as it would be filled in today."""
    what = "usual" if seen.row.skills is None else "told"
    return {"what": what, **{skill.lower(): "1" for skill in seen.row.able}}


def _described(
    conn: Connection, now: datetime, *, desk: Desk, class_id: str, told: Mapping[str, str], dry_run: bool
) -> DescribedClass:
    return describe_class(
        conn,
        now=now,
        actor=desk.actor,
        class_id=class_id,
        skills=skills_told(told),
        reason=told.get("reason", ""),
        dry_run=dry_run,
    )


def _fleet(conn: Connection, now: datetime) -> Fleet:
    classes = seen_classes(conn, now=now)
    nodes = rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)))
    currency: str | None = conn.execute(sa.select(table_of(PlanningFigures).c.currency).limit(1)).scalar()
    return Fleet(
        classes=classes,
        nodes={node.id: node.name for node in nodes},
        changes=class_changes(conn, class_ids=[one.row.id for one in classes], limit=_CHANGES),
        ways={(one.node_id, one.vehicle_class_id): one for one in street_paces(conn)},
        zone=zone_of_city(conn),
        currency=currency or "EUR",
    )
