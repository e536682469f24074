"""A season in small: the same shoppers, exact repetition, and what the policies must show."""

import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.simulation.evening import WITHIN, Outcome, choose, play
from app.simulation.policies import COUNTERS, POLICIES
from app.simulation.report import cells, estimate, lines, table
from app.simulation.season import Season, expected_shoppers, play_season, share_buying
from app.simulation.town import Kind, Town, default_town, shoppers

# Enough of a search for what is shown here.
EFFORT = 0.1


@pytest.fixture(scope="module")
def small() -> Town:
    """One van and one bike: an evening of fifty orders."""
    return default_town(1)


@pytest.fixture(scope="module")
def evening() -> list[Outcome]:
    season = Season(evenings=1, loads=(1.7,), seed=11, vehicles=1, processes=1, effort=EFFORT)
    return play_season(season, lambda _done, _of, _last: None)


def test_tours_keep_every_promise_and_never_take_more_than_can_be_brought(evening: list[Outcome]) -> None:
    for outcome, policy in zip(evening, POLICIES, strict=True):
        if policy.tours:
            assert outcome.broken == 0, policy.name
        assert 0 < outcome.orders <= outcome.shoppers


def test_re_optimised_tours_take_more_orders_than_insertion_alone(evening: list[Outcome]) -> None:
    _, inserted, improved, *_ = evening
    assert improved.orders > inserted.orders


def test_bid_prices_with_choice_earn_more_than_the_same_tours_at_a_flat_fee(evening: list[Outcome]) -> None:
    _, _, improved, _, table, chosen = evening
    assert chosen.profit_minor > improved.profit_minor
    assert table.profit_minor > improved.profit_minor


def test_an_evening_repeats_exactly_and_is_that_of_its_seed(small: Town, evening: list[Outcome]) -> None:
    first = evening[1]
    seen = shoppers(small, count=first.shoppers, seed=first.evening)
    again = play(
        small,
        POLICIES[1],
        seen,
        expected=expected_shoppers(small, first.load),
        load=first.load,
        evening=first.evening,
        effort=EFFORT,
    )
    assert again == first
    other = shoppers(small, count=first.shoppers, seed=first.evening + 1)
    assert [one.point for one in other] != [one.point for one in seen]


def test_counters_that_reckon_with_too_little_time_break_promises(small: Town) -> None:
    hopeful = replace(small, work_s=400)
    seen = shoppers(hopeful, count=150, seed=12)
    outcome = play(hopeful, COUNTERS, seen, expected=150, load=2.0, evening=12, effort=EFFORT)
    assert outcome.broken > 0
    assert outcome.served == outcome.orders - outcome.broken


def test_a_shopper_takes_the_best_window_or_leaves() -> None:
    kind, quiet = Kind(1.0, (1.0, 2.0), 0.5), (0.0, 0.0, 0.0)
    assert choose(kind, {0: 200, 1: 200}, quiet) == 1
    assert choose(kind, {0: 100, 1: 900}, quiet) == 0
    assert choose(kind, {0: 900, 1: 900}, quiet) is None
    assert choose(kind, {}, quiet) is None


def test_load_is_demand_over_capacity() -> None:
    town = default_town()
    assert expected_shoppers(town, 1.5) * share_buying(town, 400) == pytest.approx(1.5 * town.orders)


def test_a_season_that_makes_no_sense_is_refused() -> None:
    for season in (
        Season(evenings=0),
        Season(loads=()),
        Season(loads=(0.0,)),
        Season(vehicles=0),
        Season(effort=0),
    ):
        with pytest.raises(ValueError, match=r"season|load"):
            play_season(season, lambda _done, _of, _last: None)


def test_lines_compare_with_counters_on_the_same_evenings(evening: list[Outcome]) -> None:
    other = [replace(one, evening=12, margin_minor=one.margin_minor + 1_000) for one in evening]
    found = lines([*evening, *other])
    assert [line.policy for line in found] == [policy.name for policy in POLICIES]
    assert found[0].gain.mean == 0
    assert found[0].gain.half == 0
    assert found[2].gain.mean == pytest.approx((evening[2].profit_minor - evening[0].profit_minor) / 100)
    assert len(table(found).splitlines()) == 2 + len(found)
    assert len(cells(found[0])) == len(table(found).splitlines()[0].strip("| ").split(" | "))
    with pytest.raises(ValueError, match="counters"):
        lines(evening[1:])


def test_an_interval_is_students() -> None:
    found = estimate([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half == pytest.approx(4.303 / 3**0.5, rel=1e-3)
    assert f"{found:+,.1f}" == "+2.0 ± 2.5"
    # One evening says nothing of the next: no interval, and none of width nothing.
    assert estimate([5.0]).half is None
    assert f"{estimate([5.0]):.2f}" == "5.00"


def test_every_policy_is_named_once() -> None:
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)
    assert WITHIN[4] == (0, 1)


def test_an_operator_plays_a_season_and_finds_figures_and_pictures(tmp_path: Path) -> None:
    asked = [
        "--evenings",
        "1",
        "--loads",
        "0.8",
        "--vehicles",
        "1",
        "--processes",
        "2",
        "--effort",
        str(EFFORT),
        "--out",
        str(tmp_path),
    ]
    said = CliRunner().invoke(app, ["simulate", *asked], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    # Every figure can be read in a terminal of 80 columns.
    assert "load 0.8, first-come insertion, 4 EUR" in said.output
    assert re.search(r"cost per drop EUR \d+\.\d\d, orders \d+,", " ".join(said.output.split()))
    assert "±" not in said.output
    assert "…" not in said.output
    told = orjson.loads((tmp_path / "season.json").read_bytes())
    assert [line["policy"] for line in told["lines"]] == [policy.name for policy in POLICIES]
    assert (tmp_path / "season.md").read_text(encoding="utf-8").startswith("| load | policy |")
    for name in ("profit.svg", "cost.svg", "promises.svg"):
        assert "<svg" in (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("loads", ["", "many", "-1", "0.8,0"])
def test_loads_that_make_no_sense_are_refused_with_an_example(loads: str) -> None:
    said = CliRunner().invoke(app, ["simulate", "--loads", loads])
    assert said.exit_code == 2
    assert "0.8,1.2" in said.stderr
