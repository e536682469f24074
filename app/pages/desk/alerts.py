"""What operators must know of, and the page of the desk where each thing can be looked into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.alerts.acknowledge import acknowledge
from app.alerts.queries import alerts
from app.alerts.rules import AlertKind
from app.alerts.tables import OperatorAlert
from app.pages.desk.pools import zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of

_MOST = 100


@dataclass(frozen=True, slots=True)
class Onward:
    """Where an alert can be looked into: the address and its words."""

    href: str
    words: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts that are open, and the newest that are over, at the clocks of `zone`."""

    still: Sequence[OperatorAlert]
    over: Sequence[OperatorAlert]
    zone: str


async def show(request: Request, desk: Desk) -> Response:
    """The open alerts, and those that are over."""

    def look(conn: Connection, _now: datetime) -> Alerts:
        newest = alerts(conn, only_open=False, limit=_MOST)
        over = [one for one in newest if one.cleared_at is not None]
        return Alerts(alerts(conn, only_open=True, limit=_MOST), over, zone_of_city(conn))

    return desk_page(
        request,
        desk,
        "alerts.html",
        alerts=await world_of(request).db.read(look),
        onward=onward,
        done=request.query_params.get("done"),
    )


async def take_on(request: Request, desk: Desk) -> Response:
    """Somebody looks after an alert; sending the form twice leaves the first one."""
    alert_id = request.path_params["alert_id"]
    await world_of(request).db.write(partial(_acknowledged, desk=desk, alert_id=alert_id))
    return RedirectResponse("/operator/alerts?done=taken", 303)


def _acknowledged(conn: Connection, now: datetime, *, desk: Desk, alert_id: str) -> None:
    acknowledge(conn, now=now, actor=desk.actor, alert_id=alert_id)


_PAGES = {
    AlertKind.PLAN_FAILED: Onward("/operator/plan/certificate", "The plan and what failed since"),
    AlertKind.PLAN_REFUSED: Onward("/operator/plan/certificate", "The plan and what failed since"),
    AlertKind.PLAN_STALE: Onward("/operator/plan/certificate", "The plan and what failed since"),
    AlertKind.ZONE_UNREACHABLE: Onward("/operator/plan", "The zones on the map"),
    AlertKind.FORECAST_FAILED: Onward("/operator/plan", "The plan"),
    AlertKind.PRICES_STALE: Onward("/operator/plan", "The plan"),
    AlertKind.TOURS_FAILED: Onward("/operator/tours", "The tours"),
    AlertKind.BOOKINGS_LEFT_OUT: Onward("/operator/tours", "The tours, and what is on none"),
    AlertKind.ASSIGNMENT_FAILED: Onward("/operator/pools", "The pools of that day"),
    AlertKind.DISRUPTION_UNREPAIRED: Onward("/operator/disruptions", "The disruption"),
}


def onward(alert: OperatorAlert) -> Onward:
    """The page about what an alert is about: its cause names the day, node or disruption."""
    page = _PAGES[alert.kind]
    parts = alert.cause.split(":")[1:]
    match alert.kind:
        case AlertKind.DISRUPTION_UNREPAIRED:
            return Onward(f"{page.href}/{parts[0]}", page.words)
        case AlertKind.TOURS_FAILED | AlertKind.BOOKINGS_LEFT_OUT:
            return Onward(f"{page.href}?{urlencode({'day': parts[0], 'node': parts[1]})}", page.words)
        case AlertKind.ASSIGNMENT_FAILED:
            return Onward(f"{page.href}?{urlencode({'day': parts[0]})}", page.words)
    return page
