"""The tours of a node and day on the map: along the streets where these gave the times, stop after stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.allocation.tour_map import MapStop, MapTour, NodeTours, node_tours, nodes_with_tours
from app.booking.locker_offers import LockerFill, locker_fill
from app.database.rows import rows, table_of
from app.pages.desk.city_sheet import CitySheet, city_sheet
from app.pages.desk.drawing import Paper, apart
from app.pages.desk.pools import day_of, zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.places.city_map import CityMap, city_map
from app.places.tables import CollectionPoint, FulfilmentNode
from app.values.point import Point
from app.values.window import local_day

# Lines that can be told apart by colour and dashes; further tours begin anew.
STYLES = 8
# How far apart the numbers of stops and of tours must be to be read.
MARK, TAG = 29, 36


@dataclass(frozen=True, slots=True)
class DrawnStop:
    """A stop, where it lies on the sheet, and where its number stands so that none covers another."""

    stop: MapStop
    x: float
    y: float
    mark: tuple[float, float]


@dataclass(frozen=True, slots=True)
class DrawnTour:
    """A tour on the sheet: `number` and `style` tell it from others, `tag` is where its number stands.

    `streets` and `straight` are the paths of trips along the streets and from stop to stop, `off` those
    from the node to the nearest street.
    """

    tour: MapTour
    number: int
    style: int
    streets: str
    straight: str
    off: str
    stops: tuple[DrawnStop, ...]
    tag: tuple[float, float]
    query: str

    @property
    def middle(self) -> DrawnStop:
        """The stop that the tag belongs to."""
        return _middle(self.stops)


@dataclass(frozen=True, slots=True)
class DrawnLocker:
    """A locker where the sheet shows it."""

    locker: CollectionPoint
    fill: LockerFill
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """A node to look at, with the tours that it has on the day; None: not even tentative ones."""

    node: FulfilmentNode
    tours: int | None
    query: str


@dataclass(frozen=True, slots=True)
class ToursOfDay:
    """What the page shows; `found` is None while there is no node, `chosen` while all tours are looked at."""

    day: date
    time_zone: str
    choices: Sequence[NodeChoice]
    found: NodeTours | None
    sheet: CitySheet | None
    tours: Sequence[DrawnTour]
    missing: Sequence[DrawnStop]
    chosen: DrawnTour | None
    lockers: Sequence[DrawnLocker] = ()

    @property
    def names(self) -> dict[str, str]:
        """The names of lockers."""
        return {one.locker.id: one.locker.name for one in self.lockers}


async def show(request: Request, desk: Desk) -> Response:
    """The tours of a day at a node: published, else tentative; all of them or one with its stops."""
    asked = {name: request.query_params.get(name, "") for name in ("day", "node", "tour", "of")}
    of = await world_of(request).db.read(partial(_tours_of_day, asked=asked))
    here = {"day": of.day, "node": of.found.node.id if of.found else ""}
    return desk_page(
        request,
        desk,
        "tours.html",
        of=of,
        zone=of.time_zone,
        all_query=urlencode({**here, "of": _of(of)}),
        other_query=urlencode({**here, "of": "" if _of(of) else "tentative"}),
        earlier=urlencode({**here, "day": of.day - timedelta(days=1)}),
        later=urlencode({**here, "day": of.day + timedelta(days=1)}),
        one_day=timedelta(days=1),
    )


def _of(of: ToursOfDay) -> str:
    return "tentative" if of.found and of.found.tentative else ""


def _tours_of_day(conn: Connection, now: datetime, *, asked: dict[str, str]) -> ToursOfDay:
    zone = zone_of_city(conn)
    day = day_of(asked["day"]) or local_day(now, zone)
    counts = nodes_with_tours(conn, day)
    nodes = rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)).order_by("name", "id"))
    choices = [
        NodeChoice(node, counts.get(node.id), urlencode({"day": day, "node": node.id, "of": asked["of"]}))
        for node in nodes
    ]
    node_id = _node(nodes, counts, asked["node"])
    tentative = asked["of"] == "tentative"
    found = node_tours(conn, node_id=node_id, day=day, tentative=tentative) if node_id else None
    if found is None:
        return ToursOfDay(day, zone, choices, None, None, (), (), None)
    city = city_map(conn)
    paper = Paper.around(_shown(found, city))
    query = {"day": day, "node": node_id, "of": "tentative" if found.tentative else ""}
    tours = drawn(found, paper, query)
    return ToursOfDay(
        day=day,
        time_zone=zone,
        choices=choices,
        found=found,
        sheet=city_sheet(city, paper),
        tours=tours,
        missing=_marked(paper, found.missing),
        chosen=next((one for one in tours if one.tour.key == asked["tour"]), None),
        lockers=_lockers(paper, locker_fill(conn, now=now, day=day)),
    )


def _lockers(paper: Paper, lockers: Sequence[LockerFill]) -> list[DrawnLocker]:
    """The lockers that lie on the sheet."""
    there = [(one, paper.at(one.locker.latitude, one.locker.longitude)) for one in lockers]
    return [
        DrawnLocker(one.locker, one, x, y)
        for one, (x, y) in there
        if 0 <= x <= paper.width and 0 <= y <= paper.height
    ]


def _node(nodes: Sequence[FulfilmentNode], counts: dict[str, int], wanted: str) -> str | None:
    """The node that is asked for, else the first with tours, with tentative ones, or at all."""
    known = [node.id for node in nodes]
    if wanted in known:
        return wanted
    return max(known, key=lambda node_id: counts.get(node_id, -1) > 0, default=None) if known else None


def _shown(found: NodeTours, city: CityMap) -> list[Point]:
    """What the sheet must show: the node and every stop; the city where there is none."""
    stops = [stop.point for tour in found.tours for stop in tour.stops]
    stops += [stop.point for stop in found.missing]
    return [found.node.point, *stops] if stops else city.points


def drawn(found: NodeTours, paper: Paper, query: Mapping[str, object]) -> list[DrawnTour]:
    """The tours that bring anything, numbered in their order."""
    out = [tour for tour in found.tours if tour.stops]
    stops = [_marked(paper, tour.stops) for tour in out]
    tags = apart([(_middle(of).x, _middle(of).y) for of in stops], TAG)
    return [
        DrawnTour(
            tour=tour,
            number=number,
            style=(number - 1) % STYLES,
            streets=paper.path(tour.lines.values()),
            straight=paper.path(_straight(found.node.point, tour)),
            off=paper.path(_off(found.node.point, tour)),
            stops=stops[number - 1],
            tag=tags[number - 1],
            query=urlencode({**query, "tour": tour.key}),
        )
        for number, tour in enumerate(out, start=1)
    ]


def _straight(node: Point, tour: MapTour) -> list[list[tuple[float, float]]]:
    """From the node from stop to stop and back, for the trips that no streets are known of."""
    home = (node.latitude, node.longitude)
    return [
        [home, *((stop.point.latitude, stop.point.longitude) for stop in stops), home]
        for trip, stops in groupby(tour.stops, key=lambda stop: stop.trip)
        if trip not in tour.lines
    ]


def _off(node: Point, tour: MapTour) -> list[list[Sequence[float]]]:
    """From the node to where the streets begin, and back."""
    home = (node.latitude, node.longitude)
    return [ends for line in tour.lines.values() for ends in ([home, line[0]], [line[-1], home])]


def _marked(paper: Paper, stops: Sequence[MapStop]) -> tuple[DrawnStop, ...]:
    places = [paper.at(stop.point.latitude, stop.point.longitude) for stop in stops]
    marks = apart(places, MARK)
    return tuple(DrawnStop(stop, x, y, mark) for stop, (x, y), mark in zip(stops, places, marks, strict=True))


def _middle(stops: Sequence[DrawnStop]) -> DrawnStop:
    return stops[len(stops) // 2]
