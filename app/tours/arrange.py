"""Bring stops onto the vehicles of a frame: as they lay before where that still works, else anew."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from app.tours.records import RELOAD, STOP, reference_of
from app.tours.rules import Frame, TourStop
from app.tours.sheet import Sheet, empty_sheet
from app.values.window import Window


def arranged(frame: Frame, stops: Sequence[TourStop], before: Sheet | None = None) -> Sheet:
    """All of the stops, each on a tour if one takes it; what none takes is kept as unplaced.

    Tours of the sheet `before` go to a vehicle of the same class and shift. Those that do not work any
    more as they are, and stops that are new or of another class now, go in one after the other, the
    narrowest windows first.
    """
    known = {stop.reference: stop for stop in stops}
    sheet = empty_sheet(frame)
    for number, tour in _carried_over(frame, known, before).items():
        same = sheet.with_tour(number, tour)
        if same.keeps_all:
            sheet = same
    there = sheet.references()
    rest = [stop for reference, stop in known.items() if reference not in there]
    for stop in sorted(rest, key=lambda one: (one.window.duration, one.window.start, one.reference)):
        sheet = sheet.settled(stop)
    return sheet


def reconciled(sheet: Sheet, stops: Sequence[TourStop]) -> Sheet:
    """The sheet with exactly these stops as they are told now, and the unplaced ones tried once more.

    What was cancelled unnoticed leaves, what is missing comes, what changed its class or window moves.
    """
    known = {stop.reference: stop for stop in stops}
    sheet = sheet.without([reference for reference in sheet.references() if reference not in known])
    waiting = [reference_of(record) for record in sheet.unplaced]
    there = sheet.references()
    moved = [stop for stop in stops if stop.reference not in there or not sheet.has_as_told(stop)]
    again = {**{stop.reference: stop for stop in moved}, **{ref: known[ref] for ref in waiting}}
    for stop in again.values():
        changed = sheet.changed(stop) if stop.reference in there else sheet.inserted(stop)
        sheet = changed or sheet.without([stop.reference]).with_unplaced(stop)
    return sheet


def _carried_over(
    frame: Frame, known: Mapping[str, TourStop], before: Sheet | None
) -> dict[int, list[TourStop | None]]:
    """By new vehicle the tour of an old one with the same class and shift, without what is gone."""
    if before is None:
        return {}
    free: dict[tuple[str, Window], deque[int]] = defaultdict(deque)
    for number, vehicle in enumerate(frame.vehicles):
        free[vehicle.class_id, vehicle.shift].append(number)
    tours: dict[int, list[TourStop | None]] = defaultdict(list)
    for visit in before.visits():
        kind = int(visit.record["kind"])
        if kind == RELOAD:
            tours[visit.tour].append(None)
        elif kind == STOP and (stop := known.get(reference_of(visit.record))):
            tours[visit.tour].append(stop)
    carried: dict[int, list[TourStop | None]] = {}
    for old, tour in tours.items():
        vehicle = before.frame.vehicles[old]
        waiting = free[vehicle.class_id, vehicle.shift]
        steps = [stop for stop in tour if stop is None or _comes(frame, vehicle.class_id, stop)]
        if waiting and any(steps):
            carried[waiting.popleft()] = steps
    return carried


def _comes(frame: Frame, class_id: str, stop: TourStop) -> bool:
    return stop.class_id == class_id and frame.may(class_id, stop.zone_id, stop.window)
