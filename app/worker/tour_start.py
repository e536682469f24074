"""Orders of stops that a search for tours begins from: those published last, or the tentative ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.tour_snapshot import TourSnapshot
from app.database.rows import table_of
from app.tours.as_problem import as_they_are
from app.tours.problem import Itinerary, Leg
from app.tours.queries import read_sheets
from app.tours.tables import Stop, Tour
from app.values.window import Window

type _Trips = tuple[tuple[Leg, ...], ...]


def start_of(conn: Connection, frozen: TourSnapshot) -> list[Itinerary]:
    """The orders that bring most of the bookings; the published ones where both bring as many."""
    published, tentative = published_orders(conn, frozen), _tentative(conn, frozen)
    return tentative if _brought(tentative) > _brought(published) else published


def _brought(orders: Sequence[Itinerary]) -> int:
    return sum(len(trip) for order in orders for trip in order.trips)


def published_orders(conn: Connection, frozen: TourSnapshot) -> list[Itinerary]:
    """The orders of the tours published last, as far as their vehicles and bookings are still there."""
    tour, stop = table_of(Tour), table_of(Stop)
    drops = {booking.id: place for place, booking in enumerate(frozen.bookings)}
    vehicles = {(one.vehicle_id, one.starts_at): n for n, one in enumerate(frozen.rostered)}
    query = (
        sa.select(
            tour.c.vehicle_id,
            tour.c.shift_starts_at,
            stop.c.trip,
            stop.c.booking_id,
            stop.c.slot_id,
            stop.c.locker_id,
            stop.c.starts_at,
        )
        .join(stop, stop.c.tour_id == tour.c.id)
        .where(tour.c.node_id == frozen.node_id, tour.c.day == frozen.day, tour.c.id.not_in(frozen.kept))
        .order_by(tour.c.id, stop.c.position)
    )
    orders: dict[int, dict[int, list[Leg]]] = {}
    for row in conn.execute(query):
        vehicle, drop = vehicles.get((row.vehicle_id, row.shift_starts_at)), drops.get(row.booking_id)
        if vehicle is None or drop is None:
            continue
        way = _published_way(frozen, vehicle, drop, row)
        if way is not None:
            orders.setdefault(vehicle, {}).setdefault(row.trip, []).append((drop, way))
    return [
        Itinerary(vehicle, tuple(tuple(trips[number]) for number in sorted(trips)))
        for vehicle, trips in orders.items()
    ]


def _published_way(frozen: TourSnapshot, vehicle: int, drop: int, row: Any) -> int | None:
    """Which way of a drop a published stop was; None where its window or locker is not its own any longer.

    Of stretches of the same window it is the one in which the handover was planned, else the first.
    """
    at_s = (row.starts_at - frozen.problem.begins_at).total_seconds()
    ways = [
        number
        for number in _ways(frozen, vehicle, drop)
        if (frozen.slots[drop][number], frozen.lockers[drop][number]) == (row.slot_id, row.locker_id)
    ]
    told = frozen.problem.drops[drop].ways
    within = (number for number in ways if told[number].opens_s <= at_s <= told[number].closes_s)
    return next(within, ways[0] if ways else None)


def _ways(frozen: TourSnapshot, vehicle: int, drop: int) -> list[int]:
    """The ways of a drop that the vehicle may take."""
    kind, told = frozen.problem.vehicles[vehicle].kind, frozen.problem.drops[drop]
    return [number for number in range(len(told.ways)) if told.may(kind, number)]


def _tentative(conn: Connection, frozen: TourSnapshot) -> list[Itinerary]:
    """The tours that everybody was accepted on, each given to a vehicle of its class and hours.

    Their vehicles may be parts of a shift, before and after its break: both parts go to one vehicle.
    """
    key = (frozen.node_id, frozen.day)
    known = read_sheets(conn, node_ids=[frozen.node_id], first=frozen.day, last=frozen.day).get(key)
    if known is None:
        return []
    sheet, records = known.sheet, known.sheet.references()
    drops = {booking.hold_id: number for number, booking in enumerate(frozen.bookings)}
    orders: dict[int, list[tuple[Leg, ...]]] = defaultdict(list)
    busy_until: dict[int, datetime] = {}
    steps = as_they_are(sheet)
    for number in sorted(steps, key=lambda one: sheet.frame.vehicles[one].shift.start):
        tentative = sheet.frame.vehicles[number]
        vehicle = _vehicle(frozen, tentative.class_id, tentative.shift, busy_until)
        if vehicle is None:
            continue
        trips = tuple(_trips(frozen, vehicle, steps[number], drops, records))
        if trips:
            orders[vehicle] += trips
            busy_until[vehicle] = tentative.shift.end
    return [Itinerary(vehicle, tuple(trips)) for vehicle, trips in orders.items()]


def _trips(
    frozen: TourSnapshot,
    vehicle: int,
    steps: Sequence[str | None],
    drops: dict[str, int],
    records: dict[str, Any],
) -> Iterator[tuple[Leg, ...]]:
    """The trips of a tentative tour; holds that nobody has confirmed are not in them."""
    trip: list[Leg] = []
    for reference in (*steps, None):
        if reference is not None:
            drop = drops.get(reference)
            if drop is not None:
                trip.append((drop, _way(frozen, vehicle, drop, records[reference])))
        elif trip:
            yield tuple(trip)
            trip = []


def _way(frozen: TourSnapshot, vehicle: int, drop: int, record: Any) -> int:
    """Which way of a drop the window of a tentative stop is; the first where it is none of them."""
    ways, told = _ways(frozen, vehicle, drop), frozen.problem.drops[drop].ways
    asked = int(record["opens"]), int(record["closes"])
    same = (number for number in ways if (told[number].opens_s, told[number].closes_s) == asked)
    return next(same, ways[0] if ways else 0)


def _vehicle(
    frozen: TourSnapshot, class_id: str, shift: Window, busy_until: dict[int, datetime]
) -> int | None:
    """A rostered vehicle of the class that is there throughout and free; best one that is out already."""
    fitting = [
        number
        for number, one in enumerate(frozen.rostered)
        if one.class_id == class_id
        and one.starts_at <= shift.start
        and shift.end <= one.ends_at
        and (number not in busy_until or busy_until[number] <= shift.start)
    ]
    # A shift that is just as long as asked leaves the longer ones to those that need them.
    return min(
        fitting,
        key=lambda number: (
            number not in busy_until,
            frozen.rostered[number].ends_at - frozen.rostered[number].starts_at,
            number,
        ),
        default=None,
    )
