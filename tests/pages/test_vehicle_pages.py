"""Vehicles on the operator's desk: what a class can do is looked at, said and read back; any light, any width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection
from starlette.testclient import TestClient

from app.database.rows import add, table_of
from app.database.runner import Database
from app.events import Event
from app.fleet.seen import DESCRIBED
from app.fleet.tables import Vehicle, VehicleClass
from app.main import build_app
from app.storefronts.issue_key import issue_key
from app.tours.tables import StreetPace
from app.values.actor import Role
from app.values.basket import GoodsTrait
from tests.api import world_on
from tests.assignment.world import Street, street
from tests.factories import NOW, make_basket
from tests.journeys.broken import rostered
from tests.pages.conftest import served
from tests.pages.desk import KEY
from tests.pages.test_account import LIGHTS, title
from tests.pages.test_checkout import opened
from tests.pages.test_desk import sign_in as enter
from tests.pages.test_desk_refusals import form, says, sign_in

VEHICLES = "/operator/vehicles"
BULKY = make_basket(traits=frozenset({GoodsTrait.BULKY}))
BARE = {"what": "told", "age_check": "1", "reason": "its floor is broken"}


@pytest.fixture
def town(db: Database) -> Street:
    """A van that brings a washing machine, and bikes."""
    made = street(db)

    def more(conn: Connection, _now: object) -> None:
        told = {"now": NOW, "storefront_id": made.shop.actor.storefront_id}
        issue_key(conn, **told, key=KEY, name="Olga", role=Role.OPERATOR)  # type: ignore[arg-type]
        rostered(conn, made.shop.node_id, made.van.id, ["Van 7", "Van 8"])
        vehicle = table_of(Vehicle)
        conn.execute(sa.update(vehicle).where(vehicle.c.name == "Van 8").values(out_of_service=True))

    db.write_now(more)
    made.publish(made.vans(18, orders=3), made.bike(18, orders=0))
    made.booking(made.early, "ana", basket=BULKY)
    return made


@pytest.fixture
def client(town: Street) -> Iterator[TestClient]:
    app = build_app(world=world_on(town.db))
    with TestClient(app, client=("127.0.0.1", 5), follow_redirects=False) as running:
        sign_in(running)
        yield running


def described(db: Database) -> list[dict[str, object]]:
    event = table_of(Event)
    query = sa.select(event.c.payload).where(event.c.kind == DESCRIBED)
    return [dict(told) for told in db.read_now(lambda c, _: c.execute(query).scalars().all())]


def skills(town: Street) -> frozenset[str] | None:
    kind = table_of(VehicleClass)
    query = sa.select(kind.c.skills).where(kind.c.id == town.van.id)
    return town.db.read_now(lambda c, _: c.execute(query).scalar_one())  # type: ignore[no-any-return]


def test_what_a_class_can_do_is_looked_at_said_once_and_read_back(client: TestClient, town: Street) -> None:
    seen = client.get(VEHICLES)
    assert says(seen, "Can do: Age checks, Large items as is usual for its kind")
    assert says(seen, "1 in service of 2")
    page = f"{VEHICLES}/{town.van.id}"
    assert says(client.get(page), "Now: Age checks, Large items, as is usual for its kind.")

    # A look tells which bookings would have to change, and writes nothing.
    looked = client.get(page, params=BARE)
    assert says(looked, "From Age checks, Large items to Age checks.")
    assert says(looked, "1 booking it could not bring any more")
    assert (skills(town), described(town.db)) == (None, [])
    sent = form(looked, "Say that it can do this")
    for _ in range(2):
        done = client.post(page, data=sent)
        assert (done.status_code, done.headers["location"]) == (303, f"{VEHICLES}?done={town.van.id}")
    assert skills(town) == frozenset({"AGE_CHECK"})
    (told,) = described(town.db)
    assert (told["actor"], told["reason"], len(told["unable"])) == ("Olga", "its floor is broken", 1)  # type: ignore[arg-type]
    shown = client.get(done.headers["location"])
    assert says(shown, "Van: noted.")
    assert says(shown, "Age checks, Large items to Age checks")
    assert says(shown, "its floor is broken")
    assert says(client.get(page, params=BARE), "Nothing: that is what it can do now.")
    # Back to the usual.
    client.post(page, data=form(client.get(page, params={"reason": "mended"}), "Say that it can do this"))
    assert (skills(town), len(described(town.db))) == (None, 2)


def test_how_ways_go_is_shown_as_it_was_measured(client: TestClient, town: Street) -> None:
    assert says(client.get(VEHICLES), "straight lines until a plan has measured streets")

    def measured(conn: Connection, now: datetime) -> None:
        known = StreetPace(
            node_id=town.shop.node_id,
            vehicle_class_id=town.van.id,
            detour_bp=13_900,
            s_per_km=100.0,
            leg_s=93,
            source="streets of here.osm.pbf",
            stamp="a map",
            measured_at=now,
        )
        add(conn, known)

    town.db.write_now(measured)
    seen = client.get(VEHICLES)
    assert says(
        seen,
        "26 km/h as the crow flies and 93 s each; 1.39 times as long as straight lines, measured on streets",
    )


def test_what_makes_no_sense_and_who_may_not_change_nothing(client: TestClient, town: Street) -> None:
    page = f"{VEHICLES}/{town.van.id}"
    token = form(client.get(VEHICLES), "Sign out")["form"]
    silent = {**BARE, "reason": " "}
    for seen in (client.get(page, params=silent), client.post(page, data={**silent, "form": token})):
        assert (seen.status_code, says(seen, "Say why")) == (422, True)
        assert "Say that it can do this" not in seen.text
    assert client.post(page, data={**BARE, "form": "rubbish"}).status_code == 403
    missing = client.get(f"{VEHICLES}/none")
    assert (missing.status_code, says(missing, "There is no vehicle class")) == (404, True)
    assert (skills(town), described(town.db)) == (None, [])
    client.cookies.clear()
    assert client.get(VEHICLES).status_code == 303


@pytest.mark.browser
@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("scheme", LIGHTS)
def test_an_operator_describes_a_class_without_scripts_on_a_narrow_screen(
    browser: Browser, town: Street, scheme: str
) -> None:
    with served(town.db) as base:
        page = opened(browser, js=False, width=320)
        enter(page, base, VEHICLES)
        title(page, "Vehicles")
        page.get_by_role("link", name=re.compile("Change what it can do.*Van")).click()
        title(page, "What Van can do")
        page.get_by_role("radio", name="This, and nothing else:").check()
        page.get_by_role("checkbox", name=re.compile("Large items")).uncheck()
        page.get_by_label("Why").fill("its floor is broken")
        page.get_by_role("button", name="See what it would change").click()
        effect = page.get_by_role("region", name="What it would change")
        expect(effect).to_contain_text("1 booking it could not bring any more")
        looked = page.url
        page.get_by_role("button", name="Say that it can do this").click()
        expect(page.get_by_role("status")).to_contain_text("Van: noted.")
        cookies = page.context.cookies()
        page.context.close()
        page = opened(browser, width=320, scheme=scheme)
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        for address in (base + VEHICLES, looked.replace("age_check=1", "two_people=1")):
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        page.context.close()
