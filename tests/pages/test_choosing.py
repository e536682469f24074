"""Customers who are asked to choose another window, in a real browser: with and without scripts, axe clean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.booking.tables import DeliveryBooking
from app.database.runner import Database
from tests.api import Api, client_on, worked, world_on
from tests.assignment.world import Street
from tests.conftest import Clock
from tests.journeys.broken import OPERATOR, REPORT, told
from tests.journeys.test_breakdown import AT_1740, broken_evening
from tests.pages.conftest import served
from tests.pages.test_checkout import opened


@dataclass
class Asked:
    """A broken evening, the customer who is asked, and where."""

    db: Database
    clock: Clock
    town: Street
    booking: DeliveryBooking
    base: str

    @property
    def link(self) -> str:
        """The page of the letter."""
        return f"{self.base}/bookings/{world_on(self.db).links.sign('booking', self.booking.id)}"


@pytest.fixture
def asked(file_db: Database, clock: Clock) -> Iterator[Asked]:
    """Van 7 broke down; there is room the same evening from eight on and tomorrow."""
    db = file_db
    town, bookings = broken_evening(db)
    clock.set(AT_1740)
    with client_on(db) as client:
        what = told("VEHICLE", AT_1740, vehicleName="Van 7")
        assert Api(client, key=OPERATOR).data(REPORT, input=what)["reportDisruption"]["userErrors"] == []
    while worked(world_on(db)):
        pass
    with served(db) as base:
        yield Asked(db, clock, town, bookings["c9"], base)


def clean(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("js", [True, False])
def test_a_window_is_chosen_from_the_delivery_s_page(browser: Browser, asked: Asked, js: bool) -> None:
    page = opened(browser, js=js)
    page.goto(asked.link)
    expect(page.get_by_role("alert")).to_contain_text("We cannot bring this in the window we promised.")
    page.get_by_role("link", name="Choose a window").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose another window")
    expect(page.locator(".from-to")).to_contain_text("18:00–19:00")
    # Until when, and what happens otherwise.
    expect(page.locator(".ask")).to_contain_text(
        re.compile(r"You can choose until Wednesday 25 November, 18:0\d\.")
    )
    expect(page.locator(".hint")).to_contain_text("a partner courier brings it in the window")
    page.get_by_label("26 November").first.check()
    page.get_by_role("button", name="Take this window").click()
    expect(page.get_by_role("status").first).to_contain_text("The new window is yours")
    assert asked.town.now_of(asked.booking).starts_at.date().isoformat() == "2026-11-26"
    expect(page.locator(".history li").last).to_contain_text("26 November")
    page.goto(f"{asked.link}/choose")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing to choose any more")


def test_time_runs_out_and_the_page_says_so(browser: Browser, asked: Asked) -> None:
    page = opened(browser)
    page.goto(f"{asked.link}/choose")
    asked.clock.set(AT_1740 + timedelta(minutes=30))
    while worked(world_on(asked.db)):
        pass
    page.get_by_role("button", name="Take this window").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing to choose any more")
    assert asked.town.now_of(asked.booking).partner_courier


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, asked: Asked, scheme: str) -> None:
    page = opened(browser, scheme=scheme)
    for path in ("", "/choose"):
        page.goto(asked.link + path)
        clean(page)
    page.get_by_role("button", name="Take this window").click()
    clean(page)
    page.goto(f"{asked.link}/choose")
    clean(page)


@pytest.mark.parametrize("lang", ["en-GB", "pt-PT"])
def test_nothing_scrolls_sideways_at_320_pixels(browser: Browser, asked: Asked, lang: str) -> None:
    page = opened(browser, width=320, lang=lang)
    for path in ("", "/choose"):
        page.goto(asked.link + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
