"""The check finds what is wrong with tours, whoever made them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.tours.check import check
from app.tours.problem import (
    Break,
    Itinerary,
    PlannedTour,
    Routes,
    RoutingProblem,
    cost_of,
)
from app.tours.schedule import schedule
from tests.tours.towns import HOUR, drop, town, van, way

POINTS = [(0, 0), (6_000, 0), (12_000, 0)]


def good() -> tuple[RoutingProblem, PlannedTour]:
    problem = town(
        POINTS,
        [van(breaks=(Break(10 * HOUR, 11 * HOUR, 1_800),)), van(id="other")],
        [drop("a", way(1, 9, 10, parking_s=(60,))), drop("b", way(2, 11, 12, parking_s=(60,)))],
    )
    tour = schedule(problem, Itinerary(0, (((0, 0), (1, 0)),)))
    assert tour is not None
    return problem, tour


def said(problem: RoutingProblem, *tours: PlannedTour, unserved: tuple[int, ...] = ()) -> str:
    costs = cost_of(problem, tours, unserved)
    return " ".join(check(problem, Routes(tours, unserved, costs, 1, 0.1)))


def stops(tour: PlannedTour, number: int, **changes: int) -> PlannedTour:
    trip = tour.trips[0]
    changed = tuple(replace(s, **changes) if n == number else s for n, s in enumerate(trip.stops))
    return replace(tour, trips=(replace(trip, stops=changed),))


def test_good_tours_pass() -> None:
    problem, tour = good()
    assert said(problem, tour) == ""


SPOILT: list[tuple[str, Callable[[PlannedTour], PlannedTour]]] = [
    ("not between", lambda tour: stops(tour, 0, starts_s=8 * HOUR)),
    ("at the door", lambda tour: stops(tour, 0, leaves_s=9 * HOUR + 200)),
    ("so soon", lambda tour: stops(tour, 1, arrives_s=tour.breaks[0].ends_s + 10)),
    ("no time to park", lambda tour: stops(tour, 1, arrives_s=11 * HOUR - 10)),
    ("cannot be back", lambda tour: replace(tour, returns_s=tour.returns_s - 1)),
    ("m said", lambda tour: replace(tour, distance_m=tour.distance_m - 1)),
    ("had no break", lambda tour: replace(tour, breaks=())),
    ("outside its time", lambda tour: replace(tour, breaks=(replace(tour.breaks[0], starts_s=1),))),
    ("breaks for", lambda tour: replace(tour, breaks=(replace(tour.breaks[0], ends_s=36_001),))),
    ("before its shift", lambda tour: replace(tour, trips=(replace(tour.trips[0], leaves_s=1),))),
    ("planned 0 times", lambda tour: replace(tour, trips=(replace(tour.trips[0], stops=tour.trips[0].stops[:1]),))),
    ("s late home", lambda tour: replace(tour, returns_s=16 * HOUR + 5)),
    ("without stops", lambda tour: replace(tour, trips=(*tour.trips, replace(tour.trips[0], stops=())))),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "spoil"), SPOILT, ids=[sentence for sentence, _ in SPOILT])
def test_each_spoilt_tour_is_told_apart(sentence: str, spoil: Callable[[PlannedTour], PlannedTour]) -> None:
    problem, tour = good()
    assert sentence in said(problem, spoil(tour))


def test_loads_range_kinds_and_skills_are_looked_at() -> None:
    problem, tour = good()
    small = replace(problem.vehicles[0].capacity, volume_ml=79_999)
    vehicles = (replace(problem.vehicles[0], capacity=small, range_m=23_999), problem.vehicles[1])
    drops = (replace(problem.drops[0], kinds=(1,)), replace(problem.drops[1], needs=frozenset({"age"})))
    wrong = said(replace(problem, vehicles=vehicles, drops=drops), tour)
    for sentence in ("has room for", "reaches 23999 m", "of a kind", "lacks ['age']"):
        assert sentence in wrong


def test_fuel_that_is_burnt_in_a_low_emission_hour_is_found_whatever_the_windows_say() -> None:
    problem, tour = good()
    closed = replace(problem.drops[0], low_emission_s=((8 * HOUR, 9 * HOUR), (9 * HOUR, 10 * HOUR)))
    clean = replace(problem, drops=(closed, problem.drops[1]))
    assert said(clean, tour) == ""
    burning = replace(clean, kinds=(replace(problem.kinds[0], combustion=True),))
    assert said(burning, tour) == "Vehicle van burns fuel at drop a in a low-emission hour."
    open_again = replace(closed, low_emission_s=((8 * HOUR, 9 * HOUR),))
    assert said(replace(burning, drops=(open_again, problem.drops[1])), tour) == ""
    # A window that is for other kinds is none of its own.
    theirs = replace(problem.drops[0], ways=(replace(problem.drops[0].ways[0], kinds=(1,)),))
    wrong = said(replace(problem, drops=(theirs, problem.drops[1])), tour)
    assert wrong == "Vehicle van is of a kind that may not bring drop a in this window."


def test_a_vehicle_with_two_tours_a_drop_planned_twice_and_a_wrong_cost_are_found() -> None:
    problem, tour = good()
    wrong = said(problem, tour, tour)
    assert "has 2 tours" in wrong
    assert "planned 2 times" in wrong
    assert "said" in " ".join(check(problem, Routes((tour,), (), 1.0, 1, 0.1)))
    assert said(problem, unserved=(0, 1)) == ""
