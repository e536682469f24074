"""The forecast on a town whose demand is known: it beats the prior and last week, and knows what it does not."""

import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from app.demand.estimate import estimate
from app.demand.rules import DayKind, History, Outlook, wrong_with
from app.worker.demand import ForecastFailed, run_estimate
from tests.demand.town import FIRST, PRIOR, Town, seen
from tests.patience import given_s

TOWN = Town()
SEEDS = range(4)


@cache
def known(days: int, seed: int) -> tuple[History, Outlook]:
    """A history of the town and what is forecast of it."""
    history = TOWN.history(days, seed=seed)
    return history, estimate(history)


def error(told: list[float], real: list[int]) -> float:
    """Mean absolute error in shares of what was really ordered."""
    return sum(abs(t - r) / r for t, r in zip(told, real, strict=True)) / len(real)


def told(outlook: Outlook) -> list[float]:
    return [day.orders for day in outlook.days]


@pytest.mark.parametrize("days", [28, 84])
def test_the_forecast_beats_the_prior_and_last_weeks_orders(days: int) -> None:
    ours, prior, naive = 0.0, 0.0, 0.0
    for seed in SEEDS:
        history, outlook = known(days, seed)
        real = TOWN.to_come(history, seed=seed)
        ours += error(told(outlook), real)
        prior += error([PRIOR.orders(one.day) for one in history.ahead], real)
        naive += error([float(n) for n in seen(history)[-7:] * 2], real)
    assert ours < 0.95 * naive
    assert ours < 0.5 * prior


def test_four_days_of_five_fall_into_the_interval() -> None:
    inside = [
        day.low <= real <= day.high
        for seed in SEEDS
        for days in (28, 84)
        for day, real in zip(
            known(days, seed)[1].days, TOWN.to_come(known(days, seed)[0], seed=seed), strict=True
        )
    ]
    assert 0.65 <= sum(inside) / len(inside) <= 0.97


def test_season_growth_zones_and_windows_are_learned() -> None:
    _, outlook = known(84, 0)
    weekday = [one / (sum(TOWN.weekday) / 7) for one in TOWN.weekday]
    assert outlook.weekday == pytest.approx(weekday, rel=0.08)
    assert 0.005 < outlook.week_growth < 0.03
    day = outlook.days[0]
    assert [zone[0] / day.orders for zone in day.zones] == pytest.approx(TOWN.zones, abs=0.02)
    assert outlook.windows[DayKind.WORKDAY] == pytest.approx(TOWN.workday, abs=0.02)
    assert outlook.windows[DayKind.SATURDAY] == pytest.approx(TOWN.weekend, abs=0.03)
    assert outlook.history_weight > 0.8


def test_a_new_city_has_its_prior_and_history_grows_into_it() -> None:
    outlooks = {days: known(days, 1)[1] for days in (0, 7, 28)}
    first = outlooks[0]
    assert told(first) == pytest.approx([PRIOR.orders(one.day) for one in known(0, 1)[0].ahead])
    assert (first.model, first.history_weight, first.level) == ("prior", 0.0, 1.0)
    assert first.windows[DayKind.WORKDAY] == pytest.approx((0.3, 0.3, 0.2, 0.2))
    # Seven days count as much as the prior's own seven: the level is half way there.
    seven = outlooks[7]
    truth = sum(seen(known(7, 1)[0])) / sum(PRIOR.orders(one.day) for one in known(7, 1)[0].past)
    assert 1 < seven.level < truth
    assert seven.history_weight == 0
    assert outlooks[28].history_weight > 0
    spreads = [outlooks[days].spread for days in (0, 7, 28)]
    assert spreads == sorted(spreads, reverse=True)


def test_demand_that_met_full_is_estimated_from_what_was_still_open() -> None:
    limits = {"evening-18": 18, "evening-20": 16}
    cut = TOWN.history(84, seed=3, most=limits)
    outlook = estimate(cut)
    truth = sum(TOWN.mean(one.day) for one in cut.ahead)
    sold = sum(seen(cut)[-14:]) / sum(TOWN.mean(one.day) for one in cut.past[-14:])
    assert sold < 0.9
    assert sum(told(outlook)) / truth == pytest.approx(1, abs=0.07)
    assert outlook.unseen > 500
    assert outlook.windows[DayKind.WORKDAY] == pytest.approx(TOWN.workday, abs=0.03)


def test_holidays_and_strange_days_do_not_move_the_level() -> None:
    plain, usual = known(84, 2)
    strange, rest = 60, 70
    cells = tuple(
        replace(cell, orders=cell.orders * 6) if cell.day == strange else cell
        for cell in plain.cells
        if cell.day != rest or cell.zone == 0
    )
    past = tuple(replace(one, holiday=n == rest) for n, one in enumerate(plain.past))
    holiday = plain.ahead[3]
    ahead = tuple(replace(one, holiday=one is holiday) for one in plain.ahead)
    outlook = estimate(History(plain.prior, past, cells, ahead))
    assert outlook.outliers == (FIRST + timedelta(days=strange),)
    ordinary = [n for n, one in enumerate(ahead) if not one.holiday]
    assert [told(outlook)[n] for n in ordinary] == pytest.approx([told(usual)[n] for n in ordinary], rel=0.05)
    assert outlook.holiday < 0.9
    assert told(outlook)[3] == pytest.approx(told(usual)[3] * outlook.holiday, rel=0.05)


def test_days_on_which_nothing_was_offered_tell_nothing() -> None:
    plain, usual = known(84, 1)
    shut = range(40, 44)
    past = tuple(replace(one, offered=n not in shut) for n, one in enumerate(plain.past))
    cells = tuple(cell for cell in plain.cells if cell.day not in shut)
    outlook = estimate(replace(plain, past=past, cells=cells))
    assert outlook.history_days == 80
    assert told(outlook) == pytest.approx(told(usual), rel=0.06)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise MemoryError('out of memory')", "out of memory"),
        ("print('nonsense')", "no forecast"),
        ("import time; time.sleep(60)", "stopped after"),
    ],
    ids=["crashes", "garbage", "hangs"],
)
def test_an_estimate_that_fails_says_so(script: str, said: str) -> None:
    with pytest.raises(ForecastFailed, match=said):
        run_estimate(TOWN.history(3, seed=0), wall_s=given_s(script), command=(sys.executable, "-c", script))


def test_a_forecast_is_checked_before_it_is_believed() -> None:
    history, outlook = known(28, 0)
    assert wrong_with(history, outlook) == []
    first = outlook.days[0]
    planted = (
        replace(outlook, days=outlook.days[1:]),
        replace(outlook, days=(replace(first, orders=-1.0), *outlook.days[1:])),
        replace(outlook, days=(replace(first, high=float("nan")), *outlook.days[1:])),
        replace(outlook, days=(replace(first, zones=first.zones[1:]), *outlook.days[1:])),
        replace(outlook, windows={**outlook.windows, DayKind.SUNDAY: (1.0, 1.0, 0.0, 0.0)}),
    )
    for fault in planted:
        assert wrong_with(history, fault), fault


def test_the_process_of_its_own_gives_the_same_forecast() -> None:
    history, outlook = known(28, 0)
    assert run_estimate(history, wall_s=170) == outlook
