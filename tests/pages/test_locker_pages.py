"""Lockers on the page of a held window, in a real browser: accepted beside the door while there is room."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection

from app.database.rows import add
from app.database.runner import Database
from app.handover.rules import HandoverMode
from app.handover.tables import HandoverPolicy
from app.places.tables import CollectionPoint, LockerCompartment
from tests.factories import HOME
from tests.pages.test_checkout import held, opened

pytestmark = pytest.mark.browser


@pytest.fixture
def lockers(shop_db: Database) -> Database:
    """A locker with one compartment at the door, and one that is too small for a week's goods."""

    def work(conn: Connection, _now: datetime) -> None:
        add(conn, HandoverPolicy(mode=HandoverMode.LOCKER, at_door_s=30, fee_minor=0, proof=[]))
        for key, name, volume_ml in (("a", "Cacifo das Flores", 200_000), ("b", "Cacifo pequeno", 1_000)):
            point = CollectionPoint(
                key=key,
                name=name,
                address_label="Rua das Flores 1",
                locker=True,
                latitude=HOME.latitude,
                longitude=HOME.longitude,
            )
            add(conn, point)
            add(conn, LockerCompartment(locker_id=point.id, volume_ml=volume_ml, count=1))

    shop_db.write_now(work)
    return shop_db


@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_a_shopper_accepts_a_locker_and_the_next_one_finds_it_full(
    browser: Browser, base: str, lockers: Database, tmp_path: Path, js: bool
) -> None:
    assert lockers
    page = opened(browser, js=js)
    held(page, base)
    page.get_by_text("Or in a locker").click()
    expect(page.get_by_label("Cacifo pequeno")).to_be_disabled()
    expect(page.locator("label.closed")).to_contain_text("too small for these goods")
    page.get_by_label("Cacifo das Flores").check()
    page.locator("button[value=lockers]").click()
    expect(page.get_by_label("Cacifo das Flores")).to_be_checked()
    if js:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.screenshot(path=tmp_path / "locker.png", full_page=True)

    other = opened(browser, js=js)
    held(other, base)
    other.get_by_text("Or in a locker").click()
    expect(other.get_by_label("Cacifo das Flores")).to_be_disabled()
    expect(other.locator("label.closed").first).to_contain_text("Full in this window")

    # Taken back it is free again; kept, the booking's page says so.
    page.get_by_label("Cacifo das Flores").uncheck()
    page.locator("button[value=lockers]").click()
    other.reload()
    other.get_by_text("Or in a locker").click()
    other.get_by_label("Cacifo das Flores").check()
    other.locator("button[value=lockers]").click()
    other.get_by_label("E-mail").fill("rui@example.com")
    other.get_by_role("button", name="Confirm delivery").click()
    expect(other.locator("main")).to_contain_text("Or in a locker, as you accepted: Cacifo das Flores.")
