"""Which pool serves each order: proved, checked in own arithmetic, and as another solver finds it too."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import cbcbox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.allocation.check_orders import check_orders
from app.allocation.orders import (
    PARTNER,
    Choice,
    OpenPool,
    Order,
    OrderLimits,
    OrderPlan,
    OrderProblem,
    cost_of,
    overtime_of,
    packed_orders,
    unpacked_orders,
    used_of,
)
from app.allocation.problem import Limits
from app.allocation.solve.anneal import PLAIN_PYTHON, Annealing
from app.allocation.solve.exchange import Exchange
from app.allocation.solve.orders import solve_orders
from app.allocation.solve.orders_model import OrdersEngine, OrdersModel
from app.allocation.solve.relaxed_orders import relaxed
from app.allocation.solve.rounding import Ledger, first_come, placed
from app.values.load import DIMENSIONS, Load
from app.values.window import Window
from app.worker.solver import SolverFailed, run_orders

QUICK = OrderLimits(seconds=2, gap=1e-6)
EVENING = datetime(2026, 11, 28, 18, tzinfo=UTC)


def town(
    seed: int, *, orders: int = 30, pools: int = 4, tight: float = 0.95, wave: int | None = None
) -> OrderProblem:
    """Random orders against pools that have about as much room as they need."""
    rng = Random(seed)
    room_s = round(orders * 420 * tight / pools)
    made = [
        OpenPool(
            id=f"pool-{p}",
            node_id=f"node-{p % 2}",
            class_id=f"class-{p % 3}",
            window=Window(EVENING + timedelta(hours=p % 2), EVENING + timedelta(hours=p % 2 + 1)),
            room=Load(orders, room_s, 900_000, 400_000, 120_000, 60_000),
            overtime_s=room_s // 20,
            overtime_minor=43.0,
            wave=p % 2 if wave is not None else None,
        )
        for p in range(pools)
    ]
    asked = []
    for o in range(orders):
        takes = rng.sample(range(pools), rng.randint(1, pools))
        choices = tuple(Choice(p, 0, rng.randint(300, 540), float(rng.randint(5, 60))) for p in takes)
        goods = rng.randint(5_000, 60_000)
        asked.append(Order(f"o{o}", goods, goods // 2, goods // 4, goods // 8, 1_400.0, takes[0], choices))
    waves = (wave, wave) if wave is not None else ()
    return OrderProblem(date(2026, 11, 28), "EUR", tuple(made), waves, tuple(asked))


def with_lockers(problem: OrderProblem) -> OrderProblem:
    """Every other order may go to a locker as well: a shorter stop of the same vehicles, a little dearer."""

    def more(order: Order) -> Order:
        quick = [
            replace(c, work_s=c.work_s - 210, move_minor=c.move_minor + 5.0, place=1) for c in order.choices
        ]
        both = [one for pair in zip(order.choices, quick, strict=True) for one in pair]
        return replace(order, choices=tuple(both))

    orders = [more(one) if number % 2 else one for number, one in enumerate(problem.orders)]
    return replace(problem, orders=tuple(orders))


def solved(problem: OrderProblem, limits: OrderLimits = QUICK) -> OrderPlan:
    """An answer that passed the check."""
    plan = solve_orders(problem, limits)
    assert check_orders(problem, plan) == []
    return plan


def test_every_order_is_placed_within_room_and_overtime_and_the_bound_holds() -> None:
    problem = town(1, orders=200, pools=8)
    plan = solved(problem)
    assert plan.bound <= plan.objective <= cost_of(problem, first_come(problem))
    assert plan.partner_couriers < first_come(problem).count(PARTNER)
    assert plan.gap < 0.05


def test_what_no_pool_can_take_goes_to_a_partner_courier_and_is_never_dropped() -> None:
    problem = town(2)
    nothing = tuple(replace(pool, room=Load(), overtime_s=0) for pool in problem.pools)
    plan = solved(replace(problem, pools=nothing))
    assert plan.partner_couriers == len(problem.orders)
    without = replace(problem, orders=tuple(replace(order, choices=()) for order in problem.orders))
    assert solved(without).partner_couriers == len(problem.orders)
    assert solved(replace(problem, orders=())).chosen == ()


def test_a_picking_wave_takes_no_more_orders_than_it_has() -> None:
    problem = town(3, tight=2.0, wave=8)
    plan = solved(problem)
    assert plan.partner_couriers == len(problem.orders) - 16


def test_one_dimension_that_is_short_moves_only_what_needs_it() -> None:
    problem = town(4, tight=2.0)
    no_freezer = replace(problem.pools[0], room=replace(problem.pools[0].room, frozen_ml=0))
    plan = solved(replace(problem, pools=(no_freezer, *problem.pools[1:])))
    used = used_of(problem, plan.chosen)
    assert used[0] == Load()


def test_an_answer_that_sends_an_order_with_vehicles_that_cannot_bring_it_is_found() -> None:
    problem = town(6, orders=3, tight=3.0)
    plan = solved(problem)
    pools = tuple(replace(pool, skills=("LARGE_ITEMS",)) for pool in problem.pools)
    orders = (replace(problem.orders[0], needs=("AGE_CHECK", "LARGE_ITEMS")), *problem.orders[1:])
    assert plan.chosen[0] != PARTNER
    (wrong,) = check_orders(replace(problem, pools=pools, orders=orders), plan)
    assert wrong.endswith("lacks ['AGE_CHECK'] for order o0.")
    able = tuple(replace(pool, skills=("AGE_CHECK", "LARGE_ITEMS")) for pool in problem.pools)
    assert check_orders(replace(problem, pools=able, orders=orders), plan) == []
    known = replace(problem, pools=able, orders=orders)
    assert unpacked_orders(packed_orders(known)) == known


def test_leaving_the_running_plan_is_worth_its_price_or_not_done() -> None:
    problem = town(5, tight=3.0)
    held = tuple(
        replace(
            order,
            choices=tuple(
                replace(c, move_minor=0.0 if c.pool == order.present else 500.0) for c in order.choices
            ),
        )
        for order in problem.orders
    )
    plan = solved(replace(problem, orders=held))
    for order, place in zip(problem.orders, plan.chosen, strict=True):
        assert order.choices[place].pool == order.present
    free = solved(problem)
    assert free.objective < plan.objective


def cbc_best(problem: OrderProblem, folder: Path) -> float:
    """The least cost that CBC proves for the same model."""
    free = {o: range(len(order.choices)) for o, order in enumerate(problem.orders)}
    model = OrdersModel(problem, free, Ledger(problem))
    engine = OrdersEngine(model, Limits())
    engine.integer()
    engine.highs.writeModel(str(folder / "orders.mps"))
    command = [f"{cbcbox.cbc_dist_dir()}/bin/cbc", str(folder / "orders.mps")]
    # CBC reads MPS as a minimisation whatever it says; ours is a maximisation of what is saved.
    command += [
        "-max",
        "-ratio",
        "0",
        "-seconds",
        "60",
        "-solve",
        "-solution",
        str(folder / "answer.txt"),
        "-quit",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    first = (folder / "answer.txt").read_text().splitlines()[0]
    assert first.startswith("Optimal"), first
    return abs(float(first.rsplit(maxsplit=1)[-1]))


@pytest.mark.parametrize("seed", range(4))
def test_small_problems_cost_what_another_solver_finds(seed: int, tmp_path: Path) -> None:
    problem = town(seed, orders=24, pools=4, wave=9 if seed % 2 else None)
    plan = solved(problem)
    assert plan.objective == pytest.approx(cbc_best(problem, tmp_path), rel=2e-3, abs=1.0)


@pytest.mark.parametrize("seed", range(2))
def test_lockers_are_used_where_they_save_minutes_and_cost_what_another_solver_finds(
    seed: int, tmp_path: Path
) -> None:
    problem = with_lockers(town(seed, orders=24, pools=4, tight=0.7))
    plan = solved(problem)
    assert plan.objective == pytest.approx(cbc_best(problem, tmp_path), rel=2e-3, abs=1.0)
    taken = [
        order.choices[at] for order, at in zip(problem.orders, plan.chosen, strict=True) if at != PARTNER
    ]
    assert any(choice.place for choice in taken)
    doors = town(seed, orders=24, pools=4, tight=0.7)
    assert plan.partner_couriers < solved(doors).partner_couriers
    # With room enough nobody walks for nothing.
    wide = with_lockers(town(seed, orders=24, pools=4, tight=3.0))
    chosen = zip(wide.orders, solved(wide).chosen, strict=True)
    assert [order.choices[at].place for order, at in chosen] == [0] * 24
    kept = replace(problem.orders[1], at_door=True)
    at = next(n for n, choice in enumerate(kept.choices) if choice.place)
    wrong = replace(plan, chosen=(plan.chosen[0], at, *plan.chosen[2:]))
    orders = (problem.orders[0], kept, *problem.orders[2:])
    assert f"Order {kept.id} may not go to a locker." in check_orders(replace(problem, orders=orders), wrong)


def plain_relaxation(problem: OrderProblem) -> float:
    """The least cost of the linear relaxation with every column from the first, couriers split as it likes."""
    free = {o: range(len(order.choices)) for o, order in enumerate(problem.orders)}
    return -float(
        OrdersEngine(OrdersModel(problem, free, Ledger(problem)), Limits()).run().objective_function_value
    )


@pytest.mark.parametrize("seed", range(3))
def test_couriers_that_are_not_split_lift_the_bound_and_it_still_holds(seed: int, tmp_path: Path) -> None:
    problem = town(seed, orders=24, pools=4, tight=0.8)
    told = relaxed(problem, Limits())
    assert plain_relaxation(problem) + 1 < told.bound <= cbc_best(problem, tmp_path) + 1e-3
    assert told.bound <= solved(problem).objective + 1e-6


def test_a_day_that_begins_from_a_tenth_of_its_orders_has_the_same_relaxation() -> None:
    problem = town(7, orders=4_100, pools=6, tight=1.0, wave=2_100)
    told = relaxed(problem, Limits())
    assert told.bound == pytest.approx(plain_relaxation(problem), rel=1e-4)
    assert set(told.parts) == set(range(len(problem.orders)))
    assert told.columns < sum(len(order.choices) + 1 for order in problem.orders)


@pytest.mark.parametrize("wave", [None, 26])
def test_annealing_finds_the_same_as_machine_code_and_in_python_and_breaks_no_room(wave: int | None) -> None:
    problem = town(8, orders=60, pools=5, tight=0.9, wave=wave)
    short = replace(problem.pools[1], room=replace(problem.pools[1].room, frozen_ml=20_000))
    problem = replace(problem, pools=(problem.pools[0], short, *problem.pools[2:]))
    told = relaxed(problem, Limits())
    found = [
        Annealing(problem, told.parts, told.dearer, told.minute_worth, code=code).round(
            seconds=0, seed=3, hot=1.4, couriers=told.couriers
        )
        for code in (None, PLAIN_PYTHON)
    ]
    assert found[0] == found[1]
    used = used_of(problem, found[0])
    for pool, load in zip(problem.pools, used, strict=True):
        assert all(getattr(load, d) <= getattr(pool.room, d) for d in DIMENSIONS if d != "work_s")
    for number in range(len(problem.waves)):
        picked = sum(u.orders for pool, u in zip(problem.pools, used, strict=True) if pool.wave == number)
        assert picked <= problem.waves[number]


def minutes_only(problem: OrderProblem) -> OrderProblem:
    """The same with room for all goods, so that only minutes are short."""
    room = Load(len(problem.orders), 0, 10**7, 10**7, 10**7, 10**7)
    pools = (replace(p, room=replace(room, work_s=p.room.work_s)) for p in problem.pools)
    return replace(problem, pools=tuple(pools))


@pytest.mark.parametrize("seed", range(3))
def test_annealing_costs_less_than_the_rounding_that_it_begins_with(seed: int) -> None:
    problem = minutes_only(town(seed, orders=300, pools=12))
    told = relaxed(problem, Limits())
    annealing = Annealing(problem, told.parts, told.dearer, told.minute_worth)
    # A round may end with more work than overtime allows, and placing that again is dear: best of a few.
    rounds = [
        annealing.round(seconds=0.3, seed=s, hot=1.4, couriers=told.couriers, spare_s=1.0)
        for s in range(1, 4)
    ]
    best = min(cost_of(problem, placed(problem, dict(enumerate(found)))) for found in rounds)
    assert told.bound <= best < cost_of(problem, placed(problem, told.whole))


def test_of_a_pool_with_too_much_work_whoever_costs_least_elsewhere_is_placed_again() -> None:
    made = town(1, orders=3, pools=2)
    rooms = [replace(p, room=replace(p.room, work_s=1_000), overtime_s=0) for p in made.pools]
    # All three are 30 s too much: the first is brought elsewhere for 5 more, the others by nobody or dearly.
    choices = (
        (Choice(0, 0, 430, 10.0), Choice(1, 0, 430, 15.0)),
        (Choice(0, 0, 300, 10.0), Choice(1, 0, 300, 90.0)),
        (Choice(0, 0, 300, 10.0),),
    )
    orders = tuple(replace(o, choices=mine) for o, mine in zip(made.orders, choices, strict=True))
    problem = replace(made, pools=tuple(rooms), orders=orders)
    assert placed(problem, {0: 0, 1: 0, 2: 0}) == [1, 0, 0]
    # Where nobody else may bring any of them, the least fee goes to a partner courier.
    alone = tuple(replace(o, choices=o.choices[:1], partner_minor=900.0 + n) for n, o in enumerate(orders))
    assert placed(replace(problem, orders=alone), {0: 0, 1: 0, 2: 0}) == [PARTNER, 0, 0]


@pytest.mark.parametrize("seed", [0, 2, 3, 6])
def test_one_heat_places_everybody_where_exchanges_leave_an_order_with_a_partner_courier(seed: int) -> None:
    problem = minutes_only(town(seed, orders=60, pools=5, tight=0.9))
    told = relaxed(problem, Limits())
    pairs = Exchange(problem, placed(problem, told.whole))
    pairs.improve(seconds=5)
    assert pairs.chosen.count(PARTNER) == 1
    annealing = Annealing(problem, told.parts, told.dearer, told.minute_worth)
    found = annealing.round(seconds=0, seed=1, hot=2.0, couriers=told.couriers)
    assert (found.count(PARTNER), annealing.excess_s()) == (0, 0.0)
    assert found == placed(problem, dict(enumerate(found)))
    assert told.bound <= cost_of(problem, found) < 0.65 * cost_of(problem, pairs.chosen)


def test_partner_couriers_keep_their_number_until_one_more_is_handed_over() -> None:
    problem = minutes_only(town(3, orders=60, pools=5, tight=0.7))
    told = relaxed(problem, Limits())
    assert told.couriers == list(told.parts.values()).count(PARTNER) > 1
    annealing = Annealing(problem, told.parts, told.dearer, told.minute_worth)
    first = annealing.round(seconds=0, seed=1, hot=2.0, couriers=told.couriers)
    assert first.count(PARTNER) == told.couriers
    annealing.go_on()
    annealing.hand_over()
    second = annealing.round(seconds=0, seed=2, hot=2.0, couriers=told.couriers + 1)
    assert second.count(PARTNER) == told.couriers + 1
    # Those that are too many leave as soon as that is worth something: then there is room for them.
    wide = tuple(replace(p, room=replace(p.room, work_s=2 * p.room.work_s)) for p in problem.pools)
    alone = Annealing(
        replace(problem, pools=wide), dict.fromkeys(told.parts, PARTNER), told.dearer, told.minute_worth
    )
    assert alone.round(seconds=0, seed=1, hot=2.0, couriers=0).count(PARTNER) == 0


def test_pools_are_filled_to_the_seconds_that_are_to_be_kept_free() -> None:
    problem = minutes_only(town(4, orders=60, pools=5, tight=0.9))
    told = relaxed(problem, Limits())
    annealing = Annealing(problem, told.parts, told.dearer, told.minute_worth)
    found = annealing.round(seconds=0, seed=1, hot=2.0, couriers=told.couriers, spare_s=30.0)
    for pool, used in zip(problem.pools, used_of(problem, found), strict=True):
        assert used.work_s <= pool.room.work_s + pool.overtime_s - 30


def test_a_search_with_time_for_annealing_is_checked_and_has_the_better_bound() -> None:
    problem = town(9, orders=300, pools=12, tight=0.93)
    hurried = solved(problem, OrderLimits(seconds=1, gap=0.01))
    patient = solved(problem, OrderLimits(seconds=6, gap=0.01))
    assert hurried.bound <= patient.bound <= patient.objective


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["room", "overtime", "money", "bound", "place", "short"]))
def test_the_checker_passes_what_is_right_and_finds_what_was_planted(seed: int, fault: str) -> None:
    problem = town(seed, orders=12, pools=3, tight=0.8)
    chosen = tuple(first_come(problem))
    right = OrderPlan(
        chosen, tuple(overtime_of(problem, chosen)), cost_of(problem, chosen), 0.0, (0.0,) * 3, 0, 0, 0.0, 0.0
    )
    assert check_orders(problem, right) == []
    used = used_of(problem, chosen)
    busy = max(range(3), key=lambda p: used[p].work_s)
    match fault:
        case "room":
            small = replace(problem.pools[busy], room=replace(used[busy], volume_ml=used[busy].volume_ml - 1))
            pools = (*problem.pools[:busy], small, *problem.pools[busy + 1 :])
            assert check_orders(replace(problem, pools=pools), right)
        case "overtime":
            late = [0, 0, 0]
            late[busy] = problem.pools[busy].overtime_s + 1
            cost = right.objective + late[busy] * 43.0 / 60
            assert check_orders(problem, replace(right, overtime_s=tuple(late), objective=cost))
        case "money":
            assert check_orders(problem, replace(right, objective=right.objective - 2))
        case "bound":
            assert check_orders(problem, replace(right, bound=right.objective + 2))
        case "place":
            assert check_orders(problem, replace(right, chosen=(99, *chosen[1:])))
        case _:
            assert check_orders(problem, replace(right, chosen=chosen[1:]))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.booleans())
def test_exchanging_never_costs_more_and_never_breaks_a_room(seed: int, waves: bool, lockers: bool) -> None:
    problem = town(seed, orders=40, pools=5, tight=0.9, wave=18 if waves else None)
    problem = with_lockers(problem) if lockers else problem
    before = first_come(problem)
    pairs = Exchange(problem, before)
    pairs.improve(seconds=2)
    after = pairs.chosen
    assert cost_of(problem, after) <= cost_of(problem, before) + 1e-6
    for pool, used, late in zip(
        problem.pools, used_of(problem, after), overtime_of(problem, after), strict=True
    ):
        assert late <= pool.overtime_s
        assert all(getattr(used, d) <= getattr(pool.room, d) for d in DIMENSIONS if d != "work_s")


def test_the_child_process_gives_the_same_answer_and_a_dead_one_is_reported() -> None:
    problem = town(6)
    answer = run_orders(problem, QUICK, wall_s=120)
    assert check_orders(problem, answer) == []
    assert answer.chosen == solved(problem).chosen
    assert unpacked_orders(packed_orders(problem)) == problem
    with pytest.raises(SolverFailed, match="code 3"):
        run_orders(problem, QUICK, wall_s=60, command=(sys.executable, "-c", "raise SystemExit(3)"))
