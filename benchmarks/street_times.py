"""Layer C: how far the straight lines of tentative tours are from the times of a real city's streets.

It needs a map: `STREETS_MAP` names its extracts (roads first, then houses, with ':' between), `STREETS_DIR`
the folder that `lastlap streets build` made of the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean, quantiles

from app.fleet.rules import Mover, Pace, VehicleKind, pace_of_lines
from app.places.city import CityData
from app.tours.drive import drive, steps_of
from app.tours.pace import pace_between
from app.tours.rules import (
    TRAVEL_MARGIN_BP,
    Frame,
    TourStop,
    TourVehicle,
    ZoneHours,
    seconds_per_leg,
    seconds_per_metre,
)
from app.tours.sheet import Sheet, empty_sheet
from app.values.ids import new_id
from app.values.load import Load
from app.values.point import Point, distance_m
from app.values.window import Window
from app.world.osm import read_city
from app.world.streets import Streets, is_of_streets
from benchmarks.full_day import ORDERS, REFUSED, ZONES, brought
from benchmarks.insertion import windows
from benchmarks.page import Section, Table

NAME = "streets"
TITLE = "Tentative tours on a city's streets"
HOUSES, OTHERS, VEHICLES = 250, 200, 6
MARGINS_BP = (TRAVEL_MARGIN_BP, 5_000, 7_500, 10_000)
_CIRCUITY_BP = 13_000
_MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)
_LIGHT = Load(0, 0, 1, 1, 1, 1)
_ROOMY = Load(0, 0, 10**6, 10**6, 10**6, 10**6)
# Class, stops a trip, reload seconds, share of the parking, and metres east and north of the middle.
_MOVERS = (
    (Mover(VehicleKind.VAN, "van", 28), 36, 1_500, 10_000, (3_600, -300)),
    (Mover(VehicleKind.ELECTRIC_VAN, "electric van", 28), 34, 1_500, 10_000, (500, -350)),
    (Mover(VehicleKind.CARGO_BIKE, "cargo bike", 14), 7, 480, 1_500, (500, -350)),
    (Mover(VehicleKind.CARGO_BIKE, "cargo bike", 14), 7, 480, 1_500, (400, 1_500)),
    (Mover(VehicleKind.E_SCOOTER, "e-scooter", 17), 2, 240, 1_000, (-1_500, 200)),
)


@dataclass(frozen=True, slots=True)
class Driven:
    """A day of tours: the streets' seconds over the reckoned ones without margin, way by way and of all ways
    together; its stops, how many of them come late, and the worst by how much."""

    ratios: Sequence[float]
    together: float
    stops: int
    late: int
    worst_s: float


def is_told() -> bool:
    """Whether there is a map to measure on."""
    return bool(os.environ.get("STREETS_MAP") and os.environ.get("STREETS_DIR"))


def run() -> Section:
    """Fill a day of each class with straight lines and drive it on the streets; raises SystemExit without a map."""
    if not is_told():
        raise SystemExit("Name a map: STREETS_MAP=ROADS.osm.pbf:HOUSES.osm.pbf STREETS_DIR=FOLDER.")
    files = [Path(name) for name in os.environ["STREETS_MAP"].split(":")]
    city = read_city(files, name="here", time_zone="UTC", country_code="PT", holiday_region=None)
    lived = list(city.lived_at)
    middle = Point(fmean(p.latitude for p in lived), fmean(p.longitude for p in lived))
    drawn = Random(5).sample(lived, HOUSES + OTHERS)
    # The pace is measured on other houses than those that are then driven to.
    houses, others = drawn[:HOUSES], drawn[HOUSES:]
    rows, late, paces = [], [], []
    streets = Streets(Path(os.environ["STREETS_DIR"]))
    try:
        for mover, stops, reload_s, parking_bp, (east_m, north_m) in _MOVERS:
            node = _beside(middle, east_m, north_m)
            times = table(streets, mover, [node, *houses])
            vehicle = _vehicle(mover, stops, reload_s, parking_bp)
            told = [driven(_frame(node, vehicle, margin), houses, times) for margin in MARGINS_BP]
            together = round(_CIRCUITY_BP * told[0].together)
            one_figure = replace(vehicle, pace=pace_of_lines(speed_kmh=mover.speed_kmh, circuity_bp=together))
            pace = measured(streets, mover, node, others)
            told += [
                driven(_frame(node, known, TRAVEL_MARGIN_BP), houses, times)
                for known in (one_figure, replace(vehicle, pace=pace))
            ]
            low, *_, high = quantiles(told[0].ratios, n=20)
            share = sum(one > 1 + TRAVEL_MARGIN_BP / 10_000 for one in told[0].ratios) / len(told[0].ratios)
            median = quantiles(told[0].ratios, n=2)[0]
            name = f"{mover.name}, {distance_m(middle, node) / 1_000:.1f} km out"
            rows.append(
                (
                    name,
                    f"{told[0].together:.2f}",
                    f"{low:.2f}",
                    f"{median:.2f}",
                    f"{high:.2f}",
                    f"{share:.0%}",
                )
            )
            late.append((name, *(f"{one.late} of {one.stops}, {one.worst_s:.0f} s" for one in told)))
            lines = pace_of_lines(speed_kmh=mover.speed_kmh, circuity_bp=_CIRCUITY_BP)
            speed, supposed = f"{pace.line_kmh:.0f} km/h", f"{lines.line_kmh:.0f} km/h"
            paces.append((name, f"{pace.detour_bp / 10_000:.2f}", speed, f"{pace.leg_s} s", supposed))
            print(NAME, name, told[0].together, [one.late for one in told], flush=True)
        sold = list(_sold_out(city, streets))
    finally:
        streets.close()
    return section(rows, paces, late, sold)


def _sold_out(city: CityData, streets: Streets) -> Iterator[tuple[str, ...]]:
    for by_streets, name in ((False, "by straight lines"), (True, "at the measured pace")):
        told = brought(city, streets, by_streets=by_streets)
        late = f"{told.late}, {told.worst_s:.0f} s" if told.late else "0"
        yield name, f"{told.booked}", late, f"{told.left_out}", f"{told.overtime_s / 60:.0f} min"


def table(streets: Streets, mover: Mover, places: Sequence[Point]) -> Mapping[tuple[Point, Point], int]:
    """Free-flow seconds between all places on the streets; raises SystemExit where they do not answer."""
    travel = streets.travel(mover, places, circuity_bp=_CIRCUITY_BP)
    if not is_of_streets(travel):
        raise SystemExit(f"No times of streets: {travel.source}.")
    kept = [_kept(place) for place in places]
    return {(a, b): travel.seconds.at(i, j) for i, a in enumerate(kept) for j, b in enumerate(kept) if a != b}


def measured(streets: Streets, mover: Mover, node: Point, addresses: Sequence[Point]) -> Pace:
    """The pace that the house measures."""
    places = list(dict.fromkeys([node, *addresses]))
    pace = pace_between(places, streets.travel(mover, places, circuity_bp=_CIRCUITY_BP))
    if pace is None:
        raise SystemExit("Too few ways to measure a pace.")
    return pace


def driven(frame: Frame, houses: Sequence[Point], times: Mapping[tuple[Point, Point], int]) -> Driven:
    """Two rounds of the houses are asked for; what fits is driven in its order at the streets' times."""
    (pace,) = {one.pace for one in frame.vehicles}
    per_m, per_leg = seconds_per_metre(pace, 0), seconds_per_leg(pace, 0)
    sheet, known = _filled(frame, houses)
    steps = steps_of(sheet, known)

    def times_as_long(a: Point, b: Point) -> float:
        real_s = times.get((_kept(a), _kept(b)), 0)
        return real_s / ((max(1, distance_m(a, b)) * per_m + per_leg) * (10_000 + frame.margin_bp) / 10_000)

    faults = [one for one in drive(frame, steps, streets=times_as_long) if one.what == "late"]
    places = [
        [frame.node, *(s.point if isinstance(s, TourStop) else frame.node for s in tour), frame.node]
        for tour in steps
    ]
    ways = [(a, b) for tour in places for a, b in pairwise(tour) if distance_m(a, b) > 5]
    real = [times.get((_kept(a), _kept(b)), 0) for a, b in ways]
    reckoned = [distance_m(a, b) * per_m + per_leg for a, b in ways]
    return Driven(
        ratios=[r / e for r, e in zip(real, reckoned, strict=True)],
        together=sum(real) / sum(reckoned),
        stops=len(known),
        late=len(faults),
        worst_s=max((one.by for one in faults), default=0.0),
    )


def _filled(frame: Frame, houses: Sequence[Point]) -> tuple[Sheet, dict[str, TourStop]]:
    rnd, sheet, known = Random(7), empty_sheet(frame), dict[str, TourStop]()
    kind = frame.vehicles[0].class_id
    for house in rnd.sample(houses, len(houses)) * 2:
        stop = TourStop(new_id(), kind, "zone", house, rnd.choice(windows(0)), 240, _LIGHT)
        more = sheet.inserted(stop)
        if more is not None:
            sheet, known[stop.reference] = more, stop
    return sheet, known


def _frame(node: Point, vehicle: TourVehicle, margin_bp: int) -> Frame:
    """Six shifts of six hours, half from nine and half from two; streets are free."""
    shifts = [
        Window(_MIDNIGHT + timedelta(hours=begins), _MIDNIGHT + timedelta(hours=begins + 6))
        for begins in (14, 9) * (VEHICLES // 2)
    ]
    return Frame(
        node=node,
        day=_MIDNIGHT.date(),
        midnight=_MIDNIGHT,
        time_zone="UTC",
        margin_bp=margin_bp,
        vehicles=tuple(replace(vehicle, shift=shift) for shift in shifts),
        zones={"zone": ZoneHours((120,) * 24, (10_000,) * 24)},
    )


def _vehicle(mover: Mover, stops: int, reload_s: int, parking_bp: int) -> TourVehicle:
    return TourVehicle(
        class_id=mover.name,
        shift=Window(_MIDNIGHT, _MIDNIGHT + timedelta(hours=6)),
        pace=pace_of_lines(speed_kmh=mover.speed_kmh, circuity_bp=_CIRCUITY_BP),
        handover_bp=10_000,
        parking_bp=parking_bp,
        stops_per_trip=stops,
        reload_s=reload_s,
        range_m=10**7,
        room=_ROOMY,
    )


def _beside(middle: Point, east_m: float, north_m: float) -> Point:
    """So many metres off, near enough for a place to begin from."""
    degree_m = 111_195.0
    shrink = distance_m(middle, replace(middle, longitude=middle.longitude + 0.1)) / (degree_m / 10)
    return Point(middle.latitude + north_m / degree_m, middle.longitude + east_m / degree_m / shrink)


def _kept(point: Point) -> Point:
    """As a sheet keeps it."""
    return Point(round(point.latitude, 7), round(point.longitude, 7))


def section(
    rows: Sequence[tuple[str, ...]],
    paces: Sequence[tuple[str, ...]],
    late: Sequence[tuple[str, ...]],
    sold: Sequence[tuple[str, ...]],
) -> Section:
    """The four tables."""
    head = ("class and node", "all ways", "5 % below", "median", "5 % above", "beyond the margin")
    margins = [f"{margin / 100:g} %" for margin in MARGINS_BP]
    margins.append(f"all ways' ratio first, then {TRAVEL_MARGIN_BP / 100:g} %")
    margins.append(f"the measured pace, then {TRAVEL_MARGIN_BP / 100:g} % (as the house reckons)")
    measures = ("class and node", "detour", "as the crow flies", "and each way", "straight lines suppose")
    text = f"""
Six vehicles of a class are filled by the arithmetic of offers (straight lines x {_CIRCUITY_BP / 10_000:g} at the class's
speed, free streets) with stops at {HOUSES} buildings of the map, twelve windows of 1, 2 and 4 hours; then the times of its streets are
looked up. How many times as long ways take on the streets as reckoned, the margin not counted:

{Table(head, rows)}

The pace that the house measures ([`pace_between`](../app/tours/pace.py)) on ways between {OTHERS} other buildings:

{Table(measures, paces)}

Driven in that order at the streets' times, so many come late, the worst by so much, with a margin of

{Table(("class and node", *margins), late)}

A day of the demo's fleet ({ZONES} zones, {ORDERS} orders a day) at the addresses of the map, with its hours of slow streets, sold through offers, holds
and confirmations until {REFUSED} addresses in a row have no window; then its tours are searched for on the streets and published:

{Table(("plan and offers go", "booked", "late as tentative tours stand", "left out by published tours", "their overtime"), sold)}
"""
    return Section(NAME, TITLE, text)
