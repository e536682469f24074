"""Better tours for a sheet of the simulation: the router on the very times that the sheet reckons with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np

from app.allocation.solve.routes import route
from app.simulation.town import CURRENCY, ZONE, Town
from app.tours.as_problem import as_they_are
from app.tours.problem import (
    Drop,
    Grid,
    Itinerary,
    Kind,
    RoutingLimits,
    RoutingProblem,
    Travel,
    Vehicle,
    Way,
)
from app.tours.rules import TourStop, seconds_per_metre
from app.tours.sheet import Sheet
from app.values.load import Load

# No stop is over sooner: bounds how often a vehicle may come back to load.
SHORTEST_STOP_S = 300
# Only the count of iterations ends a search, so that a season repeats exactly.
_FOREVER_S = 3_600.0


def improved(town: Town, sheet: Sheet, stops: Mapping[str, TourStop], *, iterations: int, seed: int) -> Sheet:
    """The sheet with better tours, or as it was where the router found none that keep all.

    A stop may go to another class of vehicle, as layer B moves bookings between pools; stops without a tour
    are tried too.
    """
    known = list(stops.values())
    problem = problem_of(town, sheet, known)
    limits = RoutingLimits(seconds=_FOREVER_S, iterations=iterations, seed=seed)
    routes = route(problem, limits, _present(sheet, known))
    tours: list[list[str | None]] = [[] for _ in sheet.frame.vehicles]
    for tour in routes.tours:
        for number, trip in enumerate(tour.trips):
            tours[tour.vehicle] += [None] * (number > 0)
            tours[tour.vehicle] += [known[stop.drop].reference for stop in trip.stops]
    made = sheet.rearranged(tours)
    better = made.keeps_all and len(made.unplaced) <= len(sheet.unplaced)
    return made if better else sheet


def problem_of(town: Town, sheet: Sheet, stops: Sequence[TourStop]) -> RoutingProblem:
    """The sheet as a routing problem; place 0 is the node, then the stops in order."""
    frame = sheet.frame
    records = sheet.references()
    ground = np.array([(0.0, 0.0), *(sheet.spot(records[stop.reference]) for stop in stops)])
    slow = np.array([1.0, *(frame.streets(stop.zone_id, stop.window)[1] / 10_000 for stop in stops)])
    straight = np.hypot(*(ground[:, None] - ground[None, :]).transpose(2, 0, 1))
    # The sheet's own time of a leg, see `travel_s` in app/tours/insertion.py.
    slower = straight * np.maximum(slow[:, None], slow[None, :])
    drawn = _grid(np.rint(straight * frame.circuity_bp / 10_000))
    travels = []
    for one in town.classes:
        per_m = seconds_per_metre(one.vehicle, frame.circuity_bp, frame.margin_bp)
        seconds = _grid(np.ceil(slower * per_m))
        travels.append(Travel(one.vehicle.class_id, "straight lines", drawn, seconds))
    kinds = tuple(Kind(one.vehicle.class_id, one.vehicle.class_id, n) for n, one in enumerate(town.classes))
    return RoutingProblem(
        begins_at=frame.midnight,
        currency=CURRENCY,
        places=len(ground),
        travels=tuple(travels),
        kinds=kinds,
        vehicles=tuple(_vehicles(town, sheet)),
        drops=tuple(_drop(town, sheet, place, stop) for place, stop in enumerate(stops, start=1)),
    )


def _vehicles(town: Town, sheet: Sheet) -> list[Vehicle]:
    frame = sheet.frame
    made = []
    for number, vehicle in enumerate(frame.vehicles):
        kind = next(n for n, one in enumerate(town.classes) if one.vehicle.class_id == vehicle.class_id)
        room, shift_s = vehicle.room, vehicle.shift.duration.total_seconds()
        made.append(
            Vehicle(
                id=f"{vehicle.class_id}-{number}",
                kind=kind,
                start=0,
                end=0,
                starts_s=frame.second(vehicle.shift.start),
                ends_s=frame.second(vehicle.shift.end),
                capacity=Load(
                    vehicle.stops_per_trip,
                    0,
                    room.volume_ml,
                    room.weight_g,
                    room.chilled_ml,
                    room.frozen_ml,
                ),
                range_m=vehicle.range_m,
                cost_minor_per_km=round(town.classes[kind].cost_minor_per_km),
                reloads=int(shift_s / vehicle.stops_per_trip / SHORTEST_STOP_S),
                reload_s=vehicle.reload_s,
            )
        )
    return made


def _drop(town: Town, sheet: Sheet, place: int, stop: TourStop) -> Drop:
    frame = sheet.frame
    parking_s, _ = frame.streets(ZONE, stop.window)
    classes = [one.vehicle for one in town.classes]
    way = Way(
        place=place,
        opens_s=frame.second(stop.window.start),
        closes_s=frame.last(stop.window),
        at_door_s=tuple(
            ceil((stop.at_door_s * one.handover_bp + parking_s * one.parking_bp) / 10_000) for one in classes
        ),
        parking_s=(0,) * len(classes),
    )
    return Drop(id=stop.reference, load=stop.load, ways=(way,))


def _present(sheet: Sheet, stops: Sequence[TourStop]) -> tuple[Itinerary, ...]:
    """The tours as they are: where the search begins."""
    numbers = {stop.reference: number for number, stop in enumerate(stops)}
    found = []
    for tour, references in as_they_are(sheet).items():
        trips: list[list[tuple[int, int]]] = [[]]
        for reference in references:
            if reference is None:
                trips.append([])
            else:
                trips[-1].append((numbers[reference], 0))
        legs = tuple(tuple(trip) for trip in trips if trip)
        if legs:
            found.append(Itinerary(tour, legs))
    return tuple(found)


def _grid(table: Any) -> Grid:
    return Grid(len(table), table.astype("<i4").tobytes())
