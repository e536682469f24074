"""Find tours with PyVRP: the routing problem laid onto it, and its answer turned into times.

PyVRP knows one travel time per way. Each is the slowest of those hours in which that way can be begun, given
the windows at its two ends, so that an order that keeps its windows there keeps them in real streets. It
knows no breaks: those are fitted into the finished order, and where one does not fit, that vehicle's break is
searched for again as a stop at its node.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyvrp import PenaltyParams, ProblemData, SolveParams, solve
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, StoppingCriterion

from app.allocation.solve.routing_data import lay_out
from app.tours.check import check
from app.tours.mend import mended
from app.tours.problem import (
    LAST_RESORT_MINOR,
    Itinerary,
    PlannedTour,
    Routes,
    RoutingLimits,
    RoutingProblem,
    cost_of,
    routes_to_json,
    routing_from_json,
    routing_limits_from_json,
    start_from_json,
)
from app.tours.schedule import schedule

# How often breaks that fit nowhere are searched for again, each time with more vehicles resting.
ROUNDS = 3


def route(problem: RoutingProblem, limits: RoutingLimits, start: Sequence[Itinerary] = ()) -> Routes:
    """The best routes found within the limits, beginning from `start` where it can be driven.

    Drops that no tour can bring are left out and named, however firmly they were promised. With `iterations`
    as the limit that ends the search the answer repeats exactly.
    """
    begun = time.perf_counter()
    if not problem.drops or not problem.vehicles:
        left = tuple(range(len(problem.drops)))
        return Routes((), left, cost_of(problem, (), left), 0, 0.0)
    found = _whole_or_eased(problem, limits, start, frozenset())
    resting: frozenset[int] = frozenset()
    for _ in range(ROUNDS):
        restless = _restless(problem, found.orders) - resting
        if not restless:
            break
        resting |= restless
        again = _whole_or_eased(problem, limits, found.orders, resting)
        found = _Found(again.orders, found.iterations + again.iterations)
    best = _routes(problem, found.orders)
    if best.unserved and start:
        # What was known to work is never lost to a search that ended too soon.
        known = _routes(problem, start)
        if known.cost_minor < best.cost_minor and not check(problem, known):
            best = known
    return replace(best, iterations=found.iterations, solver_s=time.perf_counter() - begun)


def _routes(problem: RoutingProblem, orders: Sequence[Itinerary]) -> Routes:
    """The orders with their times; drops that find none are left out."""
    tours = [_timed(problem, order) for order in orders]
    made = tuple(tour for tour in tours if tour)
    brought = {stop.drop for tour in made for trip in tour.trips for stop in trip.stops}
    left = tuple(drop for drop in range(len(problem.drops)) if drop not in brought)
    return Routes(made, left, cost_of(problem, made, left), 0, 0.0)


def _restless(problem: RoutingProblem, orders: Sequence[Itinerary]) -> frozenset[int]:
    """The vehicles into whose order no break fits."""
    return frozenset(
        order.vehicle
        for order in orders
        if problem.vehicles[order.vehicle].breaks and schedule(problem, order) is None
    )


@dataclass(frozen=True)
class _Found:
    """Orders that keep every limit PyVRP knows, and how long it took."""

    orders: tuple[Itinerary, ...]
    iterations: int


def _whole_or_eased(
    problem: RoutingProblem, limits: RoutingLimits, start: Sequence[Itinerary], resting: frozenset[int]
) -> _Found:
    """Orders with every drop that must be brought; where there are none, with as many as there can be."""
    whole = _search(problem, limits, start, resting)
    if whole is not None:
        return whole
    eased = replace(
        problem,
        drops=tuple(
            drop if drop.price_minor is not None else replace(drop, price_minor=LAST_RESORT_MINOR)
            for drop in problem.drops
        ),
    )
    # A search that is over before it finds its way back inside the limits is left with what can be driven.
    known = mended(eased, start).itineraries
    return _search(eased, limits, known, resting) or _Found(known, 0)


def _search(
    problem: RoutingProblem, limits: RoutingLimits, start: Sequence[Itinerary], resting: frozenset[int]
) -> _Found | None:
    laid = lay_out(problem, resting)
    with warnings.catch_warnings():
        # It says so when nothing that keeps all limits was found; that is seen from the answer.
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        result = solve(
            laid.data,
            _stop(limits),
            seed=limits.seed,
            collect_stats=False,
            params=SolveParams(penalty=_penalty(laid.data)),
            initial_solution=laid.solution(start) if start else None,
        )
    if not result.best.is_feasible():
        return None
    return _Found(laid.itineraries(result.best, start), result.num_iterations)


def _penalty(data: ProblemData) -> PenaltyParams:
    """PyVRP's own figures; where drops may be left out, a few seconds too late never cost less than that."""
    dearest = max((client.prize for client in data.clients()), default=0)
    usual = PenaltyParams()
    return replace(usual, max_penalty=max(usual.max_penalty, dearest / 10))


def _stop(limits: RoutingLimits) -> StoppingCriterion:
    runtime = MaxRuntime(limits.seconds)
    if limits.iterations is None:
        return runtime
    return MultipleCriteria([MaxIterations(limits.iterations), runtime])


def _timed(problem: RoutingProblem, order: Itinerary) -> PlannedTour | None:
    """The order with its times; where a break still does not fit, without the last drops."""
    while order.trips:
        tour = schedule(problem, order)
        if tour is not None:
            return tour
        *trips, last = order.trips
        kept = (*trips, last[:-1]) if last[:-1] else tuple(trips)
        order = Itinerary(order.vehicle, kept)
    return None


def main() -> None:
    """Answer problem after problem until the input ends: three lines in (limits, problem, start), one out."""
    read = sys.stdin.buffer.readline
    while line := read():
        limits = routing_limits_from_json(line)
        problem, start = routing_from_json(read()), start_from_json(read())
        sys.stdout.buffer.write(routes_to_json(route(problem, limits, start)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
