"""Tours on the operator's map in a real browser: published, tentative, one with its stops; scripts or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.places.tables import CollectionPoint
from app.slots.tables import DeliverySlot
from app.storefronts.issue_key import issue_key
from app.tours.tables import Stop, Tour, TourLine, TourRun
from app.values.actor import Role
from tests.allocation.test_tours import DAY, booked, plan
from tests.api import client_on
from tests.booking.tours_world import bike, lay
from tests.conftest import Clock
from tests.factories import HOME, NOW, Shop, make_hold, make_shop
from tests.pages.conftest import served
from tests.pages.desk import KEY
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_checkout import opened
from tests.pages.test_desk import sign_in
from tests.pages.test_desk_refusals import says

HERE = f"/operator/tours?day={DAY}"


@dataclass
class Toured:
    """A shop whose nine bookings have a tour of two trips, the first one delivered, the last one left out."""

    shop: Shop
    codes: tuple[str, ...]
    tour_id: str


def operator(db: Database, shop: Shop) -> None:
    told: dict[str, Any] = {"now": NOW, "storefront_id": shop.actor.storefront_id}
    db.write_now(lambda c, _: issue_key(c, **told, key=KEY, name="Olga", role=Role.OPERATOR) and None)


def toured(db: Database) -> Toured:
    shop, made = db.write_now(lambda c, _: booked(c, 9))
    operator(db, shop)
    plan(db, shop)
    (tour,) = db.read_now(lambda c, _: rows(c, Tour, sa.select(table_of(Tour))))
    booking, run = table_of(DeliveryBooking), table_of(TourRun)

    def happen(conn: sa.Connection, _now: object) -> None:
        first = sa.update(booking).where(booking.c.id == made[0].id)
        conn.execute(first.values(status=BookingStatus.DELIVERED))
        conn.execute(sa.update(run).values(left_out=[made[8].id]))
        # The first trip as if a map's streets had given its times; the second stays straight.
        line = [[HOME.latitude + n * 1e-4, HOME.longitude] for n in range(5)]
        add(conn, TourLine(tour_id=tour.id, trip=1, line=line))
        # A locker, and a stop that is planned at it.
        where: dict[str, Any] = {"latitude": HOME.latitude + 5e-4, "longitude": HOME.longitude + 3e-4}
        locker = CollectionPoint(
            key="cacifo", name="Cacifo da Trindade", address_label="Rua da Trindade 1", locker=True, **where
        )
        add(conn, locker)
        stop = table_of(Stop)
        second = sa.update(stop).where(stop.c.booking_id == made[1].id)
        conn.execute(second.values(locker_id=locker.id, **where))
        conn.execute(sa.update(booking).where(booking.c.id == made[1].id).values(lockers=[locker.id]))

    db.write_now(happen)
    lay(db, shop, [bike(shop, handover_bp=10_000), bike(shop)])
    return Toured(shop, tuple(booking.code for booking in made), tour.id)


@pytest.mark.browser
@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_follows_a_tour_stop_by_stop(browser: Browser, file_db: Database, js: bool) -> None:
    made = toured(file_db)
    with served(file_db) as address:
        page = opened(browser, js=js, width=1280)
        sign_in(page, address, HERE)
        title(page, "Tours of Wednesday 25 November")
        expect(page.locator("main")).to_contain_text(
            "Times of the ways: straight lines x 1.3 (no streets were built"
        )
        expect(page.get_by_role("note")).to_contain_text("1 booking has no tour.")
        expect(page.get_by_role("region", name="Without a tour").first).to_contain_text(made.codes[8])
        expect(page.get_by_role("navigation", name="Places")).to_contain_text("1 tour")
        page.get_by_role("group", name="Map of the tours").get_by_role("link").click()
        expect(page.get_by_role("heading", name="Tour 1, bike")).to_be_visible()
        stops = page.get_by_role("region", name="Stops, table").get_by_role("row")
        expect(stops).to_have_count(10)
        for code in made.codes:
            expect(page.locator("table.stops")).to_contain_text(code)
        expect(stops.nth(1)).to_contain_text("18:00–20:00")
        expect(page.locator("table.stops")).to_contain_text("delivered")
        # The locker is on the map and in its key, and the stop says that it is there.
        expect(page.locator("rect.locker")).to_have_count(2)
        expect(page.locator("figcaption")).to_contain_text("Cacifo da Trindade")
        expect(page.locator("table.stops")).to_contain_text("locker: Cacifo da Trindade")
        marks = page.get_by_role("group", name="Map of the tours").get_by_role("link")
        assert sorted(int((one.get_attribute("aria-label") or "")[5:]) for one in marks.all()) == list(
            range(1, 10)
        )
        # The trip with known streets has its own line and dots to the node, the other one goes straight.
        for part in (".alone .way:not(.off)", ".alone .way.off"):
            assert page.locator(part).count() >= 1
        assert page.locator(".alone .way:not(.off)").count() == 2

        page.get_by_role("link", name="Show the tentative ones").click()
        title(page, "Tentative tours of Wednesday 25 November")
        notice = page.get_by_role("note").first
        expect(notice).to_contain_text("These tours are tentative.")
        expect(notice).to_contain_text("15% longer than estimated")
        expect(page.locator("main")).to_contain_text("Times of the ways: straight lines x 1.3.")
        notice.get_by_role("link", name="Show the published ones").click()
        title(page, "Tours of Wednesday 25 November")


@pytest.mark.browser
def test_every_page_of_tours_is_clean_in_both_lights_and_fits_320_pixels(
    browser: Browser, file_db: Database
) -> None:
    made = toured(file_db)
    with served(file_db) as address:
        page = opened(browser, width=320)
        sign_in(page, address)
        for path in (
            "/operator/tours", HERE, f"{HERE}&tour={made.tour_id}", f"{HERE}&of=tentative",
            f"{HERE}&of=tentative&tour=1",
        ):  # fmt: skip
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


def test_the_page_says_the_same_on_each_database(db: Database, client: TestClient, clock: Clock) -> None:
    made = toured(db)
    assert client.get(HERE, follow_redirects=False).status_code == 303
    client.post("/operator", data={"key": KEY})
    page = client.get(f"{HERE}&tour={made.tour_id}")
    assert says(page, "9 drops on 2 trips")
    assert says(page, "Lines follow the streets, straight ones where no street times are known.")
    assert all(says(page, code) for code in made.codes)
    clock.forward(timedelta(minutes=1))
    plan(db, made.shop, command=("false",))
    assert says(client.get(HERE), "Newer tours could not be made.")
    for odd in ("day=nonsense", "node=nobody", "tour=none", "of=anything", "day=0001-01-01"):
        assert client.get(f"/operator/tours?{odd}").status_code == 200, odd


def test_before_tours_and_before_places_the_page_says_so(db: Database, client: TestClient) -> None:
    shop = db.write_now(lambda c, _: make_shop(c))
    operator(db, shop)
    client.post("/operator", data={"key": KEY})
    assert says(client.get(HERE), "No tours at Micro-fulfilment centre Bolhão on this day.")
    assert says(client.get(HERE), "not planned")
    lay(db, shop, [bike(shop)])
    empty = client.get(HERE)
    assert says(empty, "Nothing is held or booked for Micro-fulfilment centre Bolhão on this day yet")
    assert says(empty, "1 vehicle is planned")


def test_a_hold_on_a_tentative_tour_has_no_code_yet(db: Database, client: TestClient) -> None:
    shop, _ = db.write_now(lambda c, _: booked(c, 1))
    operator(db, shop)

    def hold(conn: sa.Connection, _now: object) -> None:
        (slot,) = rows(conn, DeliverySlot, sa.select(table_of(DeliverySlot)))
        make_hold(conn, shop, slot, customer="zoe")

    db.write_now(hold)
    lay(db, shop, [bike(shop, handover_bp=10_000)])
    client.post("/operator", data={"key": KEY})
    page = client.get(f"{HERE}&tour=1")
    assert says(page, "Tentative tours of Wednesday 25 November")
    assert says(page, "held")
    assert says(page, "confirmed")
