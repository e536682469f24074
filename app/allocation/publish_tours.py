"""Make checked tours the ones that are driven: tours, stops and what they teach, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import reduce
from math import cos, radians
from operator import add as plus
from statistics import fmean

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.tour_snapshot import TourSnapshot, fingerprint
from app.booking.compartments import placed
from app.booking.errors import BookingNotFlexible, SlotNotFound
from app.booking.narrow import narrow
from app.booking.settle_place import settle_place
from app.booking.tables import DeliveryBooking
from app.capacity.lock import lock
from app.database.rows import add, table_of
from app.events import record
from app.tours.problem import PlannedTour, Routes, RoutingProblem, travel_s
from app.tours.run_status import TourRunStatus
from app.tours.tables import RoutedWork, Stop, Tour, TourLine, TourRun
from app.tours.window_law import WHOLE_H, hull_area_m2
from app.values.actor import Actor
from app.values.load import Load

_METRES_PER_DEGREE = 111_320

# By the place of a tour in the answer, and the number of its trip from 1.
type TourLines = Mapping[tuple[int, int], Sequence[Sequence[float]]]


def publish_tours(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    run_id: str,
    frozen: TourSnapshot,
    problem: RoutingProblem,
    routes: Routes,
    lines: TourLines | None = None,
) -> bool:
    """Replace the tours that have not left; False, and nothing is changed, when the bookings are others now.

    `problem` is the snapshot's with its travel tables, `lines` are the ways along the streets by tour and
    trip. Past its cut-off it is decided what was left open: the window of a flexible booking is the one that
    it is planned in, and whoever accepts a locker has it there or at the door.
    """
    run = table_of(TourRun)
    mine = sa.select(run.c.status).where(run.c.id == run_id).with_for_update()
    if conn.execute(mine).scalar_one() is not TourRunStatus.SOLVING:
        return False
    if (
        fingerprint(conn, now=now, node_id=frozen.node_id, day=frozen.day, loading=frozen.loading)
        != frozen.fingerprint
    ):
        return False
    due = _due(now, frozen, routes)
    if not _in_compartments(conn, now, due):
        return False
    _remove(conn, now, frozen)
    tours = [(_tour(run_id, frozen, problem, planned), planned) for planned in routes.tours]
    add(conn, *(tour for tour, _ in tours))
    add(conn, *(stop for tour, planned in tours for stop in _stops(frozen, problem, tour, planned)))
    add(conn, *(_line(tours[at][0], trip, line) for (at, trip), line in (lines or {}).items()))
    add(conn, *_work(run_id, frozen, problem, routes))
    conn.execute(sa.update(run).where(run.c.id == run_id).values(**_facts(now, frozen, problem, routes)))
    _narrow(conn, now, actor, frozen, due)
    facts = {"run_id": run_id, "node_id": frozen.node_id, "day": frozen.day.isoformat()}
    record(conn, now=now, topic="tours", kind="tours.published", payload=facts)
    return True


def _remove(conn: Connection, now: datetime, frozen: TourSnapshot) -> None:
    """The tours of before that have not left, and stops of these bookings that other nodes had.

    Also those whose stops others have taken over before they left.
    """
    tour, stop, line = table_of(Tour), table_of(Stop), table_of(TourLine)
    mine = sa.and_(tour.c.node_id == frozen.node_id, tour.c.day == frozen.day, tour.c.id.not_in(frozen.kept))
    conn.execute(sa.delete(stop).where(stop.c.tour_id.in_(sa.select(tour.c.id).where(mine))))
    conn.execute(sa.delete(line).where(line.c.tour_id.in_(sa.select(tour.c.id).where(mine))))
    conn.execute(sa.delete(tour).where(mine))
    stays = sa.exists(sa.select(stop.c.id).where(stop.c.tour_id == tour.c.id))
    idle = sa.and_(tour.c.node_id == frozen.node_id, tour.c.day == frozen.day, tour.c.leaves_at > now)
    empty = sa.select(tour.c.id).where(idle, sa.not_(stays))
    conn.execute(sa.delete(line).where(line.c.tour_id.in_(empty)))
    conn.execute(sa.delete(tour).where(idle, sa.not_(stays)))
    ids = [booking.id for booking in frozen.bookings]
    for start in range(0, len(ids), 500):
        conn.execute(sa.delete(stop).where(stop.c.booking_id.in_(ids[start : start + 500])))


def _tour(run_id: str, frozen: TourSnapshot, problem: RoutingProblem, planned: PlannedTour) -> Tour:
    rostered = frozen.rostered[planned.vehicle]
    vehicle = problem.vehicles[planned.vehicle]
    at = _clock(problem)
    drops = [problem.drops[stop.drop] for trip in planned.trips for stop in trip.stops]
    load = reduce(plus, (drop.load for drop in drops), Load())
    return Tour(
        run_id=run_id,
        node_id=frozen.node_id,
        day=frozen.day,
        vehicle_id=rostered.vehicle_id,
        vehicle_class_id=rostered.class_id,
        shift_starts_at=rostered.starts_at,
        shift_ends_at=rostered.ends_at,
        leaves_at=at(planned.trips[0].leaves_s),
        returns_at=at(planned.returns_s),
        overtime_s=planned.overtime_s,
        distance_m=planned.distance_m,
        trips=len(planned.trips),
        streets=problem.travels[problem.kinds[vehicle.kind].travel].source,
        breaks=[
            {"starts_at": at(one.starts_s).isoformat(), "ends_at": at(one.ends_s).isoformat()}
            for one in planned.breaks
        ],
        load_orders=load.orders,
        load_volume_ml=load.volume_ml,
        load_weight_g=load.weight_g,
        load_chilled_ml=load.chilled_ml,
        load_frozen_ml=load.frozen_ml,
    )


def _clock(problem: RoutingProblem) -> Callable[[int], datetime]:
    """From the problem's seconds to instants."""
    return lambda seconds: problem.begins_at + timedelta(seconds=seconds)


def _stops(frozen: TourSnapshot, problem: RoutingProblem, tour: Tour, planned: PlannedTour) -> list[Stop]:
    at = _clock(problem)
    made: list[Stop] = []
    for number, trip in enumerate(planned.trips, start=1):
        for stop in trip.stops:
            booking = frozen.bookings[stop.drop]
            point = frozen.points[problem.drops[stop.drop].ways[stop.way].place]
            made.append(
                Stop(
                    tour_id=tour.id,
                    booking_id=booking.id,
                    slot_id=frozen.slots[stop.drop][stop.way],
                    trip=number,
                    position=len(made) + 1,
                    arrives_at=at(stop.arrives_s),
                    starts_at=at(stop.starts_s),
                    leaves_at=at(stop.leaves_s),
                    latitude=point.latitude,
                    longitude=point.longitude,
                    locker_id=frozen.lockers[stop.drop][stop.way],
                )
            )
    return made


def _line(tour: Tour, trip: int, line: Sequence[Sequence[float]]) -> TourLine:
    return TourLine(tour_id=tour.id, trip=trip, line=[list(place) for place in line])


def _work(run_id: str, frozen: TourSnapshot, problem: RoutingProblem, routes: Routes) -> list[RoutedWork]:
    """What the drops of each zone and class took: their ways and parking, and a like share of what is the
    tour's: the way home, loading again, overtime."""
    found: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for tour in routes.tours:
        vehicle = problem.vehicles[tour.vehicle]
        legs = [stop for trip in tour.trips for stop in trip.stops]
        out_s = sum(own for _, own in _own_s(problem, tour))
        home_s = (len(tour.trips) - 1) * vehicle.reload_s + max(0, _driven_s(problem, tour) - out_s)
        for stop, own_s in _own_s(problem, tour):
            booking = frozen.bookings[stop]
            sums = found[booking.zone_id, frozen.rostered[tour.vehicle].class_id]
            sums[0] += 1
            sums[1] += booking.reach_work_s
            sums[2] += own_s + home_s / len(legs)
            sums[3] += tour.overtime_s / len(legs)
    return [
        RoutedWork(
            run_id=run_id,
            zone_id=zone_id,
            vehicle_class_id=class_id,
            day=frozen.day,
            drops=int(drops),
            planned_s=round(planned_s),
            routed_s=round(routed_s),
            overtime_s=round(overtime_s),
        )
        for (zone_id, class_id), (drops, planned_s, routed_s, overtime_s) in sorted(found.items())
    ]


def _own_s(problem: RoutingProblem, tour: PlannedTour) -> list[tuple[int, int]]:
    """Per stop its drop, and the seconds of the way there and of parking."""
    vehicle = problem.vehicles[tour.vehicle]
    found = []
    for trip in tour.trips:
        place, at_s = vehicle.start, trip.leaves_s
        for stop in trip.stops:
            way = problem.drops[stop.drop].ways[stop.way]
            parking_s = way.parking_s[vehicle.kind] if way.place != place else 0
            found.append((stop.drop, travel_s(problem, vehicle.kind, place, way.place, at_s) + parking_s))
            place, at_s = way.place, stop.leaves_s
    return found


def _driven_s(problem: RoutingProblem, tour: PlannedTour) -> int:
    """All seconds of the way, the ways home of each trip too."""
    vehicle = problem.vehicles[tour.vehicle]
    homes = 0
    for trip in tour.trips:
        last = trip.stops[-1]
        place = problem.drops[last.drop].ways[last.way].place
        homes += travel_s(problem, vehicle.kind, place, vehicle.end, last.leaves_s)
    return sum(own for _, own in _own_s(problem, tour)) + homes


def _facts(now: datetime, frozen: TourSnapshot, problem: RoutingProblem, routes: Routes) -> dict[str, object]:
    """What the run's row says of it: the figures, and those that the travel law is fitted to."""
    places = [
        problem.drops[stop.drop].ways[stop.way].place
        for tour in routes.tours
        for trip in tour.trips
        for stop in trip.stops
    ]
    node = frozen.points[0]
    east = _METRES_PER_DEGREE * cos(radians(node.latitude))
    flat = [
        ((frozen.points[p].longitude - node.longitude) * east,
         (frozen.points[p].latitude - node.latitude) * _METRES_PER_DEGREE)
        for p in places
    ]  # fmt: skip
    lengths = [
        way.closes_s + 1 - way.opens_s
        for tour in routes.tours
        for trip in tour.trips
        for way in (problem.drops[stop.drop].ways[stop.way] for stop in trip.stops)
    ]
    return {
        "status": TourRunStatus.PUBLISHED,
        "finished_at": now,
        "drops": len(places),
        "left_out": [frozen.bookings[drop].id for drop in routes.unserved],
        "trips": sum(len(tour.trips) for tour in routes.tours),
        "distance_m": sum(tour.distance_m for tour in routes.tours),
        "overtime_s": sum(tour.overtime_s for tour in routes.tours),
        "cost_minor": round(routes.cost_minor),
        "solver_s": routes.solver_s,
        "iterations": routes.iterations,
        "area_m2": round(hull_area_m2(flat)),
        "away_m": round(fmean((x * x + y * y) ** 0.5 for x, y in flat)) if flat else 0,
        "windows": WHOLE_H * 3_600 / fmean(lengths) if lengths else 1.0,
    }


type _Stops = list[tuple[DeliveryBooking, str, str | None]]


def _due(now: datetime, frozen: TourSnapshot, routes: Routes) -> _Stops:
    """The bookings past their cut-off, each with its slot and its locker in these tours."""
    stops = [
        (frozen.bookings[s.drop], frozen.slots[s.drop][s.way], frozen.lockers[s.drop][s.way])
        for tour in routes.tours
        for trip in tour.trips
        for s in trip.stops
    ]
    return [one for one in stops if one[0].cutoff_at <= now]


def _in_compartments(conn: Connection, now: datetime, due: _Stops) -> bool:
    """Whether all that goes to a locker now has a compartment there, which others may have taken."""
    going = [(booking, locker_id) for booking, _, locker_id in due if booking.lockers]
    if going:
        # Bookings, then lockers, then pools, then tentative tours: the one order of locks.
        table = table_of(DeliveryBooking)
        mine = sa.select(table.c.id).where(table.c.id.in_([booking.id for booking, _ in going]))
        conn.execute(mine.order_by("id").with_for_update())
    return placed(conn, now=now, going=going)


def _narrow(conn: Connection, now: datetime, actor: Actor, frozen: TourSnapshot, due: _Stops) -> None:
    """Past the cut-off customers are told the window and the place that the tours keep."""
    settling = {booking.pool_id for booking, *_ in due if booking.lockers}
    if settling:
        lock(conn, pool_ids=settling)
    for booking, slot_id, locker_id in due:
        narrowed = False
        if booking.id in frozen.open_ids:
            with suppress(BookingNotFlexible, SlotNotFound):
                narrow(conn, now=now, actor=actor, booking_id=booking.id, slot_id=slot_id)
                narrowed = True
        if booking.lockers:
            settle_place(
                conn,
                now=now,
                actor=actor,
                booking_id=booking.id,
                locker_id=locker_id,
                tell=not narrowed,
            )
