"""The checkout in a real browser: with and without scripts, by keyboard, small, dark, and for everybody."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from app.database.runner import Database
from app.main import build_app
from tests.api import worked, world_on

pytestmark = pytest.mark.browser


def opened(
    browser: Browser, *, js: bool = True, width: int = 390, scheme: str = "light", lang: str = "en-GB"
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=lang,
        java_script_enabled=js,
    )
    return context.new_page()


def held(page: Page, base: str, basket: str = "weekly") -> None:
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12&basket={basket}")
    page.locator("label.slot:not(.closed)").first.click()
    page.get_by_role("button", name="Hold this window").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your window is held")


@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_a_shopper_gets_from_address_to_booking(
    browser: Browser, base: str, shop_db: Database, js: bool
) -> None:
    page = opened(browser, js=js)
    foreign: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(base) else foreign.append(request.url))
    page.goto(base)
    page.locator("#text").press_sequentially("flores")
    if js:
        page.get_by_role("option", name="Rua das Flores 12, Porto").click()
    page.get_by_role("button", name="Show delivery windows").click()
    if not js:
        page.get_by_label("Rua das Flores 12, Porto").check()
        page.get_by_role("button", name="Show delivery windows").click()
    page.locator("label.slot:not(.closed)").first.click()
    page.get_by_label("Leave it in a safe place").check()
    page.get_by_label("Where is the safe place?").fill("behind the bench")
    page.get_by_label("Promotion code").fill("bemvindo")
    page.get_by_role("button", name="Hold this window").click()
    expect(page.locator(".fee")).to_contain_text("-€2.00")
    expect(page.locator(".summary")).to_contain_text("behind the bench")
    page.get_by_label("Your name").fill("Ana Lima")
    page.get_by_label("E-mail").fill("ana@example.com")
    page.get_by_role("button", name="Confirm delivery").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your delivery is booked")

    calendar = page.request.get(page.url + "/delivery.ics")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert "BEGIN:VEVENT" in calendar.text()
    worked(world_on(shop_db))
    page.goto(f"{base}/mailbox")
    page.get_by_role("link", name=re.compile("Your delivery")).click()
    expect(page.locator("pre")).to_contain_text("Hello Ana Lima")
    assert foreign == []


@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_a_shopper_fetches_the_goods_at_a_collection_point(browser: Browser, base: str, js: bool) -> None:
    page = opened(browser, js=js)
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12&basket=weekly")
    page.get_by_role("link", name="Kiosk Flores").click()
    expect(page.locator(".where")).to_contain_text("Kiosk Flores, Rua das Flores 20, Porto")
    expect(page.locator(".collect")).to_have_count(0)
    page.locator("label.slot:not(.closed)").first.click()
    expect(page.get_by_label("I fetch it there")).to_be_checked()
    expect(page.get_by_label("I am at home")).to_have_count(0)
    if js:
        assert Axe().run(page).violations_count == 0
    page.get_by_role("button", name="Hold this window").click()
    expect(page.locator(".summary")).to_contain_text("Collected by you")
    page.get_by_label("Your name").fill("Ana Lima")
    page.get_by_label("E-mail").fill("ana@example.com")
    page.get_by_role("button", name="Confirm delivery").click()
    expect(page.locator(".next")).to_contain_text("fetch it from then on")
    expect(page.locator(".summary")).to_contain_text("Kiosk Flores, Rua das Flores 20, Porto")
    expect(page.locator(".summary")).to_contain_text("Collected by you")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser: Browser, base: str, scheme: str) -> None:
    page = opened(browser, scheme=scheme)

    def clean() -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    page.goto(base)
    clean()
    page.goto(f"{base}/checkout?text=flores")
    clean()
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12&basket=wine")
    clean()
    held(page, base)
    clean()
    page.get_by_label("E-mail").fill("ana@example.com")
    page.get_by_role("button", name="Confirm delivery").click()
    clean()
    page.goto(f"{base}/mailbox")
    clean()
    page.goto(f"{base}/holds/nothing")
    clean()


@pytest.mark.parametrize("lang", ["en-GB", "pt-PT"])
def test_nothing_scrolls_sideways_at_320_pixels(
    browser: Browser, base: str, shop_db: Database, lang: str
) -> None:
    page = opened(browser, width=320, lang=lang)

    def narrow() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url

    for path in ("/", "/checkout?text=flores", "/checkout?text=nowhere", "/checkout?text=Rua+das+Flores+12"):
        page.goto(base + path)
        narrow()
    page.locator("label.slot:not(.closed)").first.click()
    narrow()
    page.locator(".take .go").click()
    expect(page.locator(".countdown")).to_be_visible()
    narrow()
    page.locator("#email").fill("ana@example.com")
    page.locator(".confirm .go").click()
    expect(page.locator(".ticket")).to_be_visible()
    narrow()
    worked(world_on(shop_db))
    page.goto(f"{base}/mailbox")
    narrow()
    page.locator(".mails a").first.click()
    expect(page.locator("iframe.mail")).to_be_visible()
    narrow()


def test_one_day_is_shown_at_a_time_and_the_choice_stays_in_sight(browser: Browser, base: str) -> None:
    page = opened(browser)
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12")
    expect(page.locator("fieldset.day:visible")).to_have_count(1)
    page.get_by_role("button", name="Hold this window").click()
    expect(page.get_by_role("alert").filter(has_text="Choose a window first.")).to_be_visible()
    page.locator("label.slot:not(.closed):visible").first.click()
    chosen = page.locator(".chosen").inner_text()
    assert "€" in chosen
    days = page.get_by_role("navigation", name="Jump to a day").get_by_role("link", name="from")
    expect(days).to_have_count(3)
    days.nth(2).click()
    expect(days.nth(2)).to_have_attribute("aria-current", "true")
    expect(page.locator("fieldset.day:visible")).to_have_attribute("id", "day-3")
    assert page.locator(".chosen").inner_text() == chosen
    page.get_by_role("button", name="Hold this window").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your window is held")


def test_without_scripts_all_days_follow_each_other(browser: Browser, base: str) -> None:
    page = opened(browser, js=False)
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12")
    expect(page.locator("fieldset.day:visible")).to_have_count(3)


def test_later_days_are_a_link_away_and_end_where_nothing_is_sold(browser: Browser, base: str) -> None:
    page = opened(browser)
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12")
    page.get_by_role("link", name="Later days").click()
    expect(page.get_by_role("heading", name="No windows to show")).to_be_visible()
    expect(page.get_by_role("link", name="Later days")).to_have_count(0)
    page.get_by_role("link", name="Earlier days").click()
    expect(page.locator("fieldset.day:visible")).to_have_count(1)
    page.goto(page.url.split("&from=")[0] + "&from=rubbish")
    expect(page.locator("fieldset.day:visible")).to_have_count(1)


def test_an_address_that_is_not_known_is_said_to_be_so(browser: Browser, base: str) -> None:
    page = opened(browser)
    page.goto(f"{base}/checkout?text=Nenhures+7")
    expect(page.get_by_role("alert")).to_contain_text("We do not know “Nenhures 7”")
    expect(page.get_by_role("combobox", name="Your address")).to_have_value("Nenhures 7")


def test_windows_are_chosen_by_keyboard_and_closed_ones_are_skipped(browser: Browser, base: str) -> None:
    page = opened(browser, width=1200)
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12")
    page.locator("input[name=slot]:not([disabled])").first.focus()
    page.keyboard.press("Space")
    seen = []
    for _ in range(4):
        seen.append(page.evaluate("document.querySelector('input[name=slot]:checked').disabled"))
        page.keyboard.press("ArrowDown")
    assert seen == [False] * 4
    page.locator("input[name=slot]:checked").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your window is held")


def test_wine_is_handed_over_in_person(browser: Browser, base: str) -> None:
    page = opened(browser)
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12&basket=wine")
    expect(page.get_by_label("Leave it in a safe place")).to_be_disabled()
    expect(page.get_by_text("we check the age at the door").first).to_be_visible()


def test_the_countdown_speaks_rarely(browser: Browser, base: str) -> None:
    page = opened(browser)
    held(page, base)
    expect(page.locator(".clock")).to_contain_text("left")
    assert page.locator("[role=status]").inner_text() == ""


def test_a_released_window_says_so(browser: Browser, base: str) -> None:
    page = opened(browser, lang="pt-PT")
    page.goto(f"{base}/checkout?text=Rua+das+Flores+12")
    page.locator("label.slot:not(.closed)").first.click()
    page.get_by_role("button", name="Reservar este horário").click()
    page.get_by_role("button", name="Devolver").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("O horário foi devolvido")


def test_looking_changes_nothing_and_other_sites_cannot_act(shop_db: Database) -> None:
    with TestClient(build_app(world=world_on(shop_db)), client=("127.0.0.1", 5)) as client:
        shown = client.get("/checkout?text=Rua+das+Flores+12")
        assert shown.status_code == 200
        slot = re.findall(r'name="slot" value="([^"|]+\|\d+)"', shown.text)[0]
        address = re.findall(r'name="address" value="([^"]+)"', shown.text)[0]
        form = {"slot": slot, "address": address, "basket": "weekly", "mode": "ATTENDED", "key": "k"}
        stolen = client.post("/holds", data=form, headers={"Origin": "https://evil.example"})
        assert stolen.status_code == 403
        made = client.post("/holds", data=form, follow_redirects=False)
        assert made.status_code == 303
        page = made.headers["location"]
        for _ in range(3):
            assert client.get(page).status_code == 200
        assert client.get("/bookings/forged").status_code == 404
