"""Every benchmark runs from end to end at a tiny size, so that none rots; what it measures is its own affair."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.allocation.orders import cost_of
from benchmarks import availability, claims, orders, plan
from benchmarks.__main__ import ALL, main
from benchmarks.city import city_day
from benchmarks.page import HEAD, Section, Table, spread, written
from benchmarks.plan import Sample, gap_text, reached_text
from benchmarks.shop import Shop, shops


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


def test_the_plan_is_traced_solved_checked_and_told() -> None:
    size = plan.measured(5, 400, budget_s=1.0, repeats=1, aim=0.05)
    (solved,) = size.solved
    assert size.trace[-1].gap is not None
    assert solved.solver_s > 0
    assert solved.build_s > 0
    told = str(plan.section([size]))
    assert "| 5 / 400 |" in told


def test_orders_are_placed_repaired_checked_and_told() -> None:
    size = orders.measured(5, 300, 3.0)
    repair = orders.broken(size)
    assert size.plan.partner_couriers <= size.greedy.count(-1)
    assert repair.plan.objective <= cost_of(repair.problem, repair.greedy)
    told = str(orders.section([size], repair))
    assert f"| {len(size.problem.orders)} |" in told


def test_gaps_are_read_off_at_a_time() -> None:
    trace = [Sample(0.1, float("-inf"), 100.0), Sample(2.0, 99.0, 100.0), Sample(7.0, 99.95, 100.0)]
    assert gap_text(trace, 1.0) == "no plan"
    assert gap_text(trace, 5.0) == "1.010%"
    assert gap_text(trace, 60.0) == "0.050% (ended at 7.0 s)"
    assert reached_text(trace) == "7.0 s"
    assert reached_text(trace[:2]) == "not reached"


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
