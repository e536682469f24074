"""Operators read and change the price band and the budgets, and every change stays with who, when and why."""

from datetime import timedelta
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


DRY = f"""mutation ($input: ChangeSlotPricesInput!) {{ changeSlotPrices(input: $input) {{ prices {{ validFrom }}
  preview {{ changes {{ figure before {MONEY} after {MONEY} }}
    windows {{ hours evening weekend before {MONEY} after {MONEY} }} }} userErrors {{ code field message }} }} }}"""
FEES = f"""{{ slotPrices {{ baseFee {MONEY} oneHourFee {MONEY} fourHourFee {MONEY} eveningFee {MONEY}
  weekendFee {MONEY} }} }}"""


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


SHARES = f"{{ slotPrices {{ usualCost {MONEY} passOnPercent levelPassOnPercent }} }}"
SHARE_CHANGES = f"{{ priceChanges {{ figure before {MONEY} after {MONEY} beforePercent afterPercent }} }}"
DRY_SHARES = f"""mutation ($input: ChangeSlotPricesInput!) {{ changeSlotPrices(input: $input) {{ preview {{ changes {{
  figure before {MONEY} after {MONEY} beforePercent afterPercent }} }} userErrors {{ code field message }} }} }}"""


def test_what_fees_pass_on_of_costs_is_two_shares_that_operators_change(house: House) -> None:
    before = {"usualCost": euros("1000.00"), "passOnPercent": 0.0, "levelPassOnPercent": None}
    assert house.operator.data(SHARES)["slotPrices"] == before
    told = {"usualCost": euros("3.50"), "passOnPercent": 80, "levelPassOnPercent": 32.5}
    dry = {"input": {**told, "reason": "scarce evenings", "dryRun": True}}
    seen = house.operator.data(DRY_SHARES, **dry)["changeSlotPrices"]["preview"]["changes"]
    assert house.operator.data(SHARES)["slotPrices"] == before
    assert changed(house.operator, **told)["userErrors"] == []
    assert house.operator.data(SHARES)["slotPrices"] == told
    history = house.operator.data(SHARE_CHANGES)["priceChanges"]
    by_figure = {one["figure"]: one for one in history}
    assert {one["figure"]: one for one in seen} == by_figure
    assert by_figure == {
        "USUAL_COST": {
            "figure": "USUAL_COST",
            "before": euros("1000.00"),
            "after": euros("3.50"),
            "beforePercent": None,
            "afterPercent": None,
        },
        "PASS_ON_PERCENT": {
            "figure": "PASS_ON_PERCENT",
            "before": None,
            "after": None,
            "beforePercent": 0.0,
            "afterPercent": 80.0,
        },
        "LEVEL_PASS_ON_PERCENT": {
            "figure": "LEVEL_PASS_ON_PERCENT",
            "before": None,
            "after": None,
            "beforePercent": None,
            "afterPercent": 32.5,
        },
    }
    assert changed(house.operator, levelPassOnPercent=None)["userErrors"] == []
    assert house.operator.data(SHARES)["slotPrices"]["levelPassOnPercent"] is None
    for wrong in ({"passOnPercent": 101}, {"levelPassOnPercent": -1}):
        refused = {"input": {**wrong, "reason": "market"}}
        (error,) = house.operator.data(DRY_SHARES, **refused)["changeSlotPrices"]["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID_PRICES", ["input", next(iter(wrong))])


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


def test_fees_are_looked_at_first_and_then_changed_with_who_and_why(house: House, clock: Clock) -> None:
    told = {
        "baseFee": euros("3.40"),
        "eveningFee": euros("-0.20"),
        "reason": "evenings are quiet",
    }
    dry = house.operator.data(DRY, input={**told, "dryRun": True})["changeSlotPrices"]
    assert (dry["prices"], dry["userErrors"]) == (None, [])
    before = house.operator.data(FEES)["slotPrices"]
    assert dry["preview"]["changes"] == [
        {"figure": "BASE_FEE", "before": before["baseFee"], "after": euros("3.40")},
        {"figure": "EVENING_FEE", "before": before["eveningFee"], "after": euros("-0.20")},
    ]
    windows = {(one["hours"], one["evening"], one["weekend"]): one for one in dry["preview"]["windows"]}
    assert len(windows) == 12
    assert windows[None, False, False]["after"] == euros("3.40")
    assert windows[None, True, False]["after"] == euros("3.20")
    assert windows[None, False, False]["before"] == before["baseFee"]
    assert house.operator.data(CHANGES)["priceChanges"] == []

    clock.forward(timedelta(minutes=1))
    done = house.operator.data(DRY, input=told)["changeSlotPrices"]
    assert (done["preview"], done["userErrors"]) == (None, [])
    assert done["prices"]["validFrom"] == clock.now.isoformat()
    after = house.operator.data(FEES)["slotPrices"]
    assert after == {**before, "baseFee": euros("3.40"), "eveningFee": euros("-0.20")}
    history = house.operator.data(CHANGES)["priceChanges"]
    assert {(one["figure"], one["after"]["amount"], one["reason"]) for one in history} == {
        ("BASE_FEE", "3.40", "evenings are quiet"),
        ("EVENING_FEE", "-0.20", "evenings are quiet"),
    }


@pytest.mark.parametrize(
    ("told", "field", "says"),
    [
        ({"baseFee": euros("-0.10")}, "baseFee", "0 or more"),
        ({"baseFee": euros("10.10")}, "baseFee", "above the ceiling of 10.00"),
        ({"weekendFee": euros("9.00")}, "weekendFee", "weekend"),
        ({"fourHourFee": euros("-9.00")}, "fourHourFee", "below the floor of 0.00"),
        ({"ceiling": euros("1.00")}, "ceiling", "above the ceiling of 1.00"),
        ({"floor": euros("5.00")}, "floor", "below the floor of 5.00"),
        ({"step": euros("0.00")}, "step", "smallest coin"),
        ({"greenDiscount": euros("-1.00")}, "greenDiscount", "0 or more"),
    ],
)
@pytest.mark.parametrize("dry", [True, False], ids=["looked at", "changed"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_fees_outside_the_band_are_refused_with_their_field(
    house: House, told: dict[str, Any], field: str, says: str, dry: bool
) -> None:
    done = house.operator.data(DRY, input={**told, "reason": "market", "dryRun": dry})["changeSlotPrices"]
    (error,) = done["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_PRICES", ["input", field])
    assert says in error["message"]
    assert (done["prices"], done["preview"]) == (None, None)
    assert house.operator.data(CHANGES)["priceChanges"] == []


HELD = f"query ($id: ID!) {{ hold(id: $id) {{ fee {{ total {MONEY} }} }} }}"
BOOKED = f"query ($id: ID!) {{ booking(id: $id) {{ fee {{ total {MONEY} }} }} }}"


def test_what_is_held_keeps_its_fee_and_the_next_one_pays_the_new_one(house: House, clock: Clock) -> None:
    held = house.held(house.offers()[0])
    fee = house.shopper.data(HELD, id=held["id"])["hold"]["fee"]["total"]
    clock.forward(timedelta(minutes=1))
    more = euros(f"{float(house.operator.data(PRICES)['slotPrices']['baseFee']['amount']) + 1:.2f}")
    assert changed(house.operator, baseFee=more)["userErrors"] == []
    assert house.shopper.data(HELD, id=held["id"])["hold"]["fee"]["total"] == fee
    booking = house.confirm(held)["booking"]
    assert house.shopper.data(BOOKED, id=booking["id"])["booking"]["fee"]["total"] == fee
    later = house.held(house.offers()[0])
    dearer = house.shopper.data(HELD, id=later["id"])["hold"]["fee"]["total"]
    assert float(dearer["amount"]) == float(fee["amount"]) + 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_preview_of_prices_is_for_operators(house: House) -> None:
    dry = house.shopper.data(DRY, input={"baseFee": euros("3.40"), "reason": "r", "dryRun": True})
    assert [error["code"] for error in dry["changeSlotPrices"]["userErrors"]] == ["OPERATORS_ONLY"]
