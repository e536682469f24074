"""Driver hours: priced over the whole fortnight, kept in every week, and named where they bind."""

from collections import Counter
from datetime import date

import pytest
import sqlalchemy as sa

from app.allocation.check import check
from app.allocation.problem import Limits, Plan, Problem, hours_used
from app.allocation.publish import binding_limits
from app.allocation.snapshot import snapshot
from app.database.rows import table_of
from app.places.tables import FulfilmentNode
from app.worker.solver import run_solver
from tests.allocation.test_plan import loaded
from tests.conftest import Clock
from tests.databases import Lite

QUICK = Limits(day_s=4, gap=0.02, processes=1)
# Wednesday to the Tuesday after next: three calendar weeks, the first and the last in part.
FIRST, DAYS = date(2026, 11, 25), 14
SCARCE, PLENTY = 90, 5_000


@pytest.fixture(scope="module")
def fortnight(lite: Lite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Problem, Plan]:
    """A fortnight in which the first node has far too few drivers and the others plenty."""
    node = table_of(FulfilmentNode)
    hours = sa.case((node.c.key == "depot", SCARCE), else_=PLENTY)
    with lite.database(lite.copy(tmp_path_factory.mktemp("hours") / "hours.db"), Clock()) as db:
        loaded(db)
        db.write_now(lambda c, _: c.execute(sa.update(node).values(driver_hours_per_week=hours)) and None)
        problem = db.read_now(lambda c, n: snapshot(c, now=n, first=FIRST, days=DAYS))
    return problem, run_solver(problem, QUICK, wall_s=170)


def used(problem: Problem, plan: Plan, node: int) -> list[float]:
    """Hours of a node by week."""
    weeks = [0.0] * len(problem.nodes[node].hours)
    for day, solution in zip(problem.days, plan.days, strict=True):
        weeks[day.week] += hours_used(day, solution.vehicles, len(problem.nodes), problem.fleets)[node]
    return weeks


def test_a_week_has_its_hours_in_proportion_to_its_planned_days(fortnight: tuple[Problem, Plan]) -> None:
    problem, _ = fortnight
    assert [day.week for day in problem.days] == [0] * 5 + [1] * 7 + [2] * 2
    depot = next(node for node in problem.nodes if "Depot" in node.name)
    assert depot.hours == pytest.approx((SCARCE * 5 / 7, SCARCE, SCARCE * 2 / 7))


def test_every_week_keeps_its_hours_and_the_checker_agrees(fortnight: tuple[Problem, Plan]) -> None:
    problem, plan = fortnight
    assert check(problem, plan) == []
    for place, node in enumerate(problem.nodes):
        for hours, most in zip(used(problem, plan, place), node.hours, strict=True):
            assert hours <= most + 1e-6


def test_scarce_hours_have_a_price_are_nearly_used_up_and_are_named(fortnight: tuple[Problem, Plan]) -> None:
    problem, plan = fortnight
    place, depot = next((i, node) for i, node in enumerate(problem.nodes) if "Depot" in node.name)
    for other, prices in enumerate(plan.hour_price):
        # The last week is Monday and the holiday of 8 December: an hour is worth less there, but something.
        assert all(price > 1 for price in prices) if other == place else not any(prices)
    # A shift is not divisible: less than one long one is left over.
    for hours, most in zip(used(problem, plan, place), depot.hours, strict=True):
        assert hours > most - 8
    limits = binding_limits("run", problem, plan, {})
    named = [limit for limit in limits if limit.limit_name == "driver hours of the week"]
    assert [limit.node_name for limit in named] == [depot.name] * 3
    assert {(limit.starts_at, limit.ends_at) for limit in named} == {
        (week[0].buckets[0].start, week[-1].buckets[-1].end)
        for week in (problem.days[:5], problem.days[5:12], problem.days[12:])
    }
    assert {limit.unit for limit in named} == {"hour"}
    assert [limit.worth_minor for limit in limits] == sorted(
        (limit.worth_minor for limit in limits), reverse=True
    )
    assert max(Counter(limit.limit_name for limit in limits).values()) <= 6


def test_the_bound_is_proved_and_near(fortnight: tuple[Problem, Plan]) -> None:
    _, plan = fortnight
    assert plan.objective > 0
    assert plan.bound >= plan.objective
    assert plan.gap < 0.05
