"""A small town of vehicles and stops, drawn at random or given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from app.fleet.rules import Pace, pace_of_lines
from app.tours.insertion import PLAIN_PYTHON
from app.tours.rules import Frame, TourStop, TourVehicle, ZoneHours
from app.tours.sheet import Sheet, empty_sheet
from app.values.ids import new_id
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window

MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
NODE = Point(41.149, -8.607)
BIKE_PACE = pace_of_lines(speed_kmh=14, circuity_bp=13_000)
ROOM = Load(0, 0, 200_000, 120_000, 80_000, 40_000)
ZONE_IDS = ("flat", "steep")
# Longer than any window that is drawn: what is left of one is in one piece.
NOON = (12, 13, 14, 15)


def hours(start: float, end: float) -> Window:
    """A window of the day, in hours from midnight."""
    return Window(MIDNIGHT + timedelta(hours=start), MIDNIGHT + timedelta(hours=end))


def vehicle(class_id: str = "bike", shift: Window | None = None, **changes: Any) -> TourVehicle:
    """A cargo bike for the evening."""
    made = TourVehicle(class_id, shift or hours(17, 22), BIKE_PACE, 10_000, 2_000, 8, 600, 50_000, ROOM)
    return replace(made, **changes)


def frame(*vehicles: TourVehicle, **changes: Any) -> Frame:
    """Zones that are easy, always slow, and slow and hard to park in after six."""
    made = Frame(
        node=NODE,
        day=MIDNIGHT.date(),
        midnight=MIDNIGHT,
        time_zone="UTC",
        margin_bp=1_500,
        vehicles=vehicles or (vehicle(),),
        zones={
            "flat": ZoneHours((60,) * 24, (10_000,) * 24),
            "hilly": ZoneHours((60,) * 24, (14_000,) * 24),
            "steep": ZoneHours((120,) * 18 + (300,) * 6, (11_000,) * 18 + (14_000,) * 6),
        },
    )
    return replace(made, **changes)


def stop(window: Window | None = None, **changes: Any) -> TourStop:
    """A usual basket, somewhere near."""
    made = TourStop(
        reference=new_id(),
        class_id="bike",
        zone_id="flat",
        point=Point(41.1456, -8.6109),
        window=window or hours(18, 20),
        at_door_s=240,
        load=Load(0, 0, 40_000, 12_000, 8_000, 2_000),
    )
    return replace(made, **changes)


def drawn_stop(rnd: Random, classes: tuple[str, ...] = ("bike", "van"), spread: float = 0.03) -> TourStop:
    """A stop anywhere in town, in a window of one, two or four hours."""
    start = rnd.randint(8, 20)
    volume = rnd.randint(5_000, 90_000)
    return stop(
        hours(start, start + rnd.choice((1, 1, 2, 4))),
        class_id=rnd.choice(classes),
        zone_id=rnd.choice(ZONE_IDS),
        point=Point(
            NODE.latitude + rnd.uniform(-spread, spread), NODE.longitude + rnd.uniform(-spread, spread)
        ),
        at_door_s=rnd.choice((120, 240, 420)),
        load=Load(0, 0, volume, volume // 4, volume // 5, volume // 20),
    )


def drawn_frame(rnd: Random) -> Frame:
    """A few vehicles of two classes, with shifts that overlap; in some towns vans stay out of a zone at noon."""
    vehicles, burns = [], rnd.random() < 0.5
    for _ in range(rnd.randint(1, 4)):
        start = rnd.randint(7, 16)
        van = rnd.random() < 0.5
        vehicles.append(
            vehicle(
                "van" if van else "bike",
                hours(start, start + rnd.randint(4, 9)),
                pace=Pace(13_000, 144.0 if van else 257.1, rnd.choice((0, 45, 150))),
                parking_bp=10_000 if van else 2_000,
                stops_per_trip=rnd.randint(2, 6),
                range_m=rnd.choice((15_000, 30_000, 200_000)),
                combustion=van and burns,
            )
        )
    made = frame(*vehicles)
    return replace(made, zones={**made.zones, "steep": replace(made.zones["steep"], low_emission=NOON)})


def allowed(the_frame: Frame, class_id: str, one: TourStop) -> Window | None:
    """The window of a stop without the hours in which the class may not come to it, counted hour by hour."""
    burns = any(v.combustion for v in the_frame.vehicles if v.class_id == class_id)
    closed = the_frame.zones[one.zone_id].low_emission if burns else ()
    first, last = (
        round((at - MIDNIGHT).total_seconds() / 3_600) for at in (one.window.start, one.window.end)
    )
    free = [hour for hour in range(first, last) if hour not in closed]
    return hours(free[0], free[-1] + 1) if free else None


def filled(
    rnd: Random, the_frame: Frame, count: int, code: Any = PLAIN_PYTHON
) -> tuple[Sheet, list[TourStop]]:
    """As many of some drawn stops as fit, one after the other; with those that did."""
    sheet, placed = empty_sheet(the_frame, code), []
    for _ in range(count):
        one = drawn_stop(rnd)
        more = sheet.inserted(one)
        if more is not None:
            sheet = more
            placed.append(one)
    return sheet, placed
