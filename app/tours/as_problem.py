"""The tentative tours of one class of vehicles as a routing problem, and an answer as tours again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from app.tours import insertion as way
from app.tours.problem import Drop, Grid, Itinerary, Kind, Routes, RoutingProblem, Travel, Vehicle, Way
from app.tours.records import RELOAD, STOP, reference_of
from app.tours.sheet import Sheet
from app.values.load import Load

# What a kilometre costs here: nothing but the way is weighed, so any price will do.
_PER_KM_MINOR = 100
# Further trips than now that a vehicle may make.
_MORE_TRIPS = 1


@dataclass(frozen=True)
class ClassProblem:
    """The problem of a class, the tours as they are to start from, and whose place is which.

    `tours` are the numbers of the sheet's tours by vehicle, `references` the stops by drop.
    """

    problem: RoutingProblem
    start: tuple[Itinerary, ...]
    tours: tuple[int, ...]
    references: tuple[str, ...]


def class_problems(sheet: Sheet) -> list[ClassProblem]:
    """One problem for each class that has anything to bring: a stop stays with its class."""
    found = []
    for class_id, group in sheet.groups.items():
        mine = (sheet.records["group"] == group) & (sheet.records["kind"] == STOP)
        if mine.any():
            found.append(_problem(sheet, class_id, group))
    return found


def tours_of(problem: ClassProblem, routes: Routes) -> dict[int, list[str | None]]:
    """The references in order by tour of the sheet, None for a reload; tours that stay in are empty."""
    found: dict[int, list[str | None]] = {number: [] for number in problem.tours}
    for tour in routes.tours:
        steps: list[str | None] = []
        for trip in tour.trips:
            if steps:
                steps.append(None)
            steps += [problem.references[stop.drop] for stop in trip.stops]
        found[problem.tours[tour.vehicle]] = steps
    return found


def as_they_are(sheet: Sheet) -> dict[int, list[str | None]]:
    """The references of every tour in order, None for a reload."""
    found: dict[int, list[str | None]] = {number: [] for number in range(len(sheet.frame.vehicles))}
    for record in sheet.placed:
        if record["kind"] == RELOAD:
            found[int(record["tour"])].append(None)
        elif record["kind"] == STOP:
            found[int(record["tour"])].append(reference_of(record))
    return found


def travelled_s(sheet: Sheet) -> float:
    """Seconds of driving on all tours, as they are reckoned with."""
    laid = sheet.laid
    total = 0.0
    for number in range(len(sheet.figures)):
        span = laid.places[laid.first[number] : laid.first[number + 1]]
        legs = np.hypot(np.diff(span[:, way.X]), np.diff(span[:, way.Y]))
        slow = np.maximum(span[1:, way.SLOW], span[:-1, way.SLOW])
        total += float((legs * slow).sum() * sheet.figures[number, way.PER_M])
    return total


def better(before: Sheet, after: Sheet) -> bool:
    """Whether other tours of the same stops bring more of them, or as many with less driving."""
    if not after.keeps_all or len(after.unplaced) > len(before.unplaced):
        return False
    saved_s = travelled_s(before) - travelled_s(after)
    return len(after.unplaced) < len(before.unplaced) or saved_s > 1.0


def _problem(sheet: Sheet, class_id: str, group: int) -> ClassProblem:
    figures = sheet.figures
    tours = [number for number in range(len(figures)) if figures[number, way.GROUP] == group]
    records = [r for r in sheet.records if r["kind"] == STOP and r["group"] == group]
    references = tuple(reference_of(record) for record in records)
    one = figures[tours[0]]
    # A service is that of the class, whichever of its vehicles comes.
    service = [
        ceil(record["door_s"] * one[way.HANDOVER] + record["parking_s"] * one[way.PARKING])
        for record in records
    ]
    start = _start(sheet, tours, references)
    most = max((len(order.trips) for order in start), default=1) - 1 + _MORE_TRIPS
    problem = RoutingProblem(
        begins_at=sheet.frame.midnight,
        currency="EUR",
        places=len(records) + 1,
        travels=(_travel(sheet, records, float(one[way.PER_M])),),
        kinds=(Kind(class_id, class_id, 0),),
        vehicles=tuple(_vehicle(sheet, number, most) for number in tours),
        drops=tuple(
            Drop(
                id=reference,
                load=Load(
                    1,
                    0,
                    int(record["volume_ml"]),
                    int(record["weight_g"]),
                    int(record["chilled_ml"]),
                    int(record["frozen_ml"]),
                ),
                ways=(Way(place, int(record["opens"]), int(record["closes"]), (seconds,), (0,)),),
            )
            for place, (reference, record, seconds) in enumerate(
                zip(references, records, service, strict=True), start=1
            )
        ),
    )
    return ClassProblem(problem, start, tuple(tours), references)


def _start(sheet: Sheet, tours: Sequence[int], references: Sequence[str]) -> tuple[Itinerary, ...]:
    drop = {reference: number for number, reference in enumerate(references)}
    now = as_they_are(sheet)
    found = []
    for vehicle, number in enumerate(tours):
        trips: list[list[tuple[int, int]]] = [[]]
        for reference in now[number]:
            if reference is None:
                trips.append([])
            else:
                trips[-1].append((drop[reference], 0))
        legs = tuple(tuple(trip) for trip in trips if trip)
        if legs:
            found.append(Itinerary(vehicle, legs))
    return tuple(found)


def _travel(sheet: Sheet, records: Sequence[Any], per_m: float) -> Travel:
    """From place to place as the sheet reckons, in whole seconds that are never too few."""
    ground = np.array([(0.0, 0.0), *(sheet.spot(record) for record in records)])
    slow = np.array([1.0, *(record["slow_bp"] / 10_000 for record in records)])
    metres = np.hypot(*(ground[:, None, axis] - ground[None, :, axis] for axis in range(2)))
    seconds = np.ceil(metres * per_m * np.maximum(slow[:, None], slow[None, :]))
    driven = np.ceil(metres * sheet.frame.circuity_bp / 10_000)
    return Travel("straight", "straight line with margin", _grid(driven), _grid(seconds))


def _grid(cells: way.Floats) -> Grid:
    return Grid(len(cells), cells.astype("<i4").tobytes())


def _vehicle(sheet: Sheet, number: int, reloads: int) -> Vehicle:
    vehicle, frame = sheet.frame.vehicles[number], sheet.frame
    room = vehicle.room
    return Vehicle(
        id=str(number),
        kind=0,
        start=0,
        end=0,
        starts_s=frame.second(vehicle.shift.start),
        ends_s=frame.second(vehicle.shift.end),
        capacity=Load(
            vehicle.stops_per_trip, 0, room.volume_ml, room.weight_g, room.chilled_ml, room.frozen_ml
        ),
        range_m=vehicle.range_m,
        cost_minor_per_km=_PER_KM_MINOR,
        reloads=reloads,
        reload_s=vehicle.reload_s,
    )
