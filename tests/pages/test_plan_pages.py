"""The plan on the operator's desk in a real browser: map, shifts, certificate, changes; scripts or not, any light."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from app.database.runner import Database
from app.slots.open_days import open_days
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from tests.allocation.by_hand import FIRST, Evening, Town, fail_run, make_town, publish_days
from tests.api import client_on
from tests.conftest import Clock
from tests.factories import NOW, evening, make_booking, make_hold, make_slot
from tests.pages.conftest import served
from tests.pages.desk import KEY
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_checkout import opened
from tests.pages.test_desk import sign_in
from tests.pages.test_desk_refusals import says

PAGES = ("/operator/plan", "/operator/plan/shifts", "/operator/plan/certificate", "/operator/plan/changes")
WHY = "The solver was stopped after 900 s. The last published plan stays."


def planned(db: Database, clock: Clock) -> Town:
    """Two plans, the second with another bike tomorrow; a run that failed after them; something sold."""

    def sell(conn: Any, _now: object) -> None:
        open_days(conn, now=NOW, first=FIRST, days=1)
        slot = make_slot(conn, town.shop, evening(FIRST, 18, 19))
        for n in range(4):
            make_booking(conn, town.shop, slot, customer=f"c{n}")
        make_hold(conn, town.shop, slot, customer="ana")
        told: dict[str, Any] = {"now": NOW, "storefront_id": town.shop.actor.storefront_id}
        issue_key(conn, **told, key=KEY, name="Olga", role=Role.OPERATOR)

    town: Town = db.write_now(lambda c, _: make_town(c))
    publish_days(db, town)
    db.write_now(sell)
    clock.forward(timedelta(minutes=10))
    tomorrow = FIRST + timedelta(days=1)
    publish_days(
        db, town, {FIRST: Evening(bikes=3, early=(6.0, 0.0)), tomorrow: Evening()}, trigger="calendar"
    )
    clock.forward(timedelta(minutes=10))
    fail_run(db, WHY)
    return town


@pytest.fixture
def address(file_db: Database, clock: Clock) -> Iterator[str]:
    planned(file_db, clock)
    with served(file_db) as base:
        yield base


@pytest.mark.browser
@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_looks_at_the_plan(browser: Browser, address: str, js: bool) -> None:
    page = opened(browser, js=js, width=1280)
    sign_in(page, address, "/operator/plan")
    title(page, "Plan of Tuesday 24 November")
    expect(page.locator("main")).to_contain_text("the plan covers 2 days from Wednesday 25 November")
    page.get_by_role("link", name="Wednesday 25 November").first.click()
    title(page, "Plan of Wednesday 25 November")
    # The fullest window of the day comes first, and every zone of the map is in the table too.
    expect(page.get_by_role("heading", name="Zones from 18:00–19:00")).to_be_visible()
    shapes = page.get_by_role("group", name="Map of the zones").get_by_role("link")
    assert [one.get_attribute("aria-label") for one in shapes.all()] == [
        "POR-001 Flores: 25% taken", "POR-002 Ribeira: no vehicle comes",
    ]  # fmt: skip
    near, far = page.locator("table.zones-of tbody tr").all()
    expect(near).to_contain_text("4 + 1 held")
    expect(near).to_contain_text("€0.12")
    expect(far).to_contain_text("no vehicle comes")
    shapes.first.click()
    assert page.url.endswith("#zone-POR-001")
    page.get_by_role("navigation", name="Windows").get_by_role("link").nth(1).click()
    expect(page.get_by_role("heading", name="Zones from 19:00–20:00")).to_be_visible()
    page.get_by_label("Vehicles").select_option("Cargo bike")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Zones from 19:00–20:00")).to_be_visible()
    page.get_by_role("region", name="Pools of this window").get_by_role("link").first.click()
    title(page, "19:00–20:00, 3 × Cargo bike")


@pytest.mark.browser
@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_reads_shifts_proof_and_changes(browser: Browser, address: str, js: bool) -> None:
    page = opened(browser, js=js, width=1280)
    sign_in(page, address, f"/operator/plan/shifts?day={FIRST}")
    title(page, "Shifts of Wednesday 25 November")
    shifts = page.get_by_role("region", name="Shifts of Micro-fulfilment centre Bolhão, table")
    expect(shifts).to_contain_text("3 × 17:00 to 20:00")
    expect(shifts).to_contain_text("3 of 3 on the road, 1 out of service")
    expect(page.get_by_role("region", name="Driver hours of the week, table")).to_contain_text("15")

    tab(page, "Certificate")
    failed = page.get_by_role("note").first
    expect(failed).to_contain_text("A newer plan could not be made.")
    expect(failed).to_contain_text(WHY)
    limits = page.get_by_role("region", name="Limits, table")
    expect(limits).to_contain_text("Vehicles of this kind at once")
    expect(limits).to_contain_text("Micro-fulfilment centre Bolhão, cargo bike")
    expect(limits).to_contain_text("Wednesday 25 November, 18:00 to 19:00")
    expect(limits).to_contain_text("€9.00 for one more vehicle")
    expect(page.get_by_role("region", name="How it was made")).to_contain_text(
        "because the calendar was changed"
    )

    tab(page, "What changed")
    days = page.get_by_role("region", name="Days, table")
    expect(days).to_contain_text("−€60.00")
    expect(page.get_by_role("region", name="Pools, table")).to_contain_text("grown")
    expect(page.get_by_role("region", name="Shifts, table")).to_contain_text("2 to 3 +3 h, +€60.00")
    expect(page.get_by_role("region", name="Zones by window, table")).to_contain_text("POR-002")
    page.get_by_role("link", name="Thursday 26 November").click()
    expect(page.locator("main")).to_contain_text("The same pools as before.")


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Plan").get_by_role("link", name=name).click()


@pytest.mark.browser
def test_every_page_of_the_plan_is_clean_in_both_lights_and_fits_320_pixels(
    browser: Browser, address: str
) -> None:
    page = opened(browser, width=320)
    sign_in(page, address)
    for path in (*PAGES, *(f"{path}?day={FIRST}" for path in PAGES)):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        for scheme in LIGHTS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, (path, scheme, found.generate_report())


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    with client_on(db) as running:
        yield running


def test_the_pages_say_the_same_on_each_database(db: Database, clock: Clock, client: TestClient) -> None:
    town = planned(db, clock)
    client.post("/operator", data={"key": KEY})
    page = client.get(f"/operator/plan?day={FIRST}&node={town.shop.node_id}&class={town.shop.class_id}")
    assert says(page, "1 of 2 zones have no vehicle then.")
    assert says(page, "5 booked") is False
    assert says(page, "4 booked, 1 held of 20")
    assert "window=20261125T1800" in page.text
    assert says(client.get(f"/operator/plan/shifts?day={FIRST}"), "3 of 3 in service")
    assert says(client.get("/operator/plan/certificate"), "What would have to give for a better plan")
    changed = client.get("/operator/plan/changes")
    assert says(
        changed, "Against the plan of Tue 24 Nov 2026, 09:00:00, as every night: 2 pools and 1 shift changed"
    )
    for odd in (
        "day=nonsense",
        "window=nonsense&day=2026-11-25",
        "node=nobody&class=none&day=2026-11-25",
        "day=0001-01-01",
        "day=9999-12-31",
    ):
        for path in (*PAGES, "/operator/pools"):
            assert client.get(f"{path}?{odd}").status_code == 200, (path, odd)


def test_before_there_is_a_plan_the_pages_say_so(db: Database, client: TestClient) -> None:
    town = db.write_now(lambda c, _: make_town(c))
    told: dict[str, Any] = {"now": NOW, "storefront_id": town.shop.actor.storefront_id}
    db.write_now(lambda c, _: issue_key(c, **told, key=KEY, name="Olga", role=Role.OPERATOR) and None)
    client.post("/operator", data={"key": KEY})
    assert says(client.get("/operator/plan"), "no plan has been published")
    assert says(client.get("/operator/plan/certificate"), "No plan has been published yet.")
    assert says(client.get("/operator/plan/changes"), "There is no plan before this one to compare with.")
    assert says(client.get("/operator/plan/shifts"), "0 of 3 on the road, 1 out of service")
    fail_run(db, "No vehicle is in service.")
    assert says(client.get("/operator/plan"), "There is no plan yet.")
    assert says(client.get("/operator/plan/certificate"), "No vehicle is in service.")


def test_nobody_else_sees_the_plan(client: TestClient, db: Database, clock: Clock) -> None:
    planned(db, clock)
    for path in PAGES:
        asked = client.get(path, follow_redirects=False)
        assert (asked.status_code, asked.headers["location"][:13]) == (303, "/operator?to="), path
