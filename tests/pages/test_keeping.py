"""A standing slot on its customer's pages: weeks left out, moved and paused, the end; without scripts too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from app.database.runner import Database
from app.main import build_app
from app.standing.series import Series
from tests.api import world_on
from tests.pages.conftest import served
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_account_refusals import form, says
from tests.pages.test_checkout import opened
from tests.standing.world import FRIDAY, SECOND, Fridays, open_fridays


@dataclass
class Keeping:
    """Ana keeps Friday from 19 to 20; `path` leads to it, `mine` to all she has."""

    fridays: Fridays
    series: Series

    @property
    def path(self) -> str:
        return f"/standing/{world_on(self.fridays.db).links.sign('standing', self.series.row.id)}"

    @property
    def mine(self) -> str:
        return f"/my/{world_on(self.fridays.db).links.sign('customer', self.series.row.customer_id)}"

    def states(self) -> list[str]:
        return list(self.fridays.states(self.series).values())


def kept(db: Database) -> Keeping:
    fridays = open_fridays(db)
    return Keeping(fridays, fridays.create())


@pytest.fixture
def keeping(file_db: Database) -> Keeping:
    return kept(file_db)


@pytest.fixture
def address(keeping: Keeping) -> Iterator[str]:
    with served(keeping.fridays.db) as base:
        yield base


@pytest.mark.browser
@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_a_customer_moves_skips_pauses_and_gives_up_what_is_kept(
    browser: Browser, address: str, keeping: Keeping, js: bool
) -> None:
    page = opened(browser, js=js)
    page.goto(address + keeping.mine)
    page.get_by_role("link", name="Every Friday, 19:00–20:00").click()
    title(page, "Every Friday, 19:00–20:00")
    first = page.locator(".queue").first
    expect(first).to_contain_text("Order by Thursday 26 November")
    first.get_by_role("link", name="Another window").click()
    title(page, "Another window for Friday 27 November")
    card = page.locator("label.card", has_text="20:00–21:00")
    expect(card).to_contain_text("Thursday 26 November")
    card.click()
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_role("status").first).to_contain_text("The week was moved.")
    assert keeping.states() == ["MOVED", "BOOKED_AHEAD"]
    page.locator(".queue").nth(1).get_by_role("button", name="Leave it out").click()
    expect(page.locator(".queue").nth(1)).to_contain_text("Left out")
    assert keeping.states() == ["MOVED", "SKIPPED"]
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("Paused from Wednesday 25 November")).to_be_visible()
    assert keeping.states() == ["PAUSED", "SKIPPED"]
    page.get_by_role("button", name="Go on with it").click()
    assert keeping.states() == ["BOOKED_AHEAD", "SKIPPED"]
    page.get_by_text("Give the window up").click()
    page.get_by_label("I do not want to keep it any more").check()
    page.get_by_role("button", name="Give it up").click()
    expect(page.get_by_role("status").first).to_contain_text("You do not keep this window any more.")
    assert keeping.states() == ["RELEASED", "SKIPPED"]
    page.goto(address + keeping.mine)
    expect(page.get_by_text("Kept every week")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_a_customer_keeps_the_window_of_a_booking_every_week_and_ends_it(
    browser: Browser, address: str, keeping: Keeping, js: bool
) -> None:
    booking = keeping.fridays.booking(keeping.fridays.late)
    path = f"/bookings/{world_on(keeping.fridays.db).links.sign('booking', booking.id)}"
    page = opened(browser, js=js, width=320)

    def clean() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        if js:
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()

    page.goto(address + path)
    weekly = page.get_by_role("region", name="Every week at this time")
    expect(weekly).to_contain_text("Every Thursday 20:00–21:00 from Thursday 3 December on")
    clean()
    weekly.get_by_role("button", name="Keep it every week").click()
    title(page, "Every Thursday, 20:00–21:00")
    expect(page.get_by_role("status").first).to_contain_text("The window is yours every week.")
    clean()
    page.goto(address + path)
    clean()
    weekly.get_by_role("link", name="Leave a week out, pause it or give it up").click()
    page.get_by_text("Give the window up").click()
    page.get_by_label("I do not want to keep it any more").check()
    page.get_by_role("button", name="Give it up").click()
    expect(page.get_by_role("status").first).to_contain_text("You do not keep this window any more.")
    page.goto(address + path)
    expect(weekly.get_by_role("button", name="Keep it every week")).to_be_visible()


@pytest.mark.browser
def test_its_pages_are_clean_in_both_lights_and_fit_320_pixels(
    browser: Browser, address: str, keeping: Keeping
) -> None:
    page = opened(browser, width=320)
    for path in (keeping.mine, f"{keeping.path}?done=skip", f"{keeping.path}/move?day={FRIDAY}"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        for scheme in LIGHTS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, (path, scheme, found.generate_report())


@pytest.fixture
def standing(db: Database) -> Keeping:
    return kept(db)


@pytest.fixture
def client(standing: Keeping) -> Iterator[TestClient]:
    app = build_app(world=world_on(standing.fridays.db))
    headers = {"Accept-Language": "en-GB"}
    with TestClient(app, client=("127.0.0.1", 5), follow_redirects=False, headers=headers) as running:
        yield running


def test_a_look_changes_nothing_and_only_a_form_of_ours_acts(client: TestClient, standing: Keeping) -> None:
    before = standing.states()
    for path in (standing.path, f"{standing.path}/move?day={FRIDAY}", standing.mine):
        assert client.get(path).status_code == 200
    told = {"do": "skip", "day": str(FRIDAY)}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(standing.path, data=told, headers=headers).status_code == 403
    other_purpose = standing.path.replace("/standing/", "/bookings/")
    assert client.get(other_purpose).status_code == 404
    assert client.get(standing.mine.replace("/my/", "/standing/")).status_code == 404
    assert standing.states() == before == ["BOOKED_AHEAD", "BOOKED_AHEAD"]


def test_what_cannot_be_done_is_told_on_the_page(client: TestClient, standing: Keeping) -> None:
    path = standing.path
    wrong = {"do": "skip", "day": str(FRIDAY.replace(day=28))}
    refused = client.post(path, data=wrong)
    assert (refused.status_code, says(refused, "has nothing on")) == (409, True)
    for told, status in (
        ({"do": "end"}, 409),
        ({"do": "skip", "day": "soon"}, 409),
        ({"do": "nothing"}, 422),
    ):
        assert client.post(path, data=told).status_code == status, told
    choices = client.get(f"{path}/move?day={FRIDAY}")
    told = {**form(choices, "Move it"), "do": "move"}
    thursday = standing.fridays.late.id
    dearer = client.post(path, data={**told, "slot": f"{thursday}|900"})
    assert dearer.status_code == 409
    told = {**form(dearer, "Move it"), "do": "move"}
    for _ in range(2):
        moved = client.post(path, data={**told, "slot": f"{thursday}|0"})
        assert (moved.status_code, moved.headers["location"]) == (303, f"{path}?done=move")
    assert standing.states() == ["MOVED", "BOOKED_AHEAD"]
    assert standing.fridays.week(standing.series, SECOND).slot is not None


def test_keeping_a_booking_weekly_is_only_ever_posted_and_done_once(
    client: TestClient, standing: Keeping
) -> None:
    booking = standing.fridays.booking(standing.fridays.late)
    path = f"/bookings/{world_on(standing.fridays.db).links.sign('booking', booking.id)}"
    for _ in range(2):
        shown = client.get(path)
        assert says(shown, "Every week at this time")
    assert client.get(f"{path}/weekly").status_code == 405
    told = form(shown, "Keep it every week")
    elsewhere = client.post(f"{path}/weekly", data=told, headers={"Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    first, again = (client.post(f"{path}/weekly", data=told) for _ in range(2))
    assert first.status_code == again.status_code == 303
    assert first.headers["location"].endswith("?done=keep")
    assert says(client.get(path), "You keep this window every week.")
    other = client.post(f"{path}/weekly", data={"key": "another"})
    assert (other.status_code, says(other, "keeps this window at this address already")) == (409, True)
