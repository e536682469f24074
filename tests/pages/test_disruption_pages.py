"""Disruptions and alerts on the operator's desk: reported, repaired, read and ended; scripts or not, any light."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.disruption.report import report_disruption
from app.disruption.rules import DisruptionKind, Incident, alert_cause
from app.disruption.tables import Disruption
from app.main import build_app
from app.storefronts.tables import Storefront
from app.values.actor import Actor, Role
from tests.api import worked, world_on
from tests.assignment.world import DAY
from tests.conftest import Clock
from tests.journeys.test_breakdown import AT_1740, OPERATOR, broken_evening
from tests.pages.conftest import served
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_checkout import opened
from tests.pages.test_desk_refusals import form, says, sign_in

REPORT = "/operator/disruptions/report"
VAN = {
    "kind": "VEHICLE", "vehicle": "Van 7", "node": "", "vehicle_kind": "", "street": "",
    "starts_at": f"{DAY}T17:40", "ends_at": f"{DAY}T22:40", "reason": "Van 7 broke down",
}  # fmt: skip


def run(db: Database) -> None:
    while worked(world_on(db)):
        pass


def noted(db: Database) -> list[Disruption]:
    return db.read_now(lambda c, _: rows(c, Disruption, sa.select(table_of(Disruption))))


def alerted(db: Database, cause: str, kind: AlertKind) -> None:
    db.write_now(
        lambda c, n: raise_alert(c, now=n, kind=kind, cause=cause, message="Give it a vehicle.") and None
    )


@pytest.fixture
def evening(db: Database, clock: Clock) -> Database:
    broken_evening(db)
    clock.set(AT_1740)
    run(db)
    return db


@pytest.fixture
def client(evening: Database) -> Iterator[TestClient]:
    app = build_app(world=world_on(evening))
    with TestClient(app, client=("127.0.0.1", 5), follow_redirects=False) as running:
        sign_in(running, OPERATOR)
        yield running


def test_a_van_is_reported_its_repair_read_and_its_end_said(client: TestClient, evening: Database) -> None:
    assert says(client.get("/operator/disruptions"), "Nothing is broken.")
    asked = client.get(REPORT, params=VAN)
    assert says(asked, "1 pool would sell less from then on, with 14 bookings in it; at least 14 must move.")
    assert noted(evening) == []
    sent = form(asked, "Report it")
    done = [client.post(REPORT, data=sent) for _ in range(2)]
    (one,) = noted(evening)
    page = f"/operator/disruptions/{one.id}"
    assert [(a.status_code, a.headers["location"]) for a in done] == [(303, f"{page}?done=reported")] * 2
    assert says(client.get(page), "Being repaired: the bookings of 2026-11-25 wait for a plan")
    run(evening)
    repaired = client.get(page)
    for text in (
        "Van 7 is out", "Moved inside their windows, nobody disturbed9", "Asked to choose another window2 (2 yet to answer)",
        "Brought by a partner courier3", "no vehicle had room in its window", "waits for an answer",
    ):  # fmt: skip
        assert says(repaired, text), text
    assert repaired.text.count("Van 7 broke down") >= 14
    assert says(client.get("/operator/disruptions"), "9 moved2 asked3 by partner courier")
    assert f'href="{page}"' in client.get("/operator/proposals").text

    silent = client.post(page, data={**form(repaired, "It is over"), "reason": " "})
    assert (silent.status_code, says(silent, "Say why it is over")) == (422, True)
    over = {**form(repaired, "It is over"), "reason": "The tyre is mended"}
    for _ in range(2):
        ended = client.post(page, data=over)
        assert (ended.status_code, ended.headers["location"]) == (303, f"{page}?done=ended")
    shown = client.get(page)
    assert says(shown, "The tyre is mended")
    assert says(shown, "withdrawn")
    assert "Why it is over" not in shown.text
    assert [one.ended_by for one in noted(evening)] == ["desk"]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"kind": ""}, "kind", "Choose what failed."),
        ({"vehicle": ""}, "vehicle", "Name the vehicle."),
        ({"kind": "NODE"}, "node", "Give the node."),
        ({"kind": "STREET"}, "street", "Name the street."),
        ({"kind": "STREET", "street": "Rua Que Nao Ha"}, "street", "Nothing that is planned"),
        ({"kind": "COURIER", "vehicle": ""}, "node", "Give the node and the kind"),
        ({"starts_at": ""}, "starts_at", "Say from when."),
        ({"ends_at": "soon"}, "ends_at", "Write the time"),
        ({"ends_at": f"{DAY}T17:00"}, "ends_at", "ends after it starts"),
        ({"reason": ""}, "reason", "Say why"),
    ],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_makes_no_sense_is_shown_again_with_its_field(
    client: TestClient, evening: Database, changes: dict[str, str], field: str, sentence: str
) -> None:
    seen = client.get(REPORT, params={**VAN, **changes})
    assert (seen.status_code, says(seen, sentence)) == (422, True)
    if field != "kind":
        assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', seen.text)
    assert "Report it" not in seen.text
    token = form(client.get(REPORT), "Sign out")["form"]
    acted = client.post(REPORT, data={**VAN, **changes, "form": token, "key": "k"})
    assert (acted.status_code, noted(evening)) == (422, [])


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_look_changes_nothing_and_a_strangers_form_does_nothing(
    client: TestClient, evening: Database
) -> None:
    sent = form(client.get(REPORT, params=VAN), "Report it")
    assert client.post(REPORT, data={**sent, "form": "rubbish"}).status_code == 403
    assert client.post(REPORT, data=sent, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/operator/disruptions/nothing").status_code == 404
    assert noted(evening) == []
    client.cookies.clear()
    for path in ("/operator/disruptions", REPORT, "/operator/alerts"):
        assert client.get(path).headers["location"].startswith("/operator?to=")


def test_alerts_lead_to_their_page_and_are_taken_on(client: TestClient, evening: Database) -> None:
    assert says(client.get("/operator/alerts"), "Nothing is wrong.")
    client.post(REPORT, data=form(client.get(REPORT, params=VAN), "Report it"))
    (one,) = noted(evening)
    alerted(evening, alert_cause(one.id), AlertKind.DISRUPTION_UNREPAIRED)
    alerted(evening, f"tours:{DAY}:here", AlertKind.TOURS_FAILED)
    alerted(evening, f"assignment:{DAY}:", AlertKind.ASSIGNMENT_FAILED)
    alerted(evening, "plan:stale", AlertKind.PLAN_STALE)
    seen = client.get("/operator/alerts")
    for href in (
        f"/operator/disruptions/{one.id}", f"/operator/tours?day={DAY}&amp;node=here", f"/operator/pools?day={DAY}",
        "/operator/plan/certificate",
    ):  # fmt: skip
        assert f'href="{href}"' in seen.text
        assert client.get(href.replace("&amp;", "&")).status_code == 200, href
    assert says(client.get("/operator/pools"), "Alerts, 4 open")
    acts = re.findall(r'action="(/operator/alerts/[^"]+)"', seen.text)[0]
    for _ in range(2):
        assert client.post(acts, data=form(seen, "I look after it")).headers["location"].endswith("taken")
    assert says(client.get("/operator/alerts"), "desk looks after it since")


@pytest.fixture
def broken(file_db: Database, clock: Clock) -> Database:
    broken_evening(file_db)
    clock.set(AT_1740)
    return file_db


def enter(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Key").fill(OPERATOR)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.browser
@pytest.mark.parametrize("js", [True, False], ids=["with scripts", "without scripts"])
def test_an_operator_reports_a_van_in_a_browser(browser: Browser, broken: Database, js: bool) -> None:
    with served(broken) as base:
        page = opened(browser, js=js, width=360)
        enter(page, base + "/operator/disruptions")
        title(page, "Disruptions")
        page.get_by_role("link", name="Report one").click()
        page.get_by_label("A vehicle.").check()
        page.get_by_label("Vehicle", exact=True).select_option("Van 7")
        page.get_by_label("Why").fill("Van 7 broke down")
        page.get_by_role("button", name="See what it would touch").click()
        expect(page.get_by_role("region", name="What it would touch")).to_contain_text("14 bookings")
        assert noted(broken) == []
        page.get_by_role("button", name="Report it").click()
        expect(page.get_by_role("status")).to_contain_text("It is noted.")
        (one,) = noted(broken)
        alerted(broken, alert_cause(one.id), AlertKind.DISRUPTION_UNREPAIRED)
        page.get_by_role("link", name="Alerts").click()
        page.get_by_role("link", name="The disruption").click()
        page.get_by_label("Why it is over").fill("The tyre is mended")
        page.get_by_role("button", name="It is over").click()
        expect(page.get_by_role("region", name="It is over")).to_contain_text("The tyre is mended")
        page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", LIGHTS)
def test_the_pages_of_disruptions_are_clean_and_fit_320_pixels(
    browser: Browser, broken: Database, scheme: Literal["light", "dark"]
) -> None:
    actor = Actor(storefront_of(broken), Role.OPERATOR, "desk")
    van = Incident(DisruptionKind.VEHICLE, AT_1740, AT_1740 + timedelta(hours=5), "It broke", "Van 7")
    one = broken.write_now(lambda c, n: report_disruption(c, now=n, actor=actor, incident=van, key="k"))
    run(broken)
    alerted(broken, alert_cause(one.id), AlertKind.DISRUPTION_UNREPAIRED)
    with served(broken) as base:
        page = opened(browser, width=320, scheme=scheme)
        enter(page, base + "/operator/disruptions")
        for path in (
            "", f"/{one.id}", "/report", f"/report?{urlencode({**VAN, 'reason': ''})}", "/../alerts",
        ):  # fmt: skip
            page.goto(f"{base}/operator/disruptions{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
            found = Axe().run(page)
            assert found.violations_count == 0, (path, found.generate_report())
        page.context.close()


def storefront_of(db: Database) -> str:
    return str(db.read_now(lambda c, _: c.execute(sa.select(table_of(Storefront).c.id)).scalar_one()))
