"""The ways of found tours along the streets, asked before they are published."""

from __future__ import annotations

from app.allocation.publish_tours import TourLines
from app.allocation.tour_snapshot import TourSnapshot
from app.tours.problem import PlannedTour, PlannedTrip, Routes, RoutingProblem
from app.values.point import Point
from app.world.streets import Line, NoStreets, Streets, is_of_streets


def tour_lines(streets: Streets, frozen: TourSnapshot, problem: RoutingProblem, routes: Routes) -> TourLines:
    """The way of every trip by tour and trip; none where straight lines gave the times."""
    found: dict[tuple[int, int], Line] = {}
    try:
        for at, tour in enumerate(routes.tours):
            kind = problem.vehicles[tour.vehicle].kind
            if not is_of_streets(problem.travels[problem.kinds[kind].travel]):
                continue
            for number, trip in enumerate(tour.trips, start=1):
                line = streets.line(frozen.movers[kind], _points(frozen, problem, tour, trip))
                if line:
                    found[at, number] = line
    except NoStreets:
        # The tours are good without being drawn; what was drawn until then stays.
        return found
    return found


def _points(
    frozen: TourSnapshot, problem: RoutingProblem, tour: PlannedTour, trip: PlannedTrip
) -> list[Point]:
    """From the node past every stop and back."""
    vehicle = problem.vehicles[tour.vehicle]
    stops = [problem.drops[stop.drop].ways[stop.way].place for stop in trip.stops]
    return [frozen.points[place] for place in (vehicle.start, *stops, vehicle.end)]
