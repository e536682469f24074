"""Drive tours stop by stop, without looking at how they were made: who is served too late, what overflows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import cos, hypot, radians
from zoneinfo import ZoneInfo

from app.tours.records import PASSED, RELOAD, reference_of
from app.tours.rules import Frame, TourStop, TourVehicle, seconds_per_leg, seconds_per_metre
from app.tours.sheet import Sheet
from app.values.load import DIMENSIONS, Load
from app.values.point import EARTH_RADIUS_M, Point

# Seconds that the same times added in another order may differ by.
_DUST = 1e-3

# What a leg really takes, as a multiple of what the tours reckon with.
type Streets = Callable[[Point, Point], float]


@dataclass(frozen=True, slots=True)
class Fault:
    """A stop that its window is over for, or a limit that a tour breaks; `reference` is None for the tour."""

    tour: int
    reference: str | None
    what: str
    by: float


@dataclass(frozen=True, slots=True)
class Passing:
    """A place that is passed without stopping."""

    point: Point
    slow_bp: int


type Step = TourStop | Passing | None


def drive(
    frame: Frame, tours: Sequence[Sequence[Step]], *, streets: Streets = lambda _a, _b: 1.0
) -> list[Fault]:
    """Each vehicle leaves with its shift, waits for windows, and drives on; None in a tour is a reload."""
    found: list[Fault] = []
    for number, (vehicle, steps) in enumerate(zip(frame.vehicles, tours, strict=True)):
        found += _driven(frame, number, vehicle, steps, streets)
        found += _loaded(number, vehicle, steps)
    return found


def steps_of(sheet: Sheet, stops: Mapping[str, TourStop]) -> list[list[Step]]:
    """The tours of a sheet as steps, with what each stop was told to be."""
    tours: list[list[Step]] = [[] for _ in sheet.frame.vehicles]
    for visit in sheet.visits():
        step: Step
        match int(visit.record["kind"]):
            case kind if kind == RELOAD:
                step = None
            case kind if kind == PASSED:
                step = Passing(visit.point, int(visit.record["slow_bp"]))
            case _:
                step = stops[reference_of(visit.record)]
        tours[visit.tour].append(step)
    return tours


def _driven(
    frame: Frame, number: int, vehicle: TourVehicle, steps: Sequence[Step], streets: Streets
) -> list[Fault]:
    found: list[Fault] = []
    per_m = seconds_per_metre(vehicle.pace, frame.margin_bp)
    per_leg = seconds_per_leg(vehicle.pace, frame.margin_bp)
    at, here, slow, driven_m = float(frame.second(vehicle.shift.start)), frame.node, 1.0, 0.0
    for step in steps:
        there = frame.node if step is None else step.point
        ahead = _slow(frame, step)
        metres = _straight_m(frame.node, here, there)
        if metres:
            at += (metres * per_m + per_leg) * max(slow, ahead) * streets(here, there)
        driven_m += metres
        here, slow = there, ahead
        if step is None:
            at += vehicle.reload_s
        elif isinstance(step, TourStop):
            at = _let_in(frame, vehicle, step, max(at, frame.second(step.window.start)))
            if at > frame.last(step.window) + _DUST:
                found.append(Fault(number, step.reference, "late", at - frame.last(step.window)))
            parking_s, _ = frame.streets(step.zone_id, step.window)
            at += (step.at_door_s * vehicle.handover_bp + parking_s * vehicle.parking_bp) / 10_000
    metres = _straight_m(frame.node, here, frame.node)
    if metres:
        at += (metres * per_m + per_leg) * slow * streets(here, frame.node)
    over_s = at - frame.second(vehicle.shift.end)
    if over_s > _DUST:
        found.append(Fault(number, None, "after the shift", over_s))
    over_m = vehicle.pace.street_m(driven_m + metres) - vehicle.range_m
    if over_m > _DUST:
        found.append(Fault(number, None, "beyond the range", over_m))
    return found


def _let_in(frame: Frame, vehicle: TourVehicle, stop: TourStop, at: float) -> float:
    """The first second from `at` on at which the streets of a stop are open to the vehicle."""
    known = frame.zones.get(stop.zone_id)
    if not vehicle.combustion or known is None:
        return at
    for _ in range(24):
        local = (frame.midnight + timedelta(seconds=at)).astimezone(ZoneInfo(frame.time_zone))
        if local.hour not in known.low_emission:
            break
        full = local.replace(minute=0, second=0, microsecond=0)
        at += 3_600 - (local - full).total_seconds()
    return at


def _loaded(number: int, vehicle: TourVehicle, steps: Sequence[Step]) -> list[Fault]:
    found: list[Fault] = []
    trip: list[TourStop] = []
    for step in (*steps, None):
        if isinstance(step, TourStop):
            trip.append(step)
        elif step is None:
            load = sum((stop.load for stop in trip), Load())
            over = [d for d in DIMENSIONS[2:] if getattr(load, d) > getattr(vehicle.room, d)]
            found += [Fault(number, None, d, getattr(load, d) - getattr(vehicle.room, d)) for d in over]
            if len(trip) > vehicle.stops_per_trip:
                found.append(Fault(number, None, "stops of a trip", len(trip) - vehicle.stops_per_trip))
            trip = []
    return found


def _slow(frame: Frame, step: Step) -> float:
    match step:
        case None:
            return 1.0
        case Passing():
            return step.slow_bp / 10_000
        case TourStop():
            return frame.streets(step.zone_id, step.window)[1] / 10_000


def _straight_m(node: Point, a: Point, b: Point) -> float:
    metres = radians(1) * EARTH_RADIUS_M
    east = (a.longitude - b.longitude) * cos(radians(node.latitude))
    return hypot(east, a.latitude - b.latitude) * metres
