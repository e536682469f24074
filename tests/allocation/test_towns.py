"""Small random towns solved: what the checker says of every plan, what is proved, and what CBC says."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.allocation.check import check
from app.allocation.problem import DayChange, DaySolution, Limits, Plan, Problem, Taken, hours_used
from app.allocation.publish import day_pools
from app.allocation.solve.day import solve_day
from app.allocation.solve.fortnight import solve
from app.allocation.solve.model import DayModel
from app.allocation.solve.prices import Prices
from app.allocation.solve.sheet import Engine, Sheet
from benchmarks.cbc import cbc
from tests.allocation.towns import town

EXACT = Limits(day_s=20, gap=1e-6, processes=1)
FREE = [0.0, 0.0]


def planned(problem: Problem) -> Plan:
    """The only day solved with hours that cost nothing."""
    solution = solve_day(problem, problem.days[0], hour_price=FREE, limits=EXACT)
    return as_plan(solution)


def as_plan(solution: DaySolution) -> Plan:
    zero = ((0.0,), (0.0,))
    return Plan((solution,), zero, solution.objective, solution.bound, 0, 0, 0, solution.chord_bound)


def unbounded(problem: Problem) -> Problem:
    return replace(problem, nodes=tuple(replace(node, hours=(1e6,)) for node in problem.nodes))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000), st.booleans(), st.booleans(), st.booleans())
def test_every_plan_passes_the_checker_and_its_bounds_hold(
    seed: int, concave: bool, opening: bool, skills: bool
) -> None:
    problem = unbounded(town(seed, concave=concave, opening=opening, skills=skills))
    plan = planned(problem)
    assert check(problem, plan) == []
    (solution,) = plan.days
    assert solution.objective <= solution.bound + 1e-3
    assert solution.chord_bound is not None
    assert solution.objective <= solution.chord_bound + 1e-3
    # A pass is never worse than the one before it.
    assert all(after >= before - 1e-3 for before, after in pairwise(solution.passes))
    assert bool(solution.passes) == concave


def test_vehicles_too_few_for_what_the_tangents_drive_in_any_case_still_go_out() -> None:
    # In this town a day is solved again with a few hours: not enough for what the relaxation's lines need.
    problem = town(26, days=3)
    plan = solve(problem, EXACT, lambda _: None)
    assert check(problem, plan) == []
    assert any(plan.days[0].vehicles)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100_000))
def test_the_doors_let_through_what_the_pools_sell_and_what_is_loaded_on_the_way(seed: int) -> None:
    problem = unbounded(town(seed))
    (day,), (solution,) = problem.days, planned(problem).days
    pools = day_pools(problem, day, solution)
    for n, node in enumerate(problem.nodes):
        for b, bucket in enumerate(day.buckets):
            sold = sum(p.sell.orders for p in pools if p.node_id == node.id and p.window == bucket)
            loaded = sum(
                x
                for arc, x in zip(day.arcs, solution.served, strict=True)
                if arc.reload_node == n and arc.bucket == b
            )
            assert sold <= max(0.0, node.door_orders_per_h - loaded) + 1e-6


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 100_000))
def test_days_together_keep_the_hours_of_the_week(seed: int) -> None:
    problem = town(seed, days=3)
    plan = solve(problem, EXACT, lambda _: None)
    assert check(problem, plan) == []
    assert plan.objective <= plan.bound + 1e-3
    used = [
        sum(
            hours_used(d, s.vehicles, 2, problem.fleets)[n]
            for d, s in zip(problem.days, plan.days, strict=True)
        )
        for n in range(2)
    ]
    assert all(hours <= node.hours[0] + 1e-6 for hours, node in zip(used, problem.nodes, strict=True))


def test_prices_follow_openings_and_waves() -> None:
    problem = unbounded(town(11))
    (day,), (solution,) = problem.days, planned(problem).days
    prices = Prices(problem, as_plan(solution))
    (before,) = prices.refresh([DayChange(day.day)])
    assert before.minute_worth
    # Once the wave has all the orders it can pick, its vehicles' minutes are worth nothing while it lasts.
    wave = day.waves[0]
    centre = next(f for f, fleet in enumerate(problem.fleets) if fleet.node == wave.node)
    full = tuple(Taken(centre, bucket, 0, wave.orders) for bucket in wave.buckets)
    (after,) = prices.refresh([DayChange(day.day, taken=full)])
    picked = {(centre, bucket) for bucket in wave.buckets}
    assert not any(worth > 1e-6 for fleet, bucket, worth in after.minute_worth if (fleet, bucket) in picked)


@pytest.mark.parametrize("seed", range(6))
def test_a_second_solver_finds_the_same_optimum(seed: int) -> None:
    problem = town(seed, concave=seed % 2 == 0, skills=seed % 3 > 0)
    sheet = Sheet("both")
    model = DayModel(problem, problem.days[0], sheet)
    sheet.maximise(model.objective(FREE))
    other = cbc(sheet, set(model.whole), seconds=20, gap=0.0)
    engine = Engine(sheet, EXACT)
    engine.run()
    bound, values = engine.whole(model.whole, replace(EXACT, gap=0.0))
    assert values is not None
    assert other.objective == pytest.approx(engine.worth(values), rel=1e-6, abs=0.01)
    assert bound == pytest.approx(engine.worth(values), rel=1e-5, abs=0.01)


def _serves_in_a_wave(problem: Problem) -> Problem:
    wave = replace(problem.days[0].waves[0], orders=0, taken=0)
    return replace(problem, days=(replace(problem.days[0], waves=(wave,)),))


def _streets_are_closed(problem: Problem) -> Problem:
    everywhere = tuple((z, b) for z in range(len(problem.zones)) for b in range(3))
    return replace(problem, days=(replace(problem.days[0], low_emission=everywhere),))


def _fewer_windows(problem: Problem) -> Problem:
    rules = tuple(replace(rule, most=0) for rule in problem.days[0].openings)
    return replace(problem, days=(replace(problem.days[0], openings=rules),))


def _more_windows(problem: Problem) -> Problem:
    rules = tuple(replace(rule, least=3, most=3) for rule in problem.days[0].openings)
    return replace(problem, days=(replace(problem.days[0], openings=rules),))


def _more_service(problem: Problem) -> Problem:
    groups = tuple(replace(group, orders=group.orders * 3) for group in problem.days[0].groups)
    rules = tuple(replace(rule, service_bp=10_000) for rule in problem.days[0].openings)
    return replace(problem, days=(replace(problem.days[0], groups=groups, openings=rules),))


def _longer_ways(problem: Problem) -> Problem:
    arcs = tuple(replace(arc, spread_m=40_000, placed=0) for arc in problem.days[0].arcs)
    return replace(problem, days=(replace(problem.days[0], arcs=arcs),))


def _large_orders_only(problem: Problem) -> Problem:
    return replace(problem, needs=((("LARGE_ITEMS",), 9_990),))


def _none_can(problem: Problem) -> Problem:
    return replace(problem, needs=((("TAIL_LIFT",), 10_000),))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_large_orders_only, "brought by vehicles that cannot"),
        (_none_can, "can bring none of them"),
        (_serves_in_a_wave, "in one wave"),
        (_streets_are_closed, "burns fuel"),
        (_fewer_windows, "open windows"),
        (_more_windows, "open windows"),
        (_more_service, "fewer than its least"),
        (_longer_ways, "works"),
    ],
)
def test_the_checker_finds_a_plan_for_other_rules(change: Callable[[Problem], Problem], said: str) -> None:
    # A town where vans and bikes serve, and windows are chosen.
    problem = unbounded(town(11))
    plan = planned(problem)
    assert check(problem, plan) == []
    assert any(said in what for what in check(change(problem), plan))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opened": ()}, "is not open"),
        ({"empty_trips": ()}, "empty trips"),
        ({"opened": ((1, 0),)}, "no rule asks"),
        ({"chord_bound": None}, ""),
    ],
)
def test_the_checker_finds_planted_openings(changes: dict[str, object], said: str) -> None:
    problem = unbounded(town(11))
    (solution,) = planned(problem).days
    planted = as_plan(replace(solution, **changes))  # type: ignore[arg-type]  # one field each
    found = check(problem, planted)
    assert any(said in what for what in found) if said else found == []
    low = replace(as_plan(solution), chord_bound=solution.objective - 100)
    assert any("chord bound" in what for what in check(problem, low))
