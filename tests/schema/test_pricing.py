"""Operators read and change the price band and the budgets, and every change stays with who, when and why."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.database.rows import table_of
from app.database.runner import Database
from app.pricing.tables import FeeRule
from tests.api import Api
from tests.conftest import Clock
from tests.schema.calendar_house import House

MONEY = "{ amount currencyCode }"
PRICES = f"""{{ slotPrices {{ validFrom baseFee {MONEY} floor {MONEY} ceiling {MONEY} step {MONEY}
  greenDiscount {MONEY} dailyIncentiveBudget {MONEY} }} }}"""
BUDGETS = f"""query ($from: Date!, $to: Date!) {{ incentiveBudgets(from: $from, to: $to) {{
  date own budget {MONEY} spent {MONEY} left {MONEY} }} }}"""
CHANGES = f"{{ priceChanges {{ at actor reason figure date before {MONEY} after {MONEY} }} }}"
CHANGE = f"""mutation ($input: ChangeSlotPricesInput!) {{ changeSlotPrices(input: $input) {{
  prices {{ floor {MONEY} ceiling {MONEY} step {MONEY} dailyIncentiveBudget {MONEY} }} userErrors {{ code message }} }} }}"""
SET = f"""mutation ($input: SetIncentiveBudgetInput!) {{ setIncentiveBudget(input: $input) {{
  budget {{ date own budget {MONEY} spent {MONEY} left {MONEY} }} userErrors {{ code message }} }} }}"""


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "EUR"}


def changed(api: Api, **told: Any) -> Any:
    return api.data(CHANGE, input={"reason": "market", **told})["changeSlotPrices"]


def test_the_band_is_changed_from_now_on_and_the_history_says_by_whom(house: House, clock: Clock) -> None:
    before = house.operator.data(PRICES)["slotPrices"]
    assert (before["floor"], before["dailyIncentiveBudget"]) == (euros("0.00"), None)
    done = changed(
        house.operator, floor=euros("0.90"), ceiling=euros("7.90"), dailyIncentiveBudget=euros("25.00")
    )
    assert done == {
        "prices": {
            "floor": euros("0.90"),
            "ceiling": euros("7.90"),
            "step": euros("0.50"),
            "dailyIncentiveBudget": euros("25.00"),
        },
        "userErrors": [],
    }
    now = house.operator.data(PRICES)["slotPrices"]
    assert now["validFrom"] == clock.now.isoformat()
    history = house.operator.data(CHANGES)["priceChanges"]
    assert {
        (one["figure"], one["before"] and one["before"]["amount"], one["after"]["amount"]) for one in history
    } == {
        ("FLOOR", "0.00", "0.90"),
        ("CEILING", "10.00", "7.90"),
        ("DAILY_INCENTIVE_BUDGET", None, "25.00"),
    }
    assert {(one["reason"], one["at"]) for one in history} == {("market", clock.now.isoformat())}
    # A second change at the same instant, one that changes nothing, and back to no limit.
    assert changed(house.operator, floor=euros("1.00"))["userErrors"] == []
    assert changed(house.operator, floor=euros("1.00"))["userErrors"] == []
    assert changed(house.operator, dailyIncentiveBudget=None)["prices"]["dailyIncentiveBudget"] is None
    assert len(house.operator.data(CHANGES)["priceChanges"]) == 5


def test_a_day_has_a_budget_of_its_own_until_it_is_taken_away(house: House) -> None:
    changed(house.operator, dailyIncentiveBudget=euros("25.00"))
    told = {"date": "2026-11-25", "budget": euros("5.00"), "reason": "a quiet Wednesday"}
    done = house.operator.data(SET, input=told)["setIncentiveBudget"]
    nothing, five = euros("0.00"), euros("5.00")
    own = {"date": "2026-11-25", "own": True, "budget": five, "spent": nothing, "left": five}
    assert done == {"budget": own, "userErrors": []}
    days = house.operator.data(BUDGETS, **{"from": "2026-11-25", "to": "2026-11-26"})["incentiveBudgets"]
    usual = euros("25.00")
    assert days == [
        own,
        {"date": "2026-11-26", "own": False, "budget": usual, "spent": nothing, "left": usual},
    ]
    house.operator.data(SET, input={**told, "budget": None})
    (day,) = house.operator.data(BUDGETS, **{"from": "2026-11-25", "to": "2026-11-25"})["incentiveBudgets"]
    assert (day["own"], day["budget"]) == (False, usual)
    history = house.operator.data(CHANGES)["priceChanges"]
    assert [(one["date"], one["before"], one["after"]) for one in history[:2]] == [
        ("2026-11-25", five, None),
        ("2026-11-25", None, five),
    ]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"floor": euros("9.00"), "ceiling": euros("8.00")}, "INVALID_PRICES"),
        ({"step": euros("0.00")}, "INVALID_PRICES"),
        ({"floor": euros("-1.00")}, "INVALID_PRICES"),
        ({"dailyIncentiveBudget": euros("-1.00")}, "INVALID_PRICES"),
        ({"floor": {"amount": "1.00", "currencyCode": "GBP"}}, "INVALID_PRICES"),
        ({"floor": euros("1.00"), "reason": " "}, "REASON_MISSING"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_prices_that_cannot_be_are_refused(house: House, told: dict[str, Any], code: str) -> None:
    done = changed(house.operator, **told)
    assert (done["prices"], [error["code"] for error in done["userErrors"]]) == (None, [code])
    assert house.operator.data(CHANGES)["priceChanges"] == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_prices_belong_to_operators(house: House, db: Database) -> None:
    assert house.shopper.codes(PRICES) == ["OPERATORS_ONLY"]
    assert house.shopper.codes(CHANGES) == ["OPERATORS_ONLY"]
    assert house.shopper.codes(BUDGETS, **{"from": "2026-11-25", "to": "2026-11-25"}) == ["OPERATORS_ONLY"]
    assert changed(house.shopper, floor=euros("1.00"))["userErrors"][0]["code"] == "OPERATORS_ONLY"
    told = {"date": "2026-11-25", "budget": euros("5.00"), "reason": "because"}
    refused = house.shopper.data(SET, input=told)["setIncentiveBudget"]
    assert refused["userErrors"][0]["code"] == "OPERATORS_ONLY"
    floors = db.read_now(lambda c, _: c.execute(sa.select(table_of(FeeRule).c.floor_minor)).scalars().all())
    assert set(floors) == {0}
