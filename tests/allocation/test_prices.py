"""Shadow prices between plans: the same as a model built afresh would give, whatever came before."""

from dataclasses import replace

import pytest

from app.allocation.problem import (
    DayChange,
    DayProblem,
    Limits,
    Plan,
    Problem,
    Taken,
    changes_from_json,
    changes_to_json,
    worths_from_json,
    worths_to_json,
)
from app.allocation.solve.day import solve_day
from app.allocation.solve.model import DayModel
from app.allocation.solve.prices import Prices
from app.allocation.solve.sheet import Engine, Sheet
from benchmarks.city import city_day

LIMITS = Limits(day_s=20, gap=0.02)


def some_are_large(problem: Problem) -> Problem:
    """A sixth of the orders fit vans alone: who is turned away for it counts in the prices too."""
    able = ("LARGE_ITEMS",)
    fleets = (replace(f, skills=able if "VAN" in f.kind else ()) for f in problem.fleets)
    return replace(problem, fleets=tuple(fleets), needs=((able, 1_600),))


PROBLEM = some_are_large(city_day(6, 600))
DAY = PROBLEM.days[0]


@pytest.fixture(scope="module")
def plan() -> Plan:
    solution = solve_day(PROBLEM, DAY, hour_price=[0.0] * 4, limits=LIMITS)
    return Plan((solution,), ((0.0,),) * 4, solution.objective, solution.bound, 0, 0, solution.columns)


def afresh(day: DayProblem, vehicles: tuple[int, ...]) -> float:
    """What the day's flows earn in a model of their own."""
    sheet = Sheet("afresh")
    model = DayModel(PROBLEM, day, sheet)
    sheet.maximise(model.objective())
    engine = Engine(sheet, LIMITS)
    engine.fix(model.counts, vehicles)
    objective: float = engine.run().objective_function_value
    return objective


def changed(factor: float, taken: tuple[Taken, ...]) -> DayProblem:
    groups = tuple(replace(group, orders=group.orders * factor) for group in DAY.groups)
    return replace(DAY, groups=groups, taken=taken)


def change(factor: float, taken: tuple[Taken, ...]) -> DayChange:
    to_come = [0.0] * len(PROBLEM.zones)
    for group in DAY.groups:
        to_come[group.zone] += group.orders * factor
    return DayChange(DAY.day, tuple(enumerate(to_come)), taken)


def busiest(plan: Plan) -> tuple[int, int]:
    """The pool with vehicles whose minutes are worth most."""
    (told,) = Prices(PROBLEM, plan).refresh([DayChange(DAY.day)])
    fleet, bucket, _ = max(told.minute_worth, key=lambda one: one[2])
    return fleet, bucket


def test_each_refresh_prices_the_minutes_as_models_built_afresh_do(plan: Plan) -> None:
    prices, vehicles = Prices(PROBLEM, plan), plan.days[0].vehicles
    fleet, bucket = busiest(plan)
    for factor, work_s in ((1.0, 600), (0.7, 9_000), (1.2, 3_000), (0.2, 600)):
        (told,) = prices.refresh([change(factor, (Taken(fleet, bucket, work_s, 0),))])
        worth = {(f, b): w for f, b, w in told.minute_worth}.get((fleet, bucket), 0.0)

        def earned(seconds: int, factor: float = factor) -> float:
            return afresh(changed(factor, (Taken(fleet, bucket, seconds, 0),)), vehicles)

        # The minute that is lost costs no less than its price, the one that is won brings no more.
        dust = 1e-3
        assert earned(work_s) - earned(work_s + 60) >= worth - dust
        assert earned(work_s - 60) - earned(work_s) <= worth + dust


def test_what_is_taken_makes_the_minutes_dearer_and_fewer_orders_cheaper(plan: Plan) -> None:
    prices = Prices(PROBLEM, plan)
    fleet, bucket = busiest(plan)

    def worth(orders: float, work_s: int) -> float:
        (told,) = prices.refresh([change(orders, (Taken(fleet, bucket, work_s, 0),))])
        return {(f, b): w for f, b, w in told.minute_worth}.get((fleet, bucket), 0.0)

    calm, usual, crowded = worth(0.05, 0), worth(1.0, 0), worth(1.5, 6_000)
    assert calm < usual < crowded
    assert worth(1.0, 0) == pytest.approx(usual)


def test_only_the_days_of_the_plan_that_are_named_are_priced(plan: Plan) -> None:
    prices = Prices(PROBLEM, plan)
    assert prices.refresh([]) == ()
    assert prices.refresh([DayChange(DAY.day.replace(day=1))]) == ()
    (told,) = prices.refresh([DayChange(DAY.day)])
    out = {
        (shift.fleet, bucket)
        for shift, count in zip(DAY.shifts, plan.days[0].vehicles, strict=True)
        if count
        for bucket in shift.covers
    }
    assert told.minute_worth
    assert {(fleet, bucket) for fleet, bucket, _ in told.minute_worth} <= out


def test_changes_and_worths_go_to_another_process_and_back(plan: Plan) -> None:
    told = (change(0.5, (Taken(0, 0, 60, 1),)),)
    assert changes_from_json(changes_to_json(told)) == told
    worths = Prices(PROBLEM, plan).refresh(told)
    assert worths_from_json(worths_to_json(worths)) == worths
