"""The tentative tours of a node and day as operators see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.fleet.rules import Pace, VehicleKind
from app.fleet.tables import VehicleClass
from app.tours.queries import read_sheets
from app.tours.records import PASSED, RELOAD, STOP, point_of, reference_of
from app.tours.rules import Frame, TourStep
from app.tours.sheet import Sheet
from app.tours.tables import TourSheet
from app.values.point import Point
from app.values.window import Window, ZonedWindow

_STEPS = {STOP: TourStep.STOP, RELOAD: TourStep.RELOAD, PASSED: TourStep.PASSED}


@dataclass(frozen=True, slots=True)
class SeenStop:
    """One step of a tour: the handover begins between `earliest` and `latest`; both None while unplaced.

    `reference` is the hold, None for a reload or a place that is passed.
    """

    what: TourStep
    reference: str | None
    point: Point
    window: ZonedWindow | None
    earliest: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class SeenTour:
    """One vehicle of the plan, with what it would bring as of now."""

    vehicle_class: str
    vehicle_kind: VehicleKind
    shift: ZonedWindow
    distance_m: int
    steps: tuple[SeenStop, ...]


@dataclass(frozen=True, slots=True)
class SeenSheet:
    """All tours of a node on a day; `margin_bp` is by how much legs are taken to last longer.

    `paces` are those of its classes by name.
    """

    node_id: str
    day: date
    version: int
    changed_at: datetime
    improved_at: datetime | None
    margin_bp: int
    paces: Mapping[str, Pace]
    tours: tuple[SeenTour, ...]
    unplaced: tuple[SeenStop, ...]

    @property
    def streets(self) -> str:
        """Who gave the times of its ways."""
        return "; ".join(dict.fromkeys(_told(name, pace) for name, pace in self.paces.items()))


def seen_tours(conn: Connection, *, node_id: str, day: date) -> SeenSheet | None:
    """The tours as they are now; None where no plan has made any."""
    known = read_sheets(conn, node_ids=[node_id], first=day, last=day).get((node_id, day))
    if known is None:
        return None
    table = table_of(TourSheet)
    told = conn.execute(
        sa.select(table.c.changed_at, table.c.improved_at).where(
            table.c.node_id == node_id, table.c.day == day
        )
    ).one()
    kinds = {kind.id: kind for kind in rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))}
    sheet, frame = known.sheet, known.sheet.frame
    steps = _steps(sheet)
    tours = tuple(
        SeenTour(
            vehicle_class=kinds[vehicle.class_id].name,
            vehicle_kind=kinds[vehicle.class_id].kind,
            shift=ZonedWindow(vehicle.shift, frame.time_zone),
            distance_m=round(vehicle.pace.street_m(float(sheet.laid.length[number]))),
            steps=tuple(steps[number]),
        )
        for number, vehicle in enumerate(frame.vehicles)
    )
    unplaced = tuple(_step(frame, record, point_of(record), None, None) for record in sheet.unplaced)
    return SeenSheet(
        node_id=node_id,
        day=day,
        version=known.version,
        changed_at=told.changed_at,
        improved_at=told.improved_at,
        margin_bp=frame.margin_bp,
        paces={kinds[one.class_id].name: one.pace for one in frame.vehicles},
        tours=tours,
        unplaced=unplaced,
    )


def _told(name: str, pace: Pace) -> str:
    if not pace.measured:
        return f"straight lines x {pace.detour_bp / 10_000:g}"
    speed = f"{pace.line_kmh:.0f} km/h as the crow flies and {pace.leg_s} s a way"
    return f"{name}: {speed}, measured on the streets"


def _steps(sheet: Sheet) -> list[list[SeenStop]]:
    frame = sheet.frame
    found: list[list[SeenStop]] = [[] for _ in frame.vehicles]
    for visit in sheet.visits():
        earliest, latest = frame.instant(visit.earliest_s), frame.instant(visit.latest_s)
        found[visit.tour].append(_step(frame, visit.record, visit.point, earliest, latest))
    return found


def _step(
    frame: Frame, record: Any, point: Point, earliest: datetime | None, latest: datetime | None
) -> SeenStop:
    kind = int(record["kind"])
    window = None
    if kind == STOP:
        opens, closes = int(record["opens"]), int(record["closes"])
        # The record keeps the last second of the window.
        window = ZonedWindow(Window(frame.instant(opens), frame.instant(closes + 1)), frame.time_zone)
    reference = reference_of(record) if kind == STOP else None
    return SeenStop(_STEPS[kind], reference, point, window, earliest, latest)
