"""The tentative tours of a node and day as a routing problem, and an answer as tours again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from app.tours import insertion as way
from app.tours.problem import Drop, Grid, Itinerary, Kind, Routes, RoutingProblem, Travel, Vehicle, Way
from app.tours.records import NOT_PLACED, RELOAD, STOP, reference_of
from app.tours.rules import TourStop
from app.tours.sheet import NOTHING_TOLD, Sheet
from app.values.load import Load

# Further trips than now that a vehicle may make.
_MORE_TRIPS = 1
# A way that is shorter by less than this is the same way, in minor units.
_DUST_MINOR = 0.05


@dataclass(frozen=True)
class TourProblem:
    """The problem, the tours as they are to start from, and whose place is which.

    Vehicles are those of the sheet in their order, `references` the stops by drop.
    """

    problem: RoutingProblem
    start: tuple[Itinerary, ...]
    references: tuple[str, ...]


def tour_problem(
    sheet: Sheet, others: Mapping[str, Collection[str]], told: Mapping[str, TourStop] = NOTHING_TOLD
) -> TourProblem | None:
    """All that the sheet brings; None where there is nothing that any vehicle could.

    A stop is brought by its class or by one of those in `others`, by reference: when such a one may come is
    seen from what is `told` of the stop, else it is when its own class may.
    """
    kinds = {
        reference_of(record): _kinds(sheet, record, others)
        for record in sheet.records
        if record["kind"] == STOP
    }
    records = [r for r in sheet.records if r["kind"] == STOP and kinds[reference_of(r)]]
    if not records:
        return None
    references = tuple(reference_of(record) for record in records)
    firsts = [_first(sheet, group) for group in range(len(sheet.groups))]
    rows = [sheet.figures[number] for number in firsts]
    start = _start(sheet, references)
    problem = RoutingProblem(
        begins_at=sheet.frame.midnight,
        currency="EUR",
        places=len(records) + 1,
        travels=tuple(_travel(sheet, records, number) for number in firsts),
        kinds=tuple(Kind(class_id, class_id, group) for class_id, group in sheet.groups.items()),
        vehicles=tuple(_vehicle(sheet, number, start) for number in range(len(sheet.figures))),
        drops=tuple(
            _drop(sheet, record, place, kinds[reference], rows, told.get(reference))
            for place, (reference, record) in enumerate(zip(references, records, strict=True), start=1)
        ),
    )
    return TourProblem(problem, start, references)


def tours_of(told: TourProblem, routes: Routes) -> list[list[str | None]]:
    """The references in order by tour of the sheet, None for a reload; tours that stay in are empty."""
    found: list[list[str | None]] = [[] for _ in told.problem.vehicles]
    for tour in routes.tours:
        steps = found[tour.vehicle]
        for trip in tour.trips:
            if steps:
                steps.append(None)
            steps += [told.references[stop.drop] for stop in trip.stops]
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


def changed_class(before: Sheet, after: Sheet) -> dict[str, str]:
    """The class that brings a stop now, by reference, where another brought it before."""
    class_of = {group: class_id for class_id, group in after.groups.items()}
    was = {reference: int(record["group"]) for reference, record in before.references().items()}
    return {
        reference: class_of[int(record["group"])]
        for reference, record in after.references().items()
        if record["tour"] != NOT_PLACED and int(record["group"]) != was[reference]
    }


def way_minor(sheet: Sheet) -> float:
    """What the metres of all tours cost, in minor units."""
    per_m = np.array([one.cost_minor_per_km / 1_000 * one.pace.street_m(1) for one in sheet.frame.vehicles])
    return float((sheet.laid.length * per_m).sum())


def better(before: Sheet, after: Sheet) -> bool:
    """Whether other tours of the same stops bring more of them, or as many on a cheaper way."""
    if not after.keeps_all or len(after.unplaced) > len(before.unplaced):
        return False
    saved_minor = way_minor(before) - way_minor(after)
    return len(after.unplaced) < len(before.unplaced) or saved_minor > _DUST_MINOR


def _kinds(sheet: Sheet, record: Any, others: Mapping[str, Collection[str]]) -> tuple[int, ...]:
    """The numbers of the classes that may bring it, among those that drive."""
    also = {sheet.groups[one] for one in others.get(reference_of(record), ()) if one in sheet.groups}
    mine = int(record["group"])
    return tuple(sorted(also | ({mine} if mine != NOT_PLACED else set())))


def _first(sheet: Sheet, group: int) -> int:
    """The first vehicle of a class: all of its vehicles share its figures and its pace."""
    return int(np.flatnonzero(sheet.figures[:, way.GROUP] == group)[0])


def _drop(
    sheet: Sheet,
    record: Any,
    place: int,
    kinds: tuple[int, ...],
    rows: Sequence[way.Floats],
    told: TourStop | None,
) -> Drop:
    # Parking is in the time at the door, as the sheet has it.
    seconds = tuple(
        ceil(record["door_s"] * row[way.HANDOVER] + record["parking_s"] * row[way.PARKING]) for row in rows
    )
    spans = _spans(sheet, record, kinds, told)
    return Drop(
        id=reference_of(record),
        load=Load(
            1,
            0,
            int(record["volume_ml"]),
            int(record["weight_g"]),
            int(record["chilled_ml"]),
            int(record["frozen_ml"]),
        ),
        ways=tuple(
            Way(place, opens, closes, seconds, (0,) * len(rows), kinds=() if len(spans) == 1 else mine)
            for (opens, closes), mine in spans.items()
        ),
        kinds=kinds,
    )


def _spans(
    sheet: Sheet, record: Any, kinds: tuple[int, ...], told: TourStop | None
) -> dict[tuple[int, int], tuple[int, ...]]:
    """Between which seconds which kinds may hand over, those of the class that has it first."""
    own = int(record["opens"]), int(record["closes"])
    mine = int(record["group"])
    found: dict[tuple[int, int], tuple[int, ...]] = {own: (mine,)} if mine in kinds else {}
    for kind in kinds:
        if kind == mine:
            continue
        class_id = sheet.frame.class_ids[kind]
        window = sheet.frame.permitted(class_id, told.zone_id, told.window) if told else None
        span = sheet.seconds(window) if window else own
        found[span] = (*found.get(span, ()), kind)
    return found


def _start(sheet: Sheet, references: Sequence[str]) -> tuple[Itinerary, ...]:
    drop = {reference: number for number, reference in enumerate(references)}
    found = []
    for number, tour in as_they_are(sheet).items():
        trips: list[list[tuple[int, int]]] = [[]]
        for reference in tour:
            if reference is None:
                trips.append([])
            else:
                trips[-1].append((drop[reference], 0))
        legs = tuple(tuple(trip) for trip in trips if trip)
        if legs:
            found.append(Itinerary(number, legs))
    return tuple(found)


def _travel(sheet: Sheet, records: Sequence[Any], number: int) -> Travel:
    """From place to place as the sheet reckons for a vehicle, in whole seconds that are never too few."""
    row = sheet.figures[number]
    ground = np.array([(0.0, 0.0), *(sheet.spot(record) for record in records)])
    slow = np.array([1.0, *(record["slow_bp"] / 10_000 for record in records)])
    metres = np.hypot(*(ground[:, None, axis] - ground[None, :, axis] for axis in range(2)))
    free_s = metres * row[way.PER_M] + np.where(metres > 0, row[way.PER_LEG], 0.0)
    seconds = np.ceil(free_s * np.maximum(slow[:, None], slow[None, :]))
    driven = np.ceil(metres * sheet.frame.vehicles[number].pace.street_m(1))
    return Travel("straight", "straight line with margin", _grid(driven), _grid(seconds))


def _grid(cells: way.Floats) -> Grid:
    return Grid(len(cells), cells.astype("<i4").tobytes())


def _vehicle(sheet: Sheet, number: int, start: Sequence[Itinerary]) -> Vehicle:
    vehicle, frame = sheet.frame.vehicles[number], sheet.frame
    room = vehicle.room
    trips = [len(one.trips) for one in start if frame.vehicles[one.vehicle].class_id == vehicle.class_id]
    return Vehicle(
        id=str(number),
        kind=sheet.groups[vehicle.class_id],
        start=0,
        end=0,
        starts_s=frame.second(vehicle.shift.start),
        ends_s=frame.second(vehicle.shift.end),
        capacity=Load(
            vehicle.stops_per_trip, 0, room.volume_ml, room.weight_g, room.chilled_ml, room.frozen_ml
        ),
        range_m=vehicle.range_m,
        cost_minor_per_km=max(1, vehicle.cost_minor_per_km),
        reloads=max(trips, default=1) - 1 + _MORE_TRIPS,
        reload_s=vehicle.reload_s,
    )
