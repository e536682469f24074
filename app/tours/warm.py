"""Have the compiled insertion ready before anybody asks: never inside a request or a transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.fleet.rules import Pace
from app.tours.rules import Frame, TourStop, TourVehicle
from app.tours.sheet import empty_sheet
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window


def warm() -> None:
    """Load, or on a machine's first time compile, what offers and claims run; takes a second or two of CPU.

    The first time on a machine takes some five seconds more; the result is kept for later processes.
    """
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    day = Window(midnight, midnight + timedelta(hours=8))
    here = Point(0, 0)
    vehicle = TourVehicle(
        "any", day, Pace(10_000, 9), 10_000, 10_000, 10, 600, 100_000, Load(0, 0, 9, 9, 9, 9)
    )
    frame = Frame(here, midnight.date(), midnight, "UTC", 0, (vehicle,), {})
    stop = TourStop(
        "00000000-0000-7000-8000-000000000000", "any", "zone", here, day, 60, Load(0, 0, 1, 1, 1, 1)
    )
    empty_sheet(frame).settled(stop)
