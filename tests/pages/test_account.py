"""A customer's own pages in a real browser: moving, cancelling, waiting; for everybody and in every light."""

from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.booking.rules import BookingStatus
from app.booking.update_hold import update_hold
from app.values.ids import new_id
from tests.factories import make_basket, make_hold
from tests.pages.account import Account
from tests.pages.test_checkout import opened

pytestmark = pytest.mark.browser
LIGHTS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def title(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def chosen_by_keyboard(page: Page) -> None:
    """To the first window with the tab key, on with the arrows, and go."""
    first = page.locator("input[name=slot]:not([disabled])").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if first.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_a_customer_moves_and_then_cancels_a_delivery(
    browser: Browser, account_base: str, account: Account, js: bool
) -> None:
    page = opened(browser, js=js)
    page.goto(account_base + account.mine)
    card = page.locator(".delivery")
    expect(card).to_contain_text("Can be changed for another 31 hours, until Wednesday 25 November, 16:00")
    card.get_by_role("link", name="Wednesday 25 November, 18:00–20:00").click()
    title(page, "Your delivery is booked")
    page.get_by_role("link", name="Move to another window").click()
    expect(page.locator(".card.present")).to_contain_text("Your window now")
    if js:
        chosen_by_keyboard(page)
    else:
        page.get_by_label("19:00–20:00").first.check()
        page.get_by_role("button", name="Go on").click()
    title(page, "Move your delivery?")
    assert account.now().version == 1, "nothing has happened yet"
    expect(page.locator(".fee tfoot")).to_contain_text("You pay €1.00 more")
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_role("status").first).to_contain_text("Your delivery was moved.")
    expect(page.locator(".ticket")).to_contain_text("You can move it 2 more times.")
    expect(page.locator(".history li").last).to_contain_text("Moved to Wednesday 25 November, 19:00–20:00")
    expect(page.locator(".history li").last).to_contain_text("(costs €1.00 more)")
    expect(page.locator(".history li").last).to_contain_text("by you")
    expect(page.locator(".history")).not_to_contain_text("by the customer")

    page.get_by_role("link", name="Cancel the delivery").click()
    expect(page.locator(".cost")).to_contain_text("Cancelling costs nothing. You get back €4.50")
    page.get_by_role("button", name="Cancel it").click()
    title(page, "Your delivery is cancelled")
    assert account.now().status is BookingStatus.CANCELLED
    page.get_by_role("link", name="My deliveries").click()
    expect(page.locator(".past")).to_contain_text("Cancelled")
    expect(page.locator(".delivery")).to_have_count(0)


def test_a_shopper_waits_for_a_full_window_gets_it_offered_and_takes_it(
    browser: Browser, account_base: str, account: Account
) -> None:
    page = opened(browser, js=False)
    page.goto(f"{account_base}/checkout?text=Rua+das+Flores+12")
    page.get_by_role("link", name="Tell me when it is free Wednesday 25 November, 16:00–17:00").click()
    expect(page.get_by_label("16:00–17:00")).to_be_checked()
    page.get_by_label("E-mail").fill("joana@example.com")
    page.get_by_role("button", name="Put me on the list").click()
    title(page, "My deliveries")
    expect(page.get_by_role("status")).to_contain_text("You are on the list.")
    expect(page.locator(".queue")).to_contain_text("Wednesday 25 November, 16:00–17:00")

    account.gives_up()
    page.get_by_role("link", name="My deliveries").click()
    expect(page.locator(".queue")).to_contain_text("Held for you until 09:30")
    page.get_by_role("link", name="Take it or decline it").click()
    title(page, "A window is free for you")
    page.get_by_role("button", name="Take it").click()
    title(page, "Your delivery is booked")


def test_every_page_of_an_account_is_clean_in_both_lights_and_fits_320_pixels(
    browser: Browser, account_base: str, account: Account
) -> None:
    page = opened(browser, width=320)
    booking = account.booking
    slot = account.slot_at(9)

    def clean(path: str) -> None:
        page.goto(account_base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        for scheme in LIGHTS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, (path, scheme, found.generate_report())

    offered = account.path("hold", account.offered())
    conflicted = account.holds(slot, customer="eva")
    account.write(update_hold, hold_id=conflicted.id, basket=make_basket(weight_g=900_000), key=new_id())
    ended = account.db.write_now(
        lambda c, n: make_hold(c, account.shop, slot, now=n - timedelta(hours=3), customer="rita")
    )
    account.waits(account.slot_at(18))
    clean(account.mine)
    clean(f"{account.page}?done=changed")
    clean(f"{account.page}/move")
    clean(f"{account.page}/move?slot={slot.id}")
    clean(f"{account.page}/cancel")
    clean(offered)
    clean(account.path("hold", conflicted.id))
    clean(account.path("hold", ended.id))
    clean(f"/waitlist?address={account.house_id}&slot={account.full.id}")
    clean("/checkout?text=Rua+das+Flores+12")
    clean("/my")
    clean("/my/nothing")
    account.clock.set(booking.cutoff_at)
    clean(account.page)
    clean(f"{account.page}/move")


def test_touching_the_form_begins_the_checkout_and_gives_it_time(
    browser: Browser, account_base: str, account: Account
) -> None:
    held = account.holds(account.slot_at(9), customer="eva")
    account.clock.forward(timedelta(minutes=55))
    page = opened(browser)
    page.goto(account_base + account.path("hold", held.id))
    expect(page.locator(".countdown")).to_contain_text("Held until 10:00")
    page.get_by_label("Your name").focus()
    expect(page.locator(".countdown")).to_contain_text("Held until 10:05")
    expect(page.get_by_label("Your name")).to_be_focused()
