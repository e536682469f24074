"""The plan of a day on the desk: zones on the map by fill for each window, and who works when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.allocation.roster import Roster, hours_of, roster_of
from app.allocation.zone_fill import DayFill, PoolsTaken, ZoneFill, day_fill
from app.database.rows import rows, table_of
from app.fleet.tables import VehicleClass
from app.pages.desk.city_sheet import BANDS, Band, CitySheet, band_of, city_sheet
from app.pages.desk.plan_line import PlanLine, plan_line
from app.pages.desk.pools import day_of, zone_of_city
from app.pages.desk.render import LOCALE, Desk, desk_page
from app.pages.shop import world_of
from app.places.city_map import city_map
from app.values.money import Money
from app.values.window import Window, local_day
from app.values.wording import money_text

# So many zones are named as the fullest ones.
_FULLEST = 8
_DAY_S = 24 * 3_600


@dataclass(frozen=True, slots=True)
class WindowChip:
    """A window of the day to choose: what all its pools sell and have taken."""

    window: Window
    taken: PoolsTaken
    chosen: bool
    query: str

    @property
    def band(self) -> Band:
        """How full it is."""
        return band_of(self.taken.share)


@dataclass(frozen=True, slots=True)
class MapOfDay:
    """What the page of the map shows; `chosen` is None on a day without pools."""

    fill: DayFill
    chosen: Window | None
    sheet: CitySheet
    classes: Sequence[VehicleClass]
    line: PlanLine

    @property
    def zones(self) -> list[ZoneFill]:
        """Every zone in the chosen window."""
        return self.fill.of(self.chosen) if self.chosen else []

    @property
    def by_zone(self) -> dict[str, ZoneFill]:
        """The same by the zones' ids."""
        return {one.zone.id: one for one in self.zones}

    @property
    def fullest(self) -> list[ZoneFill]:
        """The zones that fill first, the fullest before the others."""
        sold = [one for one in self.zones if one.taken.share]
        return sorted(sold, key=lambda one: -(one.taken.share or 0.0))[:_FULLEST]

    @property
    def unreached(self) -> list[ZoneFill]:
        """The zones that no vehicle comes to in the window."""
        return [one for one in self.zones if not one.pools]


async def show(request: Request, desk: Desk) -> Response:
    """The zones of a day by fill, in the window that is asked for or the one to look at first."""
    asked = {name: request.query_params.get(name, "") for name in ("day", "window", "node", "class")}
    found = await world_of(request).db.read(partial(_map_of_day, asked=asked))
    day = found.fill.day
    told = {"node": asked["node"], "class": asked["class"]}
    chips = [
        WindowChip(
            window, taken, window == found.chosen, urlencode({"day": day, **told, "window": _key(window)})
        )
        for window, taken in found.fill.windows.items()
    ]
    return desk_page(
        request,
        desk,
        "plan.html",
        of=found,
        chips=chips,
        told=asked,
        zone=found.line.time_zone,
        band=lambda fill: band_of(fill.taken.share),
        bands=BANDS,
        earlier=urlencode({"day": day - timedelta(days=1), **told}),
        later=urlencode({"day": day + timedelta(days=1), **told}),
        one_day=timedelta(days=1),
        worth=partial(_worth, found.line),
    )


def _map_of_day(conn: Connection, now: datetime, *, asked: dict[str, str]) -> MapOfDay:
    day = day_of(asked["day"]) or local_day(now, zone_of_city(conn))
    fill = day_fill(conn, now=now, day=day, node_id=asked["node"] or None, class_id=asked["class"] or None)
    return MapOfDay(
        fill=fill,
        chosen=_chosen(fill, asked["window"], now),
        sheet=city_sheet(city_map(conn)),
        classes=rows(conn, VehicleClass, sa.select(table_of(VehicleClass)).order_by("name", "id")),
        line=plan_line(conn),
    )


def _chosen(fill: DayFill, wanted: str, now: datetime) -> Window | None:
    """The window that is asked for; else the one that runs or comes next today, the fullest of other days."""
    windows = fill.windows
    named = next((window for window in windows if _key(window) == wanted), None)
    if named or not windows:
        return named
    if min(windows).start <= now:
        return next((window for window in windows if window.end > now), max(windows))
    return max(windows, key=lambda window: windows[window].share or 0.0)


def _key(window: Window) -> str:
    """How an address names a window."""
    return f"{window.start:%Y%m%dT%H%M}"


def _worth(line: PlanLine, micro: int) -> str:
    """What a minute is worth, from millionths of a minor unit."""
    return money_text(Money(round(micro / 1_000_000), line.run.currency), LOCALE) if line.run else "-"


@dataclass(frozen=True, slots=True)
class Bar:
    """A shift as a bar over the hours of its day: percent from the left, and wide."""

    x: float
    width: float


async def shifts(request: Request, desk: Desk) -> Response:
    """Who works when on a day by node and class, and the drivers' hours of the week."""
    wanted = request.query_params.get("day", "")

    def look(conn: Connection, now: datetime) -> tuple[Roster, PlanLine]:
        day = day_of(wanted) or local_day(now, zone_of_city(conn))
        return roster_of(conn, day=day), plan_line(conn)

    roster, line = await world_of(request).db.read(look)
    begins = _midnight(roster.day, line.time_zone)
    return desk_page(
        request,
        desk,
        "plan_shifts.html",
        roster=roster,
        line=line,
        zone=line.time_zone,
        hours=hours_of,
        bar=lambda shift: _bar(begins, shift.starts_at, shift.ends_at),
        ticks=range(0, 24, 3),
        nodes={fleet.node.id: fleet.node for fleet in roster.fleets},
        totals=_totals(roster),
        earlier=roster.day - timedelta(days=1),
        later=roster.day + timedelta(days=1),
    )


def _totals(roster: Roster) -> dict[str, float]:
    fleets = roster.fleets
    return {
        "in_service": sum(fleet.in_service for fleet in fleets),
        "on_road": sum(fleet.on_road for fleet in fleets),
        "hours": sum(fleet.driver_hours for fleet in fleets),
        "cost_minor": sum(fleet.cost_minor for fleet in fleets),
    }


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _bar(begins: datetime, starts_at: datetime, ends_at: datetime) -> Bar:
    """Where a shift lies on a day of twenty-four hours of the wall clock."""
    zone = begins.tzinfo

    def share(instant: datetime) -> float:
        local, first = instant.astimezone(zone).replace(tzinfo=None), begins.replace(tzinfo=None)
        return min(max((local - first).total_seconds() / _DAY_S, 0.0), 1.0) * 100

    x = share(starts_at)
    return Bar(round(x, 2), round(share(ends_at) - x, 2))
