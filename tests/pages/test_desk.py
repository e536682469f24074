"""The operator's desk in a real browser: sizing pools, a blackout, the ledger; without scripts and in every light."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.database.runner import Database
from tests.pages.conftest import served
from tests.pages.desk import KEY, TOMORROW, Desk
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_checkout import opened
from tests.pages.test_desk_refusals import STORM

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(file_db: Database) -> Desk:
    return Desk.opened(file_db)


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    with served(desk.db) as base:
        yield base


def sign_in(page: Page, base: str, path: str = "/operator/pools") -> None:
    page.goto(base + path)
    title(page, "Sign in")
    page.get_by_label("Key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_lowers_a_pool_and_reads_in_the_ledger_who_did_it(
    browser: Browser, address: str, desk: Desk, js: bool
) -> None:
    page = opened(browser, js=js, width=1280)
    sign_in(page, address)
    title(page, "Pools of Tuesday 24 November")
    page.get_by_role("link", name="Wednesday 25 November").click()
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("4 booked, 1 held of 6")
    first.get_by_role("link").click()
    expect(page.locator(".ledger tbody tr").first).to_contain_text("held orders: 0 to 1")

    page.get_by_label("So many orders").check()
    page.get_by_label("Orders", exact=True).fill("3")
    page.get_by_label("Why", exact=True).fill("Two bikes are in repair")
    page.get_by_role("button", name="See what it would do").click()
    title(page, "Size 1 pool?")
    expect(page.locator(".lead")).to_contain_text(
        "Nothing has been written yet. 2 of the holds and bookings do not fit"
    )
    expect(page.get_by_role("row").nth(1)).to_contain_text(f"Booking {desk.codes[3]}")
    assert desk.pools()[0].sell_orders == 6
    page.get_by_label("Keep all of it, overbooked").check()
    page.get_by_role("button", name="Size it").click()
    expect(page.get_by_role("status")).to_contain_text("The pool was sized as you said.")
    newest = page.locator(".ledger tbody tr").first
    expect(newest).to_contain_text("Olga")
    expect(newest).to_contain_text("Two bikes are in repair")
    expect(newest).to_contain_text("sell orders: 6 to 3")

    page.get_by_label("Why lift it").fill("Both are mended")
    page.get_by_role("button", name="Let the plan decide again").click()
    page.get_by_role("button", name="Lift it").click()
    expect(page.locator(".ledger tbody tr").first).to_contain_text("sell orders: 3 to 6")
    page.get_by_role("button", name="Sign out").click()
    title(page, "Sign in")
    page.goto(address + "/operator/calendar")
    title(page, "Sign in")


@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_blacks_an_evening_out_and_lets_it_be_again(
    browser: Browser, address: str, desk: Desk, js: bool
) -> None:
    page = opened(browser, js=js, width=1280)
    sign_in(page, address, "/operator/calendar")
    title(page, "Calendar")
    page.get_by_role("link", name="New blackout").click()
    page.get_by_label("Key").fill("storm")
    page.get_by_label("From").fill("2026-11-25T18:00")
    page.get_by_label("Until").fill("2026-11-25T20:00")
    page.get_by_label("What customers read").fill("Storm warning")
    page.get_by_label("Why", exact=True).fill("The weather service warns")
    page.get_by_role("button", name="See what it would do").click()
    effect = page.get_by_role("region", name="What it would do")
    expect(effect).to_contain_text("4 bookings and 1 hold lie in them")
    expect(effect).to_contain_text(desk.codes[0])
    page.get_by_role("button", name="Save it").click()
    expect(page.get_by_role("status")).to_contain_text("Done: blackout storm.")
    expect(page.get_by_role("region", name="Blackouts")).to_contain_text("Storm warning")
    page.get_by_role("link", name="Remove storm").click()
    page.get_by_label("Why", exact=True).fill("The storm passed by")
    page.get_by_role("button", name="See what it would do").click()
    page.get_by_role("button", name="Remove it").click()
    history = page.get_by_role("region", name="Who changed what, newest first").first
    expect(history.get_by_role("row").nth(1)).to_contain_text("The storm passed by")


def test_every_page_of_the_desk_is_clean_in_both_lights_and_fits_320_pixels(
    browser: Browser, address: str, desk: Desk
) -> None:
    page = opened(browser, width=320)
    pool = desk.pools()[0].id

    def clean(path: str) -> None:
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        for scheme in LIGHTS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, (path, scheme, found.generate_report())

    clean("/operator")
    sign_in(page, address)
    lower = f"/operator/sizing?pool={pool}&size=orders&orders=3&reason=rain"
    blackout = f"/operator/calendar/blackout/preview?{urlencode(STORM)}"
    for path in (
        "/operator/pools", f"/operator/pools?day={TOMORROW}", f"/operator/pools/{pool}", lower,
        f"{lower}&size=nothing", "/operator/calendar", blackout, "/operator/calendar/cutoff",
        "/operator/calendar/template/preview?rrule=x", "/operator/proposals", "/operator/pools/nothing",
    ):  # fmt: skip
        clean(path)
