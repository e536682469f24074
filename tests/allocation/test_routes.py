"""PyVRP behind our own door: what it answers passes the check that knows nothing of it."""

import subprocess
import sys
from dataclasses import replace

import pytest

from app.allocation.solve.routes import route
from app.tours.check import check
from app.tours.problem import (
    Break,
    Itinerary,
    Routes,
    RoutingLimits,
    RoutingProblem,
    routes_from_json,
    routing_from_json,
    routing_limits_to_json,
    routing_to_json,
    start_to_json,
)
from app.values.load import Load
from tests.tours.towns import HOUR, ORDER, ROOM, drop, scattered, town, van, way

QUICK = RoutingLimits(seconds=30, iterations=150)
POINTS = [(0, 0), (6_000, 0), (12_000, 0), (0, 3_000)]


def routed(problem: RoutingProblem, *start: Itinerary, limits: RoutingLimits = QUICK) -> Routes:
    """Routes that passed the check."""
    routes = route(problem, limits, start)
    assert check(problem, routes) == []
    return routes


def ways_taken(routes: Routes) -> dict[int, int]:
    return {s.drop: s.way for tour in routes.tours for trip in tour.trips for s in trip.stops}


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_scattered_day_is_served_in_its_windows_on_streets_that_slow_down(
    seed: int, flexible: bool
) -> None:
    problem = scattered(60, 6, seed=seed, flexible=flexible)
    routes = routed(problem)
    assert routes.unserved == ()
    assert routing_from_json(routing_to_json(problem)) == problem


def test_the_same_seed_and_iterations_give_the_same_answer_and_a_start_is_never_made_worse() -> None:
    problem = scattered(40, 5, seed=4)
    first, again = routed(problem), routed(problem)
    assert first.tours == again.tours
    warm = routed(problem, *first.itineraries, limits=RoutingLimits(30, 5, seed=9))
    assert warm.cost_minor <= first.cost_minor


def test_a_start_that_misses_drops_and_names_strange_ones_is_completed() -> None:
    problem = scattered(20, 4, seed=5)
    assert (
        routed(problem, Itinerary(0, (((0, 0), (99, 0), (1, 7)),)), Itinerary(77, (((3, 0),),))).unserved
        == ()
    )


def test_one_of_several_windows_is_taken_and_the_dearer_place_only_where_it_pays() -> None:
    near_locker = way(3, 8, 16, at_door_s=(60,))
    home = way(2, 8, 16)
    cheap = town(POINTS, [van()], [drop("a", way(1, 9, 10), way(1, 15, 16)), drop("b", home, near_locker)])
    assert ways_taken(routed(cheap))[1] == 1
    dear = replace(near_locker, dearer_minor=5_000)
    assert ways_taken(routed(town(POINTS, [van()], [drop("b", home, dear)])))[0] == 0


def test_range_room_and_reloads_are_kept() -> None:
    drops = [drop(f"d{n}", way(1 + n % 3, 8, 16)) for n in range(9)]
    small = replace(ROOM, volume_ml=3 * ORDER.volume_ml)
    one = van(capacity=small, reloads=2, reload_s=600)
    assert routed(town(POINTS, [one], drops)).unserved == ()
    assert len(routed(town(POINTS, [replace(one, reloads=1)], drops)).unserved) == 3
    assert len(routed(town(POINTS, [replace(one, range_m=25_000)], drops)).unserved) > 0


def test_chilled_and_frozen_goods_have_their_own_room() -> None:
    frozen = replace(ORDER, frozen_ml=30_000)
    drops = [drop("a", way(1, 8, 16), load=frozen), drop("b", way(1, 8, 16), load=frozen)]
    assert len(routed(town(POINTS, [van()], drops)).unserved) == 1


def test_skills_kinds_and_optional_drops() -> None:
    needs = drop("a", way(1, 8, 16), needs=frozenset({"age"}))
    able = van(id="able", skills=frozenset({"age"}))
    assert routed(town(POINTS, [van()], [needs])).unserved == (0,)
    assert [t.vehicle for t in routed(town(POINTS, [van(), able], [needs])).tours] == [1]
    cheap, dear = (drop("o", way(2, 8, 16), price_minor=price) for price in (10, 90_000))
    assert routed(town(POINTS, [van()], [needs, cheap])).unserved == (0, 1)
    assert routed(town(POINTS, [van()], [dear])).unserved == ()


def test_overtime_is_bought_only_where_it_is_needed() -> None:
    late = van(overtime_s=3_600, overtime_minor_per_h=3_000)
    assert routed(town(POINTS, [late], [drop("a", way(2, 15.9, 16))])).tours[0].overtime_s > 0
    assert routed(town(POINTS, [late], [drop("a", way(2, 15, 16))])).tours[0].overtime_s == 0


def test_a_break_that_fits_into_no_order_is_searched_for_as_a_stop() -> None:
    # Windows one after the other at one house leave the driver no half hour, unless somebody helps.
    drops = [drop(f"d{n}", way(1, 9 + n / 4, 9.2 + n / 4, at_door_s=(900,))) for n in range(12)]
    resting = van(breaks=(Break(10 * HOUR, 11 * HOUR, 1_800),))
    alone = routed(town(POINTS, [resting], drops))
    assert 0 < len(alone.unserved) <= 4
    assert alone.tours[0].breaks
    both = routed(town(POINTS, [resting, replace(resting, id="second")], drops))
    assert both.unserved == ()


def test_identical_drops_without_vehicles_or_vehicles_without_drops_have_an_answer() -> None:
    assert routed(town(POINTS, [], [drop("a", way(1, 8, 9))])).unserved == (0,)
    assert routed(town(POINTS, [van()], [])).tours == ()


def test_the_child_process_answers_one_problem_after_the_other() -> None:
    problems = [
        scattered(12, 3, seed=6),
        town(POINTS, [van()], [drop("a", way(1, 8, 9), load=Load(orders=1))]),
    ]
    asked = b"".join(
        routing_limits_to_json(QUICK) + b"\n" + routing_to_json(one) + b"\n" + start_to_json(()) + b"\n"
        for one in problems
    )
    said = subprocess.run(
        [sys.executable, "-m", "app.allocation.solve.routes"], input=asked, capture_output=True, check=True
    )
    answers = [routes_from_json(line) for line in said.stdout.splitlines()]
    assert [check(problem, answer) for problem, answer in zip(problems, answers, strict=True)] == [[], []]
