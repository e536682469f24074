"""The city on a sheet: streets, nodes and zones where a template can draw them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from string import ascii_uppercase

from app.pages.desk.drawing import Paper
from app.places.city_map import CityMap, Line
from app.places.tables import FulfilmentNode, ServiceZone

# A page of a large city would be mostly alleys: there only main streets are drawn.
_MOST_SMALL = 3_000
# So near to a node a label would be hidden by its mark.
_MARK_WIDE, _MARK_HIGH = 42, 34


class Band(StrEnum):
    """How full something is, in steps that can be told apart by pattern as well as by colour."""

    NONE = "none"
    FREE = "free"
    BEGUN = "begun"
    FILLING = "filling"
    TIGHT = "tight"
    FULL = "full"


BANDS = {
    Band.FREE: "under a quarter taken",
    Band.BEGUN: "from a quarter",
    Band.FILLING: "from half",
    Band.TIGHT: "from four fifths",
    Band.FULL: "full",
    Band.NONE: "no vehicle comes",
}


@dataclass(frozen=True, slots=True)
class ZoneShape:
    """A zone's outline and where its label stands; `short` is what is left of its code on a map.

    `size` is small, middle or large: how much of a label the zone has room for.
    """

    zone: ServiceZone
    short: str
    path: str
    x: float
    y: float
    size: str


@dataclass(frozen=True, slots=True)
class NodeMark:
    """A node's letter and place."""

    node: FulfilmentNode
    letter: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class CitySheet:
    """What lies under every map, with the paper that it is drawn on."""

    paper: Paper
    main: str
    small: str
    zones: tuple[ZoneShape, ...]
    nodes: tuple[NodeMark, ...]
    attribution: str | None


def city_sheet(city: CityMap, paper: Paper | None = None) -> CitySheet:
    """The city on this paper, or on one that shows all of it."""
    sheet = paper or Paper.around(city.points)
    marks = tuple(_mark(sheet, number, node) for number, node in enumerate(city.nodes))
    return CitySheet(
        paper=sheet,
        main=sheet.path(_shown(sheet, city.main)),
        small=sheet.path(_few(_shown(sheet, city.small))),
        zones=tuple(_shape(sheet, zone, marks) for zone in city.zones),
        nodes=marks,
        attribution=city.attribution,
    )


def band_of(share: float | None) -> Band:
    """The step of what is taken of what is sold; None: nothing is sold."""
    if share is None:
        return Band.NONE
    steps = ((1.0, Band.FULL), (0.8, Band.TIGHT), (0.5, Band.FILLING), (0.25, Band.BEGUN))
    return next((band for least, band in steps if share >= least), Band.FREE)


def _shown(sheet: Paper, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if sheet.shows(line)]


def _few(lines: list[Line]) -> list[Line]:
    return lines if len(lines) <= _MOST_SMALL else []


def _shape(sheet: Paper, zone: ServiceZone, marks: Sequence[NodeMark]) -> ZoneShape:
    x, y = sheet.at(zone.latitude, zone.longitude)
    for mark in marks:
        if abs(mark.x - x) < _MARK_WIDE and abs(mark.y - y) < _MARK_HIGH:
            # The label makes way for the node.
            y = round(mark.y + (_MARK_HIGH if y >= mark.y else -_MARK_HIGH), 1)
    return ZoneShape(
        zone=zone,
        short=zone.code.rpartition("-")[2][-4:],
        path=sheet.path(zone.border, closed=True),
        x=x,
        y=y,
        size=_room(sheet, zone),
    )


def _room(sheet: Paper, zone: ServiceZone) -> str:
    """The label that fits a zone of this area."""
    side = sqrt(zone.area_m2) * sheet.units_per_m
    return "small" if side < 60 else "middle" if side < 95 else "large"


def _mark(sheet: Paper, number: int, node: FulfilmentNode) -> NodeMark:
    x, y = sheet.at(node.latitude, node.longitude)
    return NodeMark(node, ascii_uppercase[number % len(ascii_uppercase)], x, y)
