"""Sheets as bytes for their row, and back."""

from __future__ import annotations

from dataclasses import asdict, astuple
from datetime import date, datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.fleet.rules import Pace, pace_of_lines
from app.tours.records import RECORD
from app.tours.rules import Frame, TourVehicle, ZoneHours
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window


def frame_to_bytes(frame: Frame) -> bytes:
    """The frame as JSON."""
    told = {
        "node": [frame.node.latitude, frame.node.longitude],
        "day": frame.day.isoformat(),
        "midnight": frame.midnight.isoformat(),
        "time_zone": frame.time_zone,
        "margin_bp": frame.margin_bp,
        "vehicles": [
            {**asdict(one), "shift": [one.shift.start.isoformat(), one.shift.end.isoformat()]}
            for one in frame.vehicles
        ],
        "zones": {zone: astuple(hours) for zone, hours in frame.zones.items()},
    }
    return orjson.dumps(told)


def frame_from_bytes(text: bytes) -> Frame:
    """The frame that `frame_to_bytes` wrote."""
    told = orjson.loads(text)
    return Frame(
        node=Point(*told["node"]),
        day=date.fromisoformat(told["day"]),
        midnight=datetime.fromisoformat(told["midnight"]),
        time_zone=told["time_zone"],
        margin_bp=told["margin_bp"],
        vehicles=tuple(_vehicle(one, told.get("circuity_bp")) for one in told["vehicles"]),
        zones={zone: ZoneHours(*(tuple(one) for one in hours)) for zone, hours in told["zones"].items()},
    )


def _vehicle(told: dict[str, Any], circuity_bp: int | None) -> TourVehicle:
    start, end = (datetime.fromisoformat(instant) for instant in told.pop("shift"))
    if circuity_bp is not None:
        # A frame that was laid out before paces were told: straight lines.
        pace = pace_of_lines(speed_kmh=told.pop("speed_kmh"), circuity_bp=circuity_bp)
    else:
        pace = Pace(**told.pop("pace"))
    return TourVehicle(**{**told, "shift": Window(start, end), "room": Load(**told["room"]), "pace": pace})


def records_to_bytes(records: NDArray[Any]) -> bytes:
    """The records as they lie in memory, little-endian."""
    return records.tobytes()


def records_from_bytes(packed: bytes) -> NDArray[Any]:
    """The records that `records_to_bytes` wrote."""
    return np.frombuffer(packed, RECORD)
