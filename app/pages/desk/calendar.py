"""The calendar: its rules, what one would do to slots, bookings and holds, and who changed what and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.change_calendar import CalendarOutcome, change_calendar
from app.errors import NotFound, Refusal
from app.pages.desk.fields import FORMS, Form, drafted, filled, summed_up
from app.pages.desk.pools import zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.slots.drafts import Draft
from app.slots.overview import Overview, changes, overview
from app.slots.rules import CutoffKind, RuleKind, Weekday
from app.slots.tables import CalendarChange

_CHANGES = 20


class NoSuchRule(NotFound):
    """The calendar has no such kind of rule; choose one on its page."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """All rules with what rules may refer to, the newest changes, and the zone of the city's clocks."""

    rules: Overview
    history: Sequence[CalendarChange]
    zone: str


async def show(request: Request, desk: Desk) -> Response:
    """Every rule, and who changed which when and why."""
    found = await _read(request, desk)
    return desk_page(
        request,
        desk,
        "calendar.html",
        calendar=found,
        forms=FORMS,
        said=lambda form, draft: summed_up(form, draft, found.zone),
        done=request.query_params.get("done"),
    )


async def edit(request: Request, desk: Desk) -> Response:
    """The form of a rule: as it stands, as it was told, or empty."""
    form = _form(request)
    found = await _read(request, desk)
    told = dict(request.query_params)
    standing = next((d for d in found.rules.rules[form.kind] if d.key == told.get("key")), None)
    if standing is not None and "because" not in told:
        told |= filled(form, standing, found.zone)
    return _page(request, desk, form, found, told, outcome=None, problem=None)


async def preview(request: Request, desk: Desk) -> Response:
    """What saving or removing the rule in the address would do; all of it is taken back again."""
    form = _form(request)
    return await _tried(request, desk, form, dict(request.query_params), dry_run=True)


async def act(request: Request, desk: Desk) -> Response:
    """Save or remove what was looked at."""
    told = {name: str(value) for name, value in (await request.form()).items()}
    return await _tried(request, desk, _form(request), told, dry_run=False)


async def _tried(
    request: Request, desk: Desk, form: Form, told: Mapping[str, str], *, dry_run: bool
) -> Response:
    found = await _read(request, desk)
    try:
        outcome = await world_of(request).db.write(
            partial(_change, desk=desk, form=form, told=told, zone=found.zone, dry_run=dry_run)
        )
    except Refusal as refusal:
        return _page(request, desk, form, found, told, outcome=None, problem=refusal)
    if dry_run:
        return _page(request, desk, form, found, told, outcome=outcome, problem=None)
    done = urlencode({"done": f"{form.one} {told.get('key', '')}"})
    return RedirectResponse(f"/operator/calendar?{done}", 303)


def _change(
    conn: Connection,
    now: datetime,
    *,
    desk: Desk,
    form: Form,
    told: Mapping[str, str],
    zone: str,
    dry_run: bool,
) -> CalendarOutcome:
    which: dict[str, Any] = (
        {"removed": (form.kind, told.get("key", ""))}
        if told.get("do") == "remove"
        else {"draft": drafted(form, told, zone)}
    )
    because = told.get("because", "")
    return change_calendar(conn, now=now, actor=desk.actor, reason=because, dry_run=dry_run, **which)


async def _read(request: Request, desk: Desk) -> Calendar:
    def look(conn: Connection, _now: datetime) -> Calendar:
        return Calendar(
            rules=overview(conn, actor=desk.actor),
            history=changes(conn, actor=desk.actor, key=None, limit=_CHANGES, before=None),
            zone=zone_of_city(conn),
        )

    return await world_of(request).db.read(look)


def _form(request: Request) -> Form:
    kind = request.path_params["kind"].upper()
    if kind not in set(RuleKind):
        raise NoSuchRule
    return FORMS[RuleKind(kind)]


def _page(
    request: Request,
    desk: Desk,
    form: Form,
    found: Calendar,
    told: Mapping[str, str],
    *,
    outcome: CalendarOutcome | None,
    problem: Refusal | None,
) -> Response:
    names = [name for name in told if name not in ("form", "do", "because")]
    return desk_page(
        request,
        desk,
        "rule.html",
        form=form,
        told=told,
        names=names,
        outcome=outcome,
        zone=found.zone,
        choices=_choices(found.rules),
        weekdays=list(Weekday),
        removing=told.get("do") == "remove",
        known=any(draft.key == told.get("key") for draft in found.rules.rules[form.kind]),
        problem=problem,
        wrong=re.sub("(?=[A-Z])", "_", problem.field[-1]).lower() if problem and problem.field else None,
        status=422 if problem else 200,
    )


def _choices(rules: Overview) -> dict[str, list[tuple[str, str]]]:
    """What the fields that choose may choose from, each with its words."""

    def keys(kind: RuleKind) -> list[tuple[str, str]]:
        return [(rule.key, _called(rule)) for rule in rules.rules[kind]]

    return {
        "zone": [(zone.code, f"{zone.code} · {zone.name}") for zone in rules.zones],
        "node": [(node.key, node.name) for node in rules.nodes],
        "storefront": [(one.key, one.name) for one in rules.storefronts],
        "template": keys(RuleKind.TEMPLATE),
        "cutoff": keys(RuleKind.CUTOFF),
        "timetable": keys(RuleKind.TIMETABLE),
        "wave": keys(RuleKind.PICK_WAVE),
        "counted": [
            (CutoffKind.ELAPSED, "in elapsed time before the start"),
            (CutoffKind.DAYS_BEFORE, "in days, at a wall-clock time"),
            (CutoffKind.WAVE, "as a wave: everything of a day at once"),
        ],
    }


def _called(rule: Draft) -> str:
    name = getattr(rule, "name", None)
    return f"{rule.key} · {name}" if name else rule.key
