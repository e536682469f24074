"""The planner from end to end on the demo's seed: solved in another process, checked, published."""

import sys
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from app.allocation.check import check
from app.allocation.problem import Limits, Plan, Problem, packed, unpacked
from app.allocation.queries import binding_limits, day_plans, run_of
from app.allocation.rules import RunStatus
from app.allocation.snapshot import snapshot
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import read_seed
from app.fleet.tables import Vehicle
from app.slots.tables import DeliverySlot
from app.worker.plan import plan
from app.worker.solver import SolverFailed, run_solver
from tests.conftest import Clock
from tests.databases import Lite
from tests.patience import given_s

QUICK = Limits(day_s=4, gap=0.02, processes=1)
DAY = date(2026, 11, 25)


def loaded(db: Database) -> None:
    seed = read_seed()
    small = seed.model_copy(update={"city": seed.city.model_copy(update={"zones": 8, "daily_orders": 1_600})})
    db.write_now(lambda c, n: load(c, now=n, seed=small, city=demo_city()))


def problem_of(db: Database, days: int = 1) -> Problem:
    return db.read_now(lambda c, n: snapshot(c, now=n, first=DAY, days=days))


@pytest.fixture(scope="module")
def solved(lite: Lite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Problem, Plan]:
    with lite.database(lite.copy(tmp_path_factory.mktemp("plan") / "plan.db"), Clock()) as db:
        loaded(db)
        problem = problem_of(db, days=2)
    return problem, run_solver(problem, QUICK, wall_s=120)


def test_a_plan_is_published_with_its_proof(db: Database) -> None:
    loaded(db)
    run = plan(db, trigger="test", first=DAY, days=1, limits=QUICK)

    assert run.status is RunStatus.PUBLISHED
    assert run.objective_minor is not None
    assert run.bound_minor is not None
    assert run.bound_minor >= run.objective_minor > 0
    assert run.gap is not None
    assert run.gap < 0.1
    newest = db.read_now(lambda c, _: run_of(c))
    assert newest is not None
    assert newest.id == run.id
    (day,) = db.read_now(lambda c, _: day_plans(c, run.id))
    assert day.vehicles > 0
    assert db.read_now(lambda c, _: binding_limits(c, run.id))
    pools = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    assert sum(pool.sell_orders for pool in pools) >= day.planned_orders * 0.9
    assert all(pool.sell_work_s <= pool.cap_work_s for pool in pools)
    assert db.read_now(lambda c, _: rows(c, DeliverySlot, sa.select(table_of(DeliverySlot))))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "code -9"),
        ("print('nonsense')", "no plan"),
        ("import time; time.sleep(60)", "stopped after"),
        ("raise MemoryError('out of memory')", "out of memory"),
    ],
    ids=["killed", "garbage", "hangs", "crashes"],
)
def test_a_solver_that_fails_leaves_the_last_good_plan(db: Database, script: str, said: str) -> None:
    loaded(db)
    good = plan(db, trigger="test", first=DAY, days=1, limits=QUICK)
    command, wall_s = (sys.executable, "-c", script), given_s(script)
    failed = plan(db, trigger="test", first=DAY, days=1, limits=QUICK, wall_s=wall_s, command=command)

    assert failed.status is RunStatus.FAILED
    assert failed.message is not None
    assert said in failed.message
    newest = db.read_now(lambda c, _: run_of(c))
    assert newest is not None
    assert newest.id == good.id


def test_data_that_cannot_work_says_what_is_missing(db: Database) -> None:
    empty = plan(db, trigger="test", first=DAY, days=1, limits=QUICK)
    assert (empty.status, "No city" in (empty.message or "")) == (RunStatus.REFUSED, True)
    loaded(db)
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Vehicle)).values(out_of_service=True)) and None)
    idle = plan(db, trigger="test", first=DAY, days=1, limits=QUICK)
    assert (idle.status, "No vehicle" in (idle.message or "")) == (RunStatus.REFUSED, True)


def test_the_checker_passes_a_good_plan_and_the_stored_problem_is_whole(solved: tuple[Problem, Plan]) -> None:
    problem, answer = solved
    assert check(problem, answer) == []
    assert unpacked(packed(problem)) == problem


def test_the_same_problem_gives_the_same_plan(solved: tuple[Problem, Plan]) -> None:
    problem, answer = solved
    again = run_solver(problem, QUICK, wall_s=120)
    assert [d.vehicles for d in again.days] == [d.vehicles for d in answer.days]


def faulty(answer: Plan, **changes: object) -> Plan:
    first = replace(answer.days[0], **changes)  # type: ignore[arg-type]
    return replace(answer, days=(first, *answer.days[1:]))


def test_the_checker_finds_planted_faults(solved: tuple[Problem, Plan]) -> None:
    problem, answer = solved
    day = answer.days[0]
    no_vehicles = faulty(answer, vehicles=tuple(0 for _ in day.vehicles))
    too_many = faulty(answer, vehicles=tuple(99 for _ in day.vehicles))
    more_served = faulty(answer, served=tuple(x + 1 for x in day.served))
    negative = faulty(answer, served=(-1.0, *day.served[1:]))
    short = faulty(answer, served=day.served[1:])
    boast = replace(answer, objective=answer.objective * 2)
    low_bound = replace(answer, bound=answer.objective / 2)
    for planted in (no_vehicles, too_many, more_served, negative, short, boast, low_bound):
        assert check(problem, planted), planted
    assert check(problem, replace(answer, days=answer.days[:1]))


def test_a_child_that_is_killed_is_reported(solved: tuple[Problem, Plan]) -> None:
    problem, _ = solved
    with pytest.raises(SolverFailed, match="stopped after"):
        run_solver(problem, replace(QUICK, day_s=60, gap=0.0), wall_s=0.5)
