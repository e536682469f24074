"""Prices on the operator's desk: looked at, changed and read back; every clear no; a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.main import build_app
from app.pricing.tables import FeeRule, PriceChange
from tests.api import world_on
from tests.pages.conftest import served
from tests.pages.desk import Desk
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_checkout import opened
from tests.pages.test_desk import sign_in as enter
from tests.pages.test_desk_refusals import form, says, sign_in

PRICES = "/operator/prices"
TOLD = {"base_fee": "3.40", "evening_fee": "-0,20", "reason": "evenings are quiet"}


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk.opened(db)


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    app = build_app(world=world_on(desk.db))
    with TestClient(app, client=("127.0.0.1", 5), follow_redirects=False) as running:
        sign_in(running)
        yield running


def tables(desk: Desk) -> list[FeeRule]:
    query = sa.select(table_of(FeeRule)).order_by("valid_from")
    return desk.db.read_now(lambda c, _: rows(c, FeeRule, query))


def test_prices_are_looked_at_changed_and_read_back_with_who_and_why(client: TestClient, desk: Desk) -> None:
    before = desk.everything()
    seen = client.get(PRICES, params=TOLD)
    assert (seen.status_code, desk.everything()) == (200, before)
    assert says(seen, "Base fee: €3.00 to €3.40")
    assert says(seen, "Weekday, daytime, other lengths€3.00€3.40")
    assert says(seen, "Weekday, evening, other lengths")
    sent = form(seen, "Change the prices")
    for _ in range(2):
        done = client.post(PRICES, data=sent)
        assert (done.status_code, done.headers["location"]) == (303, f"{PRICES}?done=changed")
    newest = tables(desk)[-1]
    assert (newest.base_minor, newest.evening_minor) == (340, -20)
    made = desk.db.read_now(lambda c, _: rows(c, PriceChange, sa.select(table_of(PriceChange))))
    assert {(one.figure.value, one.actor, one.reason) for one in made} == {
        ("BASE_FEE", "Olga", "evenings are quiet"),
        ("EVENING_FEE", "Olga", "evenings are quiet"),
    }
    shown = client.get(PRICES)
    assert says(shown, "€3.00 to €3.40")
    assert re.search(r'name="evening_fee"[^>]*value="-0.20"', shown.text)
    assert says(client.get(PRICES, params={"base_fee": "3.40", "reason": "r"}), "Nothing: these are the")


def test_shares_are_told_in_percent_and_the_level_may_have_none_of_its_own(
    client: TestClient, desk: Desk
) -> None:
    told = {"level_pass_on_percent": "32,5", "pass_on_percent": "80", "reason": "scarce evenings"}
    seen = client.get(PRICES, params=told)
    assert says(seen, "Passed on of the level: as of differences to 32.5 %")
    client.post(PRICES, data=form(seen, "Change the prices"))
    newest = tables(desk)[-1]
    assert (newest.pass_on_bp, newest.level_pass_on_bp) == (8_000, 3_250)
    shown = client.get(PRICES)
    assert re.search(r'name="level_pass_on_percent"[^>]*value="32.5"', shown.text)
    seen = client.get(PRICES, params={"level_pass_on_percent": "", "reason": "once more"})
    assert says(seen, "Passed on of the level: 32.5 % to as of differences")


@pytest.mark.parametrize(
    ("told", "field", "sentence"),
    [
        ({"pass_on_percent": "half"}, "pass_on_percent", "must be a percentage like 35"),
        ({"level_pass_on_percent": "120"}, "level_pass_on_percent", "0 to 100"),
        ({"base_fee": "a lot"}, "base_fee", "must be an amount like 2.90"),
        ({"base_fee": "3.405"}, "base_fee", "must be an amount like 2.90"),
        ({"base_fee": "-1"}, "base_fee", "0 or more"),
        ({"weekend_fee": "9"}, "weekend_fee", "above the ceiling of 10.00"),
        ({"step": "0"}, "step", "smallest coin"),
        ({"floor": "11"}, "floor", "lies above the ceiling"),
        ({"base_fee": "3.10", "reason": " "}, "reason", "Say why"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_prices_that_cannot_be_are_shown_again_with_their_field(
    client: TestClient, desk: Desk, told: dict[str, str], field: str, sentence: str
) -> None:
    before = desk.everything()
    told = {"reason": "market", **told}
    token = form(client.get(PRICES), "Sign out")["form"]
    for seen in (client.get(PRICES, params=told), client.post(PRICES, data={**told, "form": token})):
        assert (seen.status_code, says(seen, sentence)) == (422, True)
        assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', seen.text), field
        assert "Change the prices" not in seen.text
    assert client.post(PRICES, data={**TOLD, "form": "rubbish"}).status_code == 403
    assert desk.everything() == before


@pytest.mark.browser
@pytest.mark.parametrize("scheme", LIGHTS)
def test_an_operator_changes_the_base_fee_without_scripts_on_a_narrow_screen(
    browser: Browser, file_db: Database, scheme: str
) -> None:
    Desk.opened(file_db)
    with served(file_db) as base:
        page = opened(browser, js=False, width=320)
        enter(page, base, PRICES)
        title(page, "Prices")
        page.get_by_label("Base fee, EUR").fill("3.40")
        page.get_by_label("Why").fill("fuel")
        page.get_by_role("button", name="See what it would change").click()
        expect(page.get_by_role("region", name="What it would change")).to_contain_text("€3.00 to €3.40")
        looked = page.url
        page.get_by_role("button", name="Change the prices").click()
        expect(page.get_by_role("status")).to_contain_text("The prices are changed")
        cookies = page.context.cookies()
        page.context.close()
        page = opened(browser, width=320, scheme=scheme)
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        for address in (base + PRICES, looked.replace("3.40", "3.60")):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        page.context.close()
