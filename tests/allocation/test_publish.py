"""What is published is what was checked: pools, reach and shifts follow the plan, and nothing else gets through."""

import sys
from collections import defaultdict
from datetime import date
from functools import partial

import pytest
import sqlalchemy as sa

from app.allocation.problem import Plan, Problem
from app.allocation.publish import day_pools, publish
from app.allocation.queries import run_of
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun
from app.capacity.tables import CapacityPool, CapacityReach
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.tables import Shift
from app.values.ids import new_id
from app.worker.plan import plan
from app.worker.solver import run_solver
from tests.allocation.test_plan import DAY, QUICK, loaded, problem_of
from tests.factories import NOW

# A solver that sends half of the vehicles out that its plan needs.
BOASTS = """
from dataclasses import replace
from app.allocation.solve import __main__ as process

honest = process.solve

def boastful(problem, limits, tell):
    plan = honest(problem, limits, tell)
    day = replace(plan.days[0], vehicles=tuple(n // 2 for n in plan.days[0].vehicles))
    return replace(plan, days=(day, *plan.days[1:]))

process.solve = boastful
process.main()
"""


def begun(db: Database, run_id: str, first: date = DAY) -> None:
    run = AllocationRun(
        id=run_id,
        status=RunStatus.SOLVING,
        trigger="test",
        started_at=NOW,
        first_day=first,
        days=1,
        currency="EUR",
    )
    db.write_now(lambda c, _: add(c, run))


def published(db: Database) -> tuple[Problem, Plan]:
    """A day's problem and plan, published as they are."""
    loaded(db)
    problem = problem_of(db)
    answer = run_solver(problem, QUICK, wall_s=170)
    run_id = new_id()
    begun(db, run_id)
    db.write_now(lambda c, n: publish(c, now=n, run_id=run_id, problem=problem, plan=answer))
    return problem, answer


def test_pools_reach_and_shifts_are_the_plans(db: Database) -> None:
    problem, answer = published(db)
    (day,), (solution,) = problem.days, answer.days
    pools = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    reach = db.read_now(lambda c, _: rows(c, CapacityReach, sa.select(table_of(CapacityReach))))
    shifts = db.read_now(lambda c, _: rows(c, Shift, sa.select(table_of(Shift))))

    wanted = {(p.node_id, p.vehicle_class_id, p.window.start): p for p in day_pools(problem, day, solution)}
    assert {(p.node_id, p.vehicle_class_id, p.starts_at) for p in pools} == set(wanted)
    for pool in pools:
        told = wanted[pool.node_id, pool.vehicle_class_id, pool.starts_at]
        assert (pool.vehicles, pool.loads("sell"), pool.loads("cap")) == (told.vehicles, told.sell, told.cap)
        mine = {r.zone_id: r for r in reach if r.pool_id == pool.id}
        assert {z: (r.work_s, r.cost_minor, r.grams, r.distance_m) for z, r in mine.items()} == {
            r.zone_id: (r.work_s, r.cost_minor, r.grams, r.distance_m) for r in told.reach
        }

    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for option, vehicles in zip(day.shifts, solution.vehicles, strict=True):
        if vehicles:
            fleet = problem.fleets[option.fleet]
            counts[problem.nodes[fleet.node].id, fleet.class_id, option.pattern_id] += vehicles
    assert {(s.node_id, s.vehicle_class_id, s.pattern_id): s.vehicles for s in shifts} == counts
    # Every zone that the plan serves can be sold to.
    served = {problem.zones[arc.zone] for arc, x in zip(day.arcs, solution.served, strict=True) if x > 0.01}
    assert {r.zone_id for r in reach} == served


def test_a_door_never_sends_more_than_it_lets_through(db: Database) -> None:
    problem, _ = published(db)
    (day,) = problem.days
    pools = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    hours = {bucket.start: day.bucket_s(b) / 3600 for b, bucket in enumerate(day.buckets)}
    for node in problem.nodes:
        for start, length in hours.items():
            sold = sum(p.sell_orders for p in pools if p.node_id == node.id and p.starts_at == start)
            assert sold <= node.door_orders_per_h * length


def test_a_plan_that_fails_its_check_is_refused_and_the_last_good_one_goes_on(db: Database) -> None:
    loaded(db)
    planned = partial(plan, db, trigger="test", first=DAY, days=1, limits=QUICK)
    good = planned()
    assert good.status is RunStatus.PUBLISHED
    before = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool)).order_by("id")))

    refused = planned(command=(sys.executable, "-c", BOASTS))
    assert refused.status is RunStatus.REFUSED
    assert refused.message is not None
    assert refused.message.startswith("The plan failed its check and is not used: ")
    newest = db.read_now(lambda c, _: run_of(c))
    assert newest is not None
    assert newest.id == good.id
    after = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool)).order_by("id")))
    assert after == before


def test_a_run_that_a_newer_one_has_overtaken_publishes_nothing(db: Database) -> None:
    loaded(db)
    newer: list[AllocationRun] = []

    def overtake(_fact: object) -> None:
        """While the older one is solving, another planner begins, plans and publishes."""
        if not newer:
            newer.append(plan(db, trigger="newer", first=DAY, days=1, limits=QUICK))

    older = plan(db, trigger="older", first=DAY, days=1, limits=QUICK, progress=overtake)
    assert newer[0].status is RunStatus.PUBLISHED
    assert (older.status, older.message) == (
        RunStatus.FAILED,
        "This run had no plan yet when the next one was begun.",
    )
    shown = db.read_now(lambda c, _: run_of(c))
    assert shown is not None
    assert shown.id == newer[0].id


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_plan_longer_than_its_time_is_stopped_and_says_so(db: Database) -> None:
    loaded(db)
    late = plan(db, trigger="test", first=DAY, days=1, limits=QUICK, wall_s=0.2)
    assert late.status is RunStatus.FAILED
    assert late.message == "The solver was stopped after 0.2 s without a plan. The last published plan stays."
