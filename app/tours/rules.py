"""What a tentative tour is made of: vehicles, stops, hours of zones, and the safety that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.fleet.rules import Pace
from app.tours.open_hours import longest_open
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window

# Legs are taken to last this much longer than estimated: while every leg really takes at most that, no
# order that was accepted comes late.
TRAVEL_MARGIN_BP = 1_500
# The optimiser looks at a sheet again after so many stops.
IMPROVE_EVERY = 15
# A shift of more than six hours has a break (Directive 2003/88/EC, article 4): half an hour, not at once and
# not at its end. Tentative tours have it at the node, three hours after the shift begins.
BREAK_AFTER = timedelta(hours=6)
BREAK_S, BREAK_EARLIEST_S, BREAK_LATEST_S = 1_800, 2 * 3_600, 5 * 3_600
_BREAK_AT = timedelta(hours=3)
# A handover begins before its window ends, not with its end.
_LAST = timedelta(seconds=1)


class TourStep(StrEnum):
    """What happens at a place: goods are handed over, the vehicle is loaded again, or it only passes by."""

    STOP = "STOP"
    RELOAD = "RELOAD"
    PASSED = "PASSED"


@dataclass(frozen=True, slots=True)
class TourVehicle:
    """One vehicle for one shift of the plan; `room` is what it holds at once (no orders, no work).

    `handover_bp` and `parking_bp` scale the time at the door and the parking time of a zone. A kilometre
    costs `cost_minor_per_km`, carbon included; frames that were laid out before it was told have one price.
    `pace` is how its ways go. With `combustion` it hands nothing over in low-emission hours of a zone.
    """

    class_id: str
    shift: Window
    pace: Pace
    handover_bp: int
    parking_bp: int
    stops_per_trip: int
    reload_s: int
    range_m: int
    room: Load
    cost_minor_per_km: int = 100
    combustion: bool = False


def parts_of(vehicle: TourVehicle) -> tuple[TourVehicle, ...]:
    """The vehicle before and after the break of its driver, as two; as it is where the shift has none.

    In between it is loaded again. The range is shared by the hours.
    """
    shift = vehicle.shift
    if shift.duration <= BREAK_AFTER:
        return (vehicle,)
    pause = shift.start + _BREAK_AT
    again = pause + timedelta(seconds=BREAK_S + vehicle.reload_s)
    first, second = Window(shift.start, pause), Window(again, shift.end)
    hours = first.duration + second.duration
    before_m = vehicle.range_m * first.duration // hours
    return (
        replace(vehicle, shift=first, range_m=before_m),
        replace(vehicle, shift=second, range_m=vehicle.range_m - before_m),
    )


@dataclass(frozen=True, slots=True)
class TourStop:
    """What is brought to one door within a window, by a vehicle of one class.

    `reference` is the hold's id, which a booking keeps; `load` counts goods only.
    """

    reference: str
    class_id: str
    zone_id: str
    point: Point
    window: Window
    at_door_s: int
    load: Load


@dataclass(frozen=True, slots=True)
class ZoneHours:
    """Parking seconds and slowdown of streets (in basis points of free flow) of a zone, by local hour.

    `low_emission` are the hours in which its streets are closed to combustion engines.
    """

    parking_s: tuple[int, ...]
    slowdown_bp: tuple[int, ...]
    low_emission: tuple[int, ...] = ()


@dataclass(frozen=True)
class Frame:
    """What all tours of one node and day share, as the plan saw it; instants count from `midnight`."""

    node: Point
    day: date
    midnight: datetime
    time_zone: str
    margin_bp: int
    vehicles: tuple[TourVehicle, ...]
    zones: Mapping[str, ZoneHours]
    _known: dict[tuple[str, Window], tuple[int, int]] = field(
        default_factory=dict, compare=False, init=False, repr=False
    )
    _open: dict[tuple[str, Window], Window | None] = field(
        default_factory=dict, compare=False, init=False, repr=False
    )
    # Windows of a zone as arrays, by `Sheet.windows`: the same few are asked for again and again.
    asked: dict[tuple[str, tuple[Window, ...]], NDArray[np.float64]] = field(
        default_factory=dict, compare=False, init=False, repr=False
    )

    @property
    def class_ids(self) -> tuple[str, ...]:
        """The classes that drive, in the order of their first vehicle."""
        return tuple(dict.fromkeys(vehicle.class_id for vehicle in self.vehicles))

    def second(self, instant: datetime) -> int:
        """Seconds from midnight to an instant."""
        return round((instant - self.midnight).total_seconds())

    def instant(self, second: float) -> datetime:
        """The instant so many seconds after midnight."""
        return self.midnight + timedelta(seconds=round(second))

    def last(self, window: Window) -> int:
        """The last second at which a handover may begin."""
        return self.second(window.end - _LAST)

    def streets(self, zone_id: str, window: Window) -> tuple[int, int]:
        """Parking seconds and slowdown within a window: those of its worst hour; none where unknown."""
        key = (zone_id, window)
        if key not in self._known:
            self._known[key] = self._worst(zone_id, window)
        return self._known[key]

    def permitted(self, class_id: str, zone_id: str, window: Window) -> Window | None:
        """When vehicles of the class may hand over in the zone within a window; None for never.

        That is all of it, and for combustion engines its longest stretch without a low-emission hour.
        """
        return window if class_id not in self.combustion else self.without_low_emission(zone_id, window)

    def without_low_emission(self, zone_id: str, window: Window) -> Window | None:
        """The longest stretch of a window in which a zone is open to combustion engines."""
        known = self.zones.get(zone_id)
        if known is None or not known.low_emission:
            return window
        key = (zone_id, window)
        if key not in self._open:
            self._open[key] = longest_open(window, self.time_zone, known.low_emission)
        return self._open[key]

    def may(self, class_id: str, zone_id: str, window: Window) -> bool:
        """Whether vehicles of the class may come to the zone at some time of a window."""
        return self.permitted(class_id, zone_id, window) is not None

    @cached_property
    def combustion(self) -> frozenset[str]:
        """The classes that burn fuel."""
        return frozenset(vehicle.class_id for vehicle in self.vehicles if vehicle.combustion)

    def _worst(self, zone_id: str, window: Window) -> tuple[int, int]:
        known = self.zones.get(zone_id)
        if known is None:
            return 0, 10_000
        hours = hours_of(window, self.time_zone)
        return max(known.parking_s[hour] for hour in hours), max(known.slowdown_bp[hour] for hour in hours)


def hours_of(window: Window, zone: str) -> Sequence[int]:
    """The local hours that a window touches."""
    local = ZoneInfo(zone)
    first = window.start.astimezone(local)
    steps = int((window.end - window.start - _LAST).total_seconds() // 3600) + 1
    hours = {(window.start + timedelta(hours=n)).astimezone(local).hour for n in range(steps)}
    return sorted({first.hour, (window.end - _LAST).astimezone(local).hour} | hours)


def seconds_per_metre(pace: Pace, margin_bp: int) -> float:
    """How long a straight metre takes on free streets: detours of streets and the safety included."""
    return pace.street_m(1) * pace.s_per_km / 1_000 * (10_000 + margin_bp) / 10_000


def seconds_per_leg(pace: Pace, margin_bp: int) -> float:
    """What every way takes on free streets besides its metres, the safety included."""
    return pace.leg_s * (10_000 + margin_bp) / 10_000
