"""The routing process: kept for further problems, ended when it must be."""

import sys

import pytest

from app.tours.check import check
from app.tours.problem import RoutingLimits
from app.worker.router import Router
from app.worker.solver import SolverFailed
from tests.tours.towns import drop, scattered, town, van, way

QUICK = RoutingLimits(seconds=20, iterations=20)
ONE = town([(0, 0), (1_000, 0)], [van()], [drop("a", way(1, 9, 10))])


def test_one_process_answers_several_problems() -> None:
    with Router() as router:
        for problem in (ONE, scattered(10, 3, seed=1), ONE):
            assert check(problem, router.route(problem, QUICK)) == []


def test_a_process_that_takes_too_long_is_stopped_and_the_next_problem_has_a_new_one() -> None:
    with Router() as router:
        with pytest.raises(SolverFailed, match="stopped after"):
            router.route(ONE, RoutingLimits(seconds=300), wall_s=0.5)
        assert router.route(ONE, QUICK).unserved == ()


@pytest.mark.parametrize(
    ("does", "said"),
    [("import sys; sys.exit('no memory left')", "no memory left"), ("print('hello')", "no routes")],
)
def test_a_process_that_dies_or_talks_nonsense_is_an_error_in_words(does: str, said: str) -> None:
    with Router((sys.executable, "-c", does)) as router, pytest.raises(SolverFailed, match=said):
        router.route(ONE, QUICK)
