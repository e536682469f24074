"""Disruptions: what goes on, one with its repair and why; looking before one is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.database.rows import rows, table_of
from app.disruption.affected import Affected
from app.disruption.end import end_disruption
from app.disruption.errors import InvalidDisruption
from app.disruption.report import preview_disruption, report_disruption
from app.disruption.rules import DisruptionKind, Incident
from app.disruption.seen import SeenDisruption, seen_disruptions, seen_repair, what_failed
from app.disruption.tables import Disruption
from app.errors import Refusal
from app.fleet.rules import VehicleKind
from app.fleet.tables import Vehicle
from app.pages.desk.pools import zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.places.tables import FulfilmentNode

_PAST, _LINES = 20, 200
_TOLD = ("kind", "vehicle", "node", "vehicle_kind", "street", "starts_at", "ends_at", "reason")
# The fields of the form, by what a refusal calls them.
_FIELDS = {
    "vehicleName": "vehicle", "nodeId": "node", "vehicleKind": "vehicle_kind", "streetName": "street",
    "startsAt": "starts_at", "endsAt": "ends_at", "reason": "reason", "kind": "kind",
}  # fmt: skip
KINDS = {
    DisruptionKind.VEHICLE: ("A vehicle", "It drives no tour, loaded or not. Choose which one."),
    DisruptionKind.COURIER: ("A courier", "Choose the vehicle nobody drives, or the place and the kind."),
    DisruptionKind.NODE: ("A place", "Nothing is picked or brought from there. Choose which one."),
    DisruptionKind.STREET: ("A street", "No motor vehicle reaches its addresses. Write its name."),
}


@dataclass(frozen=True, slots=True)
class Form:
    """What the form may choose from, and the zone and time of its clocks."""

    vehicles: Sequence[Vehicle]
    nodes: Sequence[FulfilmentNode]
    zone: str
    now: datetime


async def listing(request: Request, desk: Desk) -> Response:
    """What goes on, and the newest that is over."""

    def look(conn: Connection, now: datetime) -> tuple[list[SeenDisruption], str]:
        return seen_disruptions(conn, now=now, actor=desk.actor, limit=_PAST), zone_of_city(conn)

    found, zone = await world_of(request).db.read(look)
    return desk_page(
        request,
        desk,
        "disruptions.html",
        going_on=[one for one in found if not one.is_over],
        over=[one for one in found if one.is_over],
        zone=zone,
        what=what_failed,
    )


async def show(request: Request, desk: Desk) -> Response:
    """One disruption: what moved, who was asked, what a partner courier brings, and why."""
    return await _shown(request, desk, told={}, problem=None)


async def _shown(
    request: Request, desk: Desk, *, told: Mapping[str, str], problem: Refusal | None
) -> Response:
    disruption_id = request.path_params["disruption_id"]

    def look(conn: Connection, now: datetime) -> tuple[object, str]:
        seen = seen_repair(conn, now=now, actor=desk.actor, disruption_id=disruption_id, limit=_LINES)
        return seen, zone_of_city(conn)

    repair, zone = await world_of(request).db.read(look)
    return desk_page(
        request,
        desk,
        "disruption.html",
        repair=repair,
        zone=zone,
        what=what_failed,
        most=_LINES,
        told=told,
        problem=problem,
        done=request.query_params.get("done"),
        status=422 if problem else 200,
    )


async def preview(request: Request, desk: Desk) -> Response:
    """The form; once it is filled in, what the disruption would touch. Nothing is written."""
    return await _asked(request, desk, dict(request.query_params), problem=None)


async def report(request: Request, desk: Desk) -> Response:
    """Note what was looked at; sending the form twice notes it once."""
    told = {name: str(value) for name, value in (await request.form()).items()}
    try:
        noted = await world_of(request).db.write(partial(_report, desk=desk, told=told))
    except Refusal as refusal:
        return await _asked(request, desk, told, problem=refusal)
    return RedirectResponse(f"/operator/disruptions/{noted.id}?done=reported", 303)


async def end(request: Request, desk: Desk) -> Response:
    """Say that one is over; sending the form twice ends it once."""
    told = {name: str(value) for name, value in (await request.form()).items()}
    disruption_id = request.path_params["disruption_id"]
    try:
        await world_of(request).db.write(partial(_end, desk=desk, told=told, disruption_id=disruption_id))
    except InvalidDisruption as refusal:
        return await _shown(request, desk, told=told, problem=refusal)
    return RedirectResponse(f"/operator/disruptions/{disruption_id}?done=ended", 303)


async def _asked(
    request: Request, desk: Desk, told: Mapping[str, str], *, problem: Refusal | None
) -> Response:
    form = await world_of(request).db.read(_form)
    found = None
    if problem is None and "reason" in told:
        try:
            found = await world_of(request).db.read(partial(_foreseen, desk=desk, told=told))
        except Refusal as refusal:
            problem = refusal
    return desk_page(
        request,
        desk,
        "report_disruption.html",
        form=form,
        kinds=KINDS,
        vehicle_kinds=list(VehicleKind),
        names=_TOLD,
        told={"starts_at": f"{form.now:%Y-%m-%dT%H:%M}", **told},
        found=found,
        problem=problem,
        wrong=_FIELDS.get(problem.field[-1]) if problem and problem.field else None,
        status=422 if problem else 200,
    )


def _form(conn: Connection, now: datetime) -> Form:
    zone = zone_of_city(conn)
    vehicle, node = table_of(Vehicle), table_of(FulfilmentNode)
    return Form(
        vehicles=rows(conn, Vehicle, sa.select(vehicle).order_by(vehicle.c.name)),
        nodes=rows(conn, FulfilmentNode, sa.select(node).order_by(node.c.name)),
        zone=zone,
        now=now.astimezone(ZoneInfo(zone)),
    )


def _foreseen(conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str]) -> Affected:
    return preview_disruption(
        conn, now=now, actor=desk.actor, incident=incident_told(told, zone_of_city(conn))
    )


def _report(conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str]) -> Disruption:
    incident = incident_told(told, zone_of_city(conn))
    return report_disruption(conn, now=now, actor=desk.actor, incident=incident, key=told.get("key", ""))


def _end(
    conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str], disruption_id: str
) -> Disruption:
    return end_disruption(
        conn,
        now=now,
        actor=desk.actor,
        disruption_id=disruption_id,
        reason=told.get("reason", ""),
        key=told.get("key", ""),
    )


def incident_told(told: Mapping[str, str], zone: str) -> Incident:
    """The incident that a filled-in form means, its instants on the clocks of `zone`.

    What a kind does not ask for is left out, whatever stands there. Raises InvalidDisruption.
    """
    kind = told.get("kind", "")
    if kind not in set(DisruptionKind):
        raise InvalidDisruption(field=("kind",), what="Choose what failed.")
    starts_at = _instant(told, "starts_at", zone)
    if starts_at is None:
        raise InvalidDisruption(field=("startsAt",), what="Say from when.")
    asks = {
        DisruptionKind.VEHICLE: ("vehicle",),
        DisruptionKind.COURIER: ("vehicle", "node", "vehicle_kind"),
        DisruptionKind.NODE: ("node",),
        DisruptionKind.STREET: ("street",),
    }[DisruptionKind(kind)]
    given = {name: told.get(name, "").strip() or None for name in asks}
    vehicle_kind = given.get("vehicle_kind")
    return Incident(
        kind=DisruptionKind(kind),
        starts_at=starts_at,
        ends_at=_instant(told, "ends_at", zone),
        reason=told.get("reason", ""),
        vehicle_name=given.get("vehicle"),
        node_id=given.get("node"),
        vehicle_kind=VehicleKind(vehicle_kind) if vehicle_kind in set(VehicleKind) else None,
        street_name=given.get("street"),
    )


def _instant(told: Mapping[str, str], name: str, zone: str) -> datetime | None:
    text = told.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError as why:
        field = "startsAt" if name == "starts_at" else "endsAt"
        raise InvalidDisruption(field=(field,), what="Write the time like 2026-11-25T18:00.") from why
