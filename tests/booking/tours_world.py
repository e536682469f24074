"""An evening whose tours are narrower than its pools, and what must be true of the tours at any time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.stops import stops_between
from app.database.rows import by_id
from app.database.runner import Database
from app.fleet.rules import pace_of_lines
from app.places.tables import FulfilmentNode
from app.tours.drive import drive, steps_of
from app.tours.lay_out import lay_out
from app.tours.queries import KnownSheet, read_sheets
from app.tours.rules import Frame, TourVehicle, ZoneHours
from app.values.load import Load
from app.values.window import Window
from tests.booking.world import Evening, open_evening
from tests.factories import ZONE, Shop

# Forty minutes at a door: a bike begins two drops in an hour, and three in two hours.
SLOW_DOOR_BP = 100_000
DAY = date(2026, 11, 25)
ROOM = Load(0, 0, 400_000, 400_000, 200_000, 100_000)


def bike(shop: Shop, **changes: Any) -> TourVehicle:
    """A bike for the evening that takes its time."""
    told: dict[str, Any] = {
        "pace": pace_of_lines(speed_kmh=14, circuity_bp=13_000),
        "handover_bp": SLOW_DOOR_BP,
        "parking_bp": 0,
        "stops_per_trip": 20,
        "reload_s": 600,
        "range_m": 60_000,
    } | changes
    return TourVehicle(class_id=shop.class_id, shift=_local(17, 23), room=ROOM, **told)


def _local(start: int, end: int) -> Window:
    zone = ZoneInfo(ZONE)
    return Window(*(datetime.combine(DAY, time(hour), tzinfo=zone) for hour in (start, end)))


def lay(
    db: Database,
    shop: Shop,
    vehicles: Sequence[TourVehicle],
    run_id: str = "test-run",
    low_emission: tuple[int, ...] = (),
) -> None:
    """Publish tours for tomorrow, as a plan does: with what is held and booked."""

    def work(conn: sa.Connection, now: datetime) -> None:
        node = by_id(conn, FulfilmentNode, shop.node_id)
        assert node is not None
        frame = Frame(
            node=node.point,
            day=DAY,
            midnight=datetime.combine(DAY, time(), tzinfo=ZoneInfo(ZONE)),
            time_zone=ZONE,
            margin_bp=1_500,
            vehicles=tuple(vehicles),
            zones={shop.zone_id: ZoneHours((0,) * 24, (10_000,) * 24, low_emission)},
        )
        key = (shop.node_id, DAY)
        lay_out(
            conn, now=now, run_id=run_id, frames={key: frame}, stops=stops_between(conn, first=DAY, last=DAY)
        )

    db.write_now(work)


def toured_evening(db: Database, *, bikes: int = 1) -> Evening:
    """Pools for ten drops an hour, and bikes that bring two in the early hour and two in the late one."""
    world = open_evening(db)
    lay(db, world.shop, [bike(world.shop)] * bikes)
    return world


def sheet_of(db: Database, shop: Shop) -> KnownSheet:
    """Tomorrow's tours as they are."""
    found = db.read_now(lambda c, _: read_sheets(c, node_ids=[shop.node_id], first=DAY, last=DAY))
    return found[shop.node_id, DAY]


def tours_hold(db: Database, shop: Shop) -> int:
    """How many stops are on the tours; asserts that they are those of holds and bookings, all in time."""
    sheet = sheet_of(db, shop).sheet
    stops = db.read_now(lambda c, _: stops_between(c, first=DAY, last=DAY))[shop.node_id, DAY]
    known = {stop.reference: stop for stop in stops}
    assert set(sheet.references()) == set(known)
    assert len(sheet.unplaced) == 0
    assert all(sheet.has_as_told(stop) for stop in stops)
    assert drive(sheet.frame, steps_of(sheet, known)) == []
    return len(known)
