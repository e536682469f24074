"""The sheet that is handed to HiGHS once, and its passes."""

import pytest

from app.allocation.check import check
from app.allocation.problem import Limits, Plan
from app.allocation.solve.day import solve_day
from app.allocation.solve.model import DayModel
from app.allocation.solve.sheet import Engine, Sheet
from benchmarks.city import city_day

LIMITS = Limits(day_s=20, gap=0.02)
PROBLEM = city_day(6, 600)
DAY = PROBLEM.days[0]
FREE = [0.0] * len(PROBLEM.nodes)


def engine_of(vehicles: tuple[int, ...] = ()) -> tuple[Engine, DayModel]:
    """A fresh engine with the day in it, its vehicles fixed if any are given."""
    sheet = Sheet("afresh")
    model = DayModel(PROBLEM, DAY, sheet)
    sheet.maximise(model.objective(FREE))
    engine = Engine(sheet, LIMITS)
    if vehicles:
        engine.fix(model.counts, vehicles)
    return engine, model


def test_a_day_in_one_engine_is_worth_what_a_fresh_engine_says() -> None:
    solution = solve_day(PROBLEM, DAY, hour_price=FREE, limits=LIMITS)
    fresh, _ = engine_of(solution.vehicles)
    assert fresh.run().objective_function_value == pytest.approx(solution.objective)
    plan = Plan((solution,), ((0.0,),) * 4, solution.objective, solution.bound, 0, 0, solution.columns)
    assert check(PROBLEM, plan) == []
    assert sum(solution.vehicles) > 0


def test_the_vehicles_are_whole_only_in_the_whole_pass() -> None:
    engine, model = engine_of()
    relaxed = engine.run().objective_function_value
    bound, values = engine.whole(model.counts, LIMITS)
    assert values is not None
    assert all(values[n] == pytest.approx(round(values[n])) for n in model.counts)
    assert bound <= relaxed + 1e-6
    assert engine.run().objective_function_value == pytest.approx(relaxed)


def test_a_whole_pass_without_time_finds_nothing_and_proves_no_more_than_it_can() -> None:
    engine, model = engine_of()
    relaxed = engine.run().objective_function_value
    bound, values = engine.whole(model.counts, Limits(day_s=0.0, gap=0.02))
    assert values is None
    assert bound >= relaxed - 1e-6


def test_a_column_that_nothing_names_is_refused() -> None:
    sheet = Sheet("odd")
    used, _ = sheet.column("used", 1), sheet.column("unused", 1)
    sheet.maximise([(used, 1.0)])
    with pytest.raises(ValueError, match="leaves out columns"):
        Engine(sheet, LIMITS)
