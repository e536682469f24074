"""Every benchmark runs from end to end at a tiny size, so that none rots; what it measures is its own affair."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

import pytest

from app.allocation.orders import cost_of
from app.allocation.problem import Limits
from benchmarks import (
    availability,
    breakdown,
    claims,
    hot,
    orders,
    past,
    pgbench,
    plan,
    plan_days,
    plan_fortnight,
    plan_openings,
    plan_prices,
    plan_travel,
)
from benchmarks.__main__ import ALL, main
from benchmarks.cbc import Answer
from benchmarks.cbc import read as cbc_read
from benchmarks.city import city_day
from benchmarks.page import HEAD, Section, Table, spread, written
from benchmarks.shop import Shop, shops

ROUGH = Limits(day_s=1, gap=0.1, processes=1)


@pytest.fixture(scope="module")
def made() -> Iterator[list[Shop]]:
    """The shop on every engine of this machine, planned for a day."""
    with shops(days=1, zones=8) as found:
        yield found


def test_the_city_is_the_same_for_the_same_seed_and_as_large_as_asked() -> None:
    city = city_day(5, 200)
    assert city == city_day(5, 200)
    assert city != city_day(5, 200, seed=2)
    assert len(city.zones) == 5
    assert sum(group.orders for group in city.days[0].groups) == pytest.approx(200)


def test_a_day_is_solved_checked_and_solved_by_others() -> None:
    found = [plan_days.measured(plan_days.Size(4, 200, opening, 0.1, 1)) for opening in (False, True)]
    for one in found:
        assert one.ours.solver_s > 0
        assert one.ours.build_s > 0
        assert one.other.objective is not None
        assert one.other.objective <= one.ours.bound * 1.0001
        assert one.greedy <= one.ours.bound
    assert found[0].greedy > 0
    assert "| 4 / 200 |" in str(plan_days.section(found[:1]))
    assert "| 4 / 200 |" in str(plan_openings.section(found[1:]))


def test_a_day_is_solved_within_budgets_and_told() -> None:
    size = plan.measured(4, 200, marks_s=(0.5, 1.0), repeats=1)
    assert [one.solver_s > 0 for one in size.within] == [True, True]
    assert "| 4 / 200 |" in str(plan.section([size]))


def test_travel_prices_and_fortnights_are_measured_and_told() -> None:
    assert "| 5 / 400 |" in str(plan_travel.section([(5, 400, plan_travel.measured(5, 400, ROUGH))]))
    told = str(plan_prices.section([(5, 400, plan_prices.measured(5, 400, 1, ROUGH))]))
    assert told.count("| 5 / 400 |") == len(plan_prices.SHARES)
    fortnight = plan_fortnight.measured(3, 120, 4_000, ROUGH)
    assert len(fortnight.plan.days) == 14
    assert "| 3 / 120 |" in str(plan_fortnight.section([fortnight]))


def test_orders_are_placed_checked_and_told() -> None:
    size = orders.measured(5, 300, 3.0)
    assert size.plan.partner_couriers <= size.greedy.count(-1)
    assert size.plan.objective <= cost_of(size.problem, size.greedy)
    told = str(orders.section([size]))
    assert f"| {len(size.problem.orders)} |" in told


def test_a_breakdown_stands_beside_what_no_repair_can_beat() -> None:
    full, slack = (breakdown.broken(5, 300, fill, before_s=2.0) for fill in (0.97, 0.8))
    for evening in (full, slack):
        for one in evening:
            assert one.least <= one.plan.partner_couriers <= one.greedy
        assert 0 < evening[0].lost < evening[1].lost < 0.25
        assert [one.classes for one in evening] == [1, 3]
    assert slack[1].least < full[1].least
    told = str(breakdown.section([*full, *slack]))
    for one in full:
        assert f"| 97% | {one.evening:.1%} | {one.classes} | {one.lost:.1%} |" in told


def test_what_cbc_says_is_read() -> None:
    said = "Result - Stopped on time limit\n\nObjective value:     -579729.198531\nLower bound:     -585206\n"
    assert cbc_read(said, 8.0) == Answer(579729.198531, 585206.0, 8.0)
    optimal = cbc_read("Result - Optimal solution found\n\nObjective value:   -12.5\n", 1.0)
    assert (optimal.objective, optimal.bound) == (12.5, 12.5)
    assert cbc_read("Result - Stopped on time limit\n", 1.0) == Answer(None, None, 1.0)


def test_a_week_is_asked_over_http_beside_the_plain_route(made: list[Shop]) -> None:
    found = [availability.measured(shop, 1, 2, 2) for shop in made]
    assert all(one.slots > 0 and len(one.ratios) == 1 for one in found)
    told = str(availability.section(found))
    assert all(f"| {shop.engine} |" in told for shop in made)


def test_claims_are_made_and_told_again_to_a_twin(made: list[Shop]) -> None:
    # In a thread of its own, because a browser may keep a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        each = [thread.submit(claims.measured, shop, 1, 6, 3).result() for shop in made]
    found = [one for both in each for one in both]
    assert [one.verb for one in found] == ["hold", "confirm"] * len(made)
    assert all(timing.statements > 1 for one in found for timing in one.rounds)
    told = str(claims.section(found))
    assert "| SQLite | confirm |" in told


@pytest.mark.timeout(900)
def test_windows_are_held_beside_the_same_sql_without_the_application(made: list[Shop]) -> None:
    with ThreadPoolExecutor(1) as thread:
        each = [thread.submit(hot.measured, shop, (1, 3), 1, 1, 4).result() for shop in made]
    found = [one for both in each for one in both]
    assert [one.windows for one in found] == [1, 3] * len(made)
    for one in found:
        (turn,) = one.rounds
        assert min(turn.ours.per_s, turn.alone.per_s, turn.writes.per_s) > 0
        assert turn.ours.p50_ms <= turn.ours.p99_ms
    told = str(hot.section(found))
    assert all(f"| {shop.engine} | 3 |" in told for shop in made)


def test_a_script_for_pgbench_makes_its_own_keys_and_takes_no_text_for_a_variable() -> None:
    old, new = "01a2172b-e580-777c-a5b2-fdb53a2b486a", "01a2172b-e580-777c-a5b2-000000000000"
    marks = {new: "-0"}
    assert pgbench.own(f"'{old}'", marks) == f"'{old}'"
    assert pgbench.own(f"'{new}:hold'", marks) == "('' || :n || '-0' || ':' || 'hold')"
    assert pgbench.own("""E'{"a\\"":null}'""", marks) == """(E'{"a\\"":' || E'null}')"""
    assert pgbench.own("'18:00:00'", marks) == "'18:00:00'"


def test_a_past_grows_and_is_asked_beside_a_smaller_one(made: list[Shop]) -> None:
    with ThreadPoolExecutor(1) as thread:
        each = [thread.submit(past.measured, shop, (300, 700), 1).result() for shop in made]
    found = [one for both in each for one in both]
    assert [one.bookings for one in found] == [300, 700] * len(made)
    assert all(one.offers.statements > 5 and one.holds.ratios for one in found)
    for first, second in batched(found, 2):
        assert first.engine == second.engine
        assert first.offers.statements == second.offers.statements, "they do not grow with the past"
    told = str(past.section(found))
    assert all(f"| {shop.engine} | 700 |" in told for shop in made)


def test_the_page_keeps_the_sections_that_were_not_measured() -> None:
    first, second = Section("one", "One", "stale words"), Section("two", "Two", "kept")
    page = written(
        written("", [first, second], ["One", "Two"]), [Section("one", "One", "new")], ["One", "Two"]
    )
    assert page.startswith(HEAD)
    assert "stale words" not in page
    assert page.index("new") < page.index("kept")
    assert page.count("## ") == 2


def test_tables_and_spreads_read_well() -> None:
    assert str(Table(("a", "b"), [("1", "2")])) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert spread([3.0, 1.0, 2.0]) == "2.00 [1.00 - 3.00]"


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    said = capsys.readouterr().err
    assert all(benchmark.NAME in said for benchmark in ALL)
