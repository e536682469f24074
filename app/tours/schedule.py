"""When a vehicle that follows an order is where: times, breaks, kilometres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from app.tours.problem import (
    Itinerary,
    PlannedBreak,
    PlannedStop,
    PlannedTour,
    PlannedTrip,
    RoutingProblem,
    Vehicle,
    travel_s,
)

# Where among the stops each break is taken: after so many of them; None when it need not be.
type _Pauses = tuple[int | None, ...]


def schedule(problem: RoutingProblem, itinerary: Itinerary) -> PlannedTour | None:
    """The order with its times, each stop as early as can be and the first of a trip left for just in time.

    A break is taken where the vehicle stands, at the place that brings it back soonest. None when a window, a
    break or the end of the shift cannot be kept. Loads, range and skills are not looked at.
    """
    found: PlannedTour | None = None
    for pauses in _choices(problem, itinerary):
        tour = _Clock(problem, itinerary, pauses).run()
        if tour and (found is None or tour.returns_s < found.returns_s):
            found = tour
        if found and not any(pauses):
            break  # no break is due, or all are taken before leaving: nothing brings it back sooner
    return found


def _choices(problem: RoutingProblem, itinerary: Itinerary) -> Iterator[_Pauses]:
    stops = sum(len(trip) for trip in itinerary.trips)
    breaks = problem.vehicles[itinerary.vehicle].breaks
    yield from product((None, *range(stops + 1)), repeat=len(breaks))


@dataclass
class _Clock:
    """One run through an order; `at_s` is now, `place` where the vehicle stands."""

    problem: RoutingProblem
    itinerary: Itinerary
    pauses: _Pauses
    at_s: int = 0
    place: int = 0
    done: int = 0
    metres: int = 0
    breaks: list[PlannedBreak] = field(default_factory=list)

    @property
    def vehicle(self) -> Vehicle:
        return self.problem.vehicles[self.itinerary.vehicle]

    def run(self) -> PlannedTour | None:
        """The tour, or None where something cannot be kept."""
        vehicle = self.vehicle
        self.at_s, self.place = vehicle.starts_s, vehicle.start
        trips = []
        for number, legs in enumerate(self.itinerary.trips):
            if number:
                self._drive(vehicle.start)
                self.at_s += vehicle.reload_s
            trip = self._trip(legs)
            if trip is None:
                return None
            trips.append(trip)
        self._drive(vehicle.end)
        late_s = max(0, self.at_s - vehicle.ends_s)
        if late_s > vehicle.overtime_s or not self._rested():
            return None
        breaks = tuple(sorted(self.breaks, key=lambda pause: pause.starts_s))
        return PlannedTour(self.itinerary.vehicle, tuple(trips), breaks, self.at_s, self.metres, late_s)

    def _rested(self) -> bool:
        """Whether every break was taken or was not due: the vehicle was back by its latest begin."""
        return all(
            taken is not None or self.at_s <= pause.latest_s
            for taken, pause in zip(self.pauses, self.vehicle.breaks, strict=True)
        )

    def _trip(self, legs: tuple[tuple[int, int], ...]) -> PlannedTrip | None:
        drops = self.problem.drops
        self.at_s = max([self.at_s, *(drops[drop].ready_s for drop, _ in legs)])
        if self.done == 0 and not self._pause():
            return None
        ready_s = self.at_s
        stops: list[PlannedStop] = []
        for drop, way in legs:
            before_s = self.at_s
            stop = self._stop(drop, way)
            if stop is None or (self.done and not self._pause()):
                return None
            if not stops:
                ready_s = self._just_in_time(before_s, drop, way, stop.starts_s)
                arrives_s = ready_s + travel_s(
                    self.problem, self.vehicle.kind, self.vehicle.start, self._place(drop, way), ready_s
                )
                stop = PlannedStop(drop, way, arrives_s, stop.starts_s, stop.leaves_s)
            stops.append(stop)
        return PlannedTrip(ready_s, tuple(stops))

    def _place(self, drop: int, way: int) -> int:
        return self.problem.drops[drop].ways[way].place

    def _stop(self, drop: int, number: int) -> PlannedStop | None:
        way = self.problem.drops[drop].ways[number]
        parking_s = way.parking_s[self.vehicle.kind] if way.place != self.place else 0
        self._drive(way.place)
        arrives_s = self.at_s
        starts_s = max(arrives_s + parking_s, way.opens_s)
        if starts_s > way.closes_s:
            return None
        self.at_s = starts_s + way.at_door_s[self.vehicle.kind]
        self.done += 1
        return PlannedStop(drop, number, arrives_s, starts_s, self.at_s)

    def _drive(self, goal: int) -> None:
        """Drive on, or wait for faster streets first where that arrives sooner."""
        problem, kind = self.problem, self.vehicle.kind
        arrivals = [self.at_s + travel_s(problem, kind, self.place, goal, self.at_s)]
        arrivals += [
            begins_s + travel_s(problem, kind, self.place, goal, begins_s)
            for begins_s in problem.bands_s
            if self.at_s < begins_s < arrivals[0]
        ]
        self.metres += problem.travels[problem.kinds[kind].travel].metres.at(self.place, goal)
        self.at_s, self.place = min(arrivals), goal

    def _just_in_time(self, earliest_s: int, drop: int, number: int, starts_s: int) -> int:
        """The latest second to leave for a trip's first stop without beginning it any later."""
        way, kind = self.problem.drops[drop].ways[number], self.vehicle.kind
        parking_s = way.parking_s[kind] if way.place != self.vehicle.start else 0
        latest_s = earliest_s
        ends = [*self.problem.bands_s[1:], 1 << 40]
        for begins_s, ends_s in zip(self.problem.bands_s, ends, strict=True):
            needs_s = travel_s(self.problem, kind, self.vehicle.start, way.place, begins_s) + parking_s
            leaves_s = min(ends_s - 1, starts_s - needs_s)
            if leaves_s >= max(begins_s, latest_s):
                latest_s = leaves_s
        return latest_s

    def _pause(self) -> bool:
        """Take the breaks that belong here; False when one would begin too late."""
        for number, (after, pause) in enumerate(zip(self.pauses, self.vehicle.breaks, strict=True)):
            if after == self.done and all(taken.number != number for taken in self.breaks):
                starts_s = max(self.at_s, pause.earliest_s)
                if starts_s > pause.latest_s:
                    return False
                self.at_s = starts_s + pause.length_s
                self.breaks.append(PlannedBreak(number, starts_s, self.at_s))
        return True
