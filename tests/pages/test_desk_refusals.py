"""The operator's desk with a plain client: who may come in, looks that change nothing, every clear no."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
import sqlalchemy as sa
from httpx2 import Response
from starlette.testclient import TestClient

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.main import build_app
from app.slots.tables import Blackout, CalendarChange
from app.storefronts.revoke_key import revoke_key
from tests.api import world_on
from tests.ledger import assert_ledger_equals_counters
from tests.pages.desk import KEY, SHOP_KEY, TOMORROW, Desk

STORM = {
    "key": "storm", "starts_at": "2026-11-25T18:00", "ends_at": "2026-11-25T20:00",
    "reason": "Storm warning", "because": "the weather service", "template": "", "zone": "", "node": "",
}  # fmt: skip


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk.opened(db)


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    app = build_app(world=world_on(desk.db))
    with TestClient(app, client=("127.0.0.1", 5), follow_redirects=False) as running:
        yield running


def sign_in(client: TestClient, key: str = KEY, to: str = "") -> Response:
    return client.post("/operator", data={"key": key, "to": to})


def form(page: Response, marker: str) -> dict[str, str]:
    """The hidden fields of the form that has this in it."""
    found = next(one for one in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if marker in one)
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found)
    return {name: unescape(value) for name, value in fields}


def says(page: Response, text: str) -> bool:
    return text in unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text)))


PAGES = ("/operator/pools", "/operator/vehicles", "/operator/calendar", "/operator/proposals", "/operator/sizing",
         "/operator/calendar/blackout", "/operator/calendar/blackout/preview")  # fmt: skip


def test_only_an_operators_key_opens_the_desk(client: TestClient, desk: Desk) -> None:
    for path in (*PAGES, f"/operator/pools/{desk.pools()[0].id}"):
        asked = client.get(path)
        assert (asked.status_code, asked.headers["location"][:13]) == (303, "/operator?to="), path
    for key in ("", "wrong", SHOP_KEY):
        refused = sign_in(client, key)
        assert (refused.status_code, refused.headers.get("set-cookie")) == (401, None)
    into = sign_in(client, to="/operator/calendar")
    assert (into.status_code, into.headers["location"]) == (303, "/operator/calendar")
    cookie = into.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert KEY not in cookie
    assert client.get("/operator/pools").status_code == 200
    for elsewhere in ("https://evil.example/", "//evil.example", "/operatorx", "/operator/\\evil"):
        assert sign_in(client, to=elsewhere).headers["location"] == "/operator/pools"


def test_a_revoked_key_and_a_broken_cookie_are_out_at_once(client: TestClient, desk: Desk) -> None:
    sign_in(client)
    shop = desk.shop.actor.storefront_id
    desk.db.write_now(lambda c, n: revoke_key(c, now=n, storefront_id=shop, name="Olga"))
    assert client.get("/operator/pools").status_code == 303
    client.cookies.set("operator", "rubbish", path="/operator")
    assert client.get("/operator/pools").status_code == 303


def test_no_look_changes_anything(client: TestClient, desk: Desk) -> None:
    sign_in(client)
    pool = desk.pools()[0].id
    before = desk.everything()
    lower = f"/operator/sizing?pool={pool}&size=orders&orders=3&reason=rain"
    blackout = "/operator/calendar/blackout/preview?" + "&".join(f"{k}={v}" for k, v in STORM.items())
    for path in ("/operator/pools", f"/operator/pools?day={TOMORROW}", f"/operator/pools/{pool}", lower,
                 "/operator/calendar", blackout, "/operator/calendar/template",
                 "/operator/calendar/template?do=remove&key=x", "/operator/proposals"):  # fmt: skip
        for answer in (client.get(path), client.head(path)):
            assert answer.status_code == 200, path
    assert desk.everything() == before


def test_a_form_of_another_site_or_session_does_nothing(client: TestClient, desk: Desk) -> None:
    sign_in(client)
    pool = desk.pools()[0].id
    seen = client.get(f"/operator/sizing?pool={pool}&size=orders&orders=9&reason=more")
    told = form(seen, "Size it")
    before = desk.everything()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/operator/sizing", data=told, headers=headers).status_code == 403
        assert client.post("/operator/calendar/blackout", data={**STORM, "form": told["form"]},
                           headers=headers).status_code == 403  # fmt: skip
        assert client.post("/operator", data={"key": KEY}, headers=headers).status_code == 403
    sign_in(client)  # another session, whose forms carry another token
    for token in (told["form"], "", "rubbish"):
        assert client.post("/operator/sizing", data={**told, "form": token}).status_code == 403
        assert client.post("/operator/sign-out", data={"form": token}).status_code == 403
    assert desk.everything() == before


def test_what_is_lowered_needs_a_choice_and_the_same_form_acts_once(client: TestClient, desk: Desk) -> None:
    sign_in(client)
    pool = desk.pools()[0].id
    seen = client.get(f"/operator/sizing?pool={pool}&size=orders&orders=3&reason=two+bikes+broke")
    assert says(seen, "2 of the holds and bookings do not fit then")
    told = form(seen, "Size it")
    refused = client.post("/operator/sizing", data=told)
    assert refused.status_code == 422
    assert says(refused, "would not fit any more")
    assert desk.pools()[0].sell_orders == 6
    told = {**told, "key": "another", "choice": "START_REPROMISE"}
    for _ in range(2):
        done = client.post("/operator/sizing", data=told)
        assert (done.status_code, done.headers["location"]) == (303, f"/operator/pools/{pool}?done=sized")
    shown = client.get(f"/operator/pools/{pool}")
    assert says(shown, "4 booked, 1 held of 3 (2 too many)")
    assert says(shown, "two bikes broke, said Olga")
    assert says(shown, "sell orders: 6 to 3")
    assert says(client.get("/operator/proposals"), f"{desk.codes[3]}, order")

    lift = client.get(
        f"/operator/sizing?pool={pool}&override={form(shown, 'plan decide')['override']}&reason=mended"
    )
    assert client.post("/operator/sizing", data=form(lift, "Lift it")).status_code == 303
    assert desk.pools()[0].sell_orders == 6
    desk.db.read_now(lambda c, _: assert_ledger_equals_counters(c))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("size=orders&orders=&reason=r", "orders to sell"),
        ("size=percent&percent=12000&reason=r", "orders to sell"),
        ("size=&reason=r", "orders to sell"),
        ("size=closed&reason=", "Say why"),
        ("size=closed&reason=r&pool=nothing", "no pool"),
    ],
)
def test_a_size_that_means_nothing_is_refused_with_its_sentence(
    client: TestClient, desk: Desk, query: str, sentence: str
) -> None:
    sign_in(client)
    pool = "" if "pool=" in query else f"pool={desk.pools()[0].id}&"
    answer = client.get(f"/operator/sizing?{pool}{query}")
    assert answer.status_code == 422
    assert says(answer, sentence)


def test_several_pools_are_closed_at_once(client: TestClient, desk: Desk) -> None:
    sign_in(client)
    query = f"day={TOMORROW}&node=&kind=CARGO_BIKE&start=19:00&end=20:00&size=closed&reason=ice"
    told = form(client.get(f"/operator/sizing?{query}"), "Size it")
    assert client.post("/operator/sizing", data=told).status_code == 303
    assert [pool.sell_orders for pool in desk.pools()] == [6, 0]
    assert says(client.get(f"/operator/pools?day={TOMORROW}"), "closed ice")


def test_a_blackout_lists_what_it_hits_and_is_in_the_history(client: TestClient, desk: Desk) -> None:
    sign_in(client)
    seen = client.get("/operator/calendar/blackout/preview", params=STORM)
    assert says(seen, "4 bookings and 1 hold lie in them")
    assert all(code in seen.text for code in desk.codes)
    assert client.post("/operator/calendar/blackout", data=form(seen, "Save it")).status_code == 303
    calendar = client.get("/operator/calendar")
    assert says(calendar, "What customers read: Storm warning")
    assert says(calendar, "the weather service")
    found = desk.db.read_now(lambda c, _: rows(c, Blackout, sa.select(table_of(Blackout))))
    assert [one.starts_at.isoformat() for one in found] == ["2026-11-25T18:00:00+00:00"]

    gone = client.get("/operator/calendar/blackout/preview?do=remove&key=storm&because=it+is+over")
    assert client.post("/operator/calendar/blackout", data=form(gone, "Remove it")).status_code == 303
    made = desk.db.read_now(lambda c, _: rows(c, CalendarChange, sa.select(table_of(CalendarChange))))
    assert [(one.actor, one.reason) for one in made] == [
        ("Olga", "the weather service"),
        ("Olga", "it is over"),
    ]


RULES = {
    "cutoff": {"key": "early", "counted": "DAYS_BEFORE", "days_before": "1", "at_local": "18:00",
               "weekdays_3": "on"},
    "template": {"key": "noon", "name": "Noon", "rrule": "FREQ=DAILY", "starts_local": "12:00",
                 "ends_local": "13:00", "cutoff": "early", "valid_from": "2026-11-01"},
    "exception": {"key": "off", "template": "noon", "day": "2026-11-25"},
    "timetable": {"key": "fair", "name": "Fair", "rrule": "FREQ=DAILY", "valid_from": "2026-11-28"},
    "holiday": {"key": "rest", "country_code": "PT", "region": "13"},
    "pick_wave": {"key": "late", "name": "Late", "starts_from": "18:00", "starts_until": "22:00",
                  "weekdays_1": "on", "weekdays_3": "on", "pick_by": "17:30", "capacity_orders": "40"},
    "lead_time": {"key": "lead", "least_min": "60"},
    "horizon": {"key": "gold", "customer_group": "gold", "days": "21"},
}  # fmt: skip


def test_every_kind_of_rule_is_looked_at_written_and_read_back(client: TestClient) -> None:
    sign_in(client)
    page = client.get("/operator/calendar/horizon").text
    storefront = re.findall(r'<option value="([^"]+)"', page)[0]
    node = re.findall(r'<option value="([^"]+)"', client.get("/operator/calendar/pick_wave").text)[0]
    for kind, told in RULES.items():
        more = {"horizon": {"storefront": storefront}, "pick_wave": {"node": node}}.get(kind, {})
        seen = client.get(f"/operator/calendar/{kind}/preview", params={**told, **more, "because": "a test"})
        assert seen.status_code == 200, (kind, re.findall(r'role="alert".*?</p>', seen.text, re.DOTALL))
        assert client.post(f"/operator/calendar/{kind}", data=form(seen, "Save it")).status_code == 303, kind
        again = client.get(f"/operator/calendar/{kind}?key={told['key']}")
        for name, value in told.items():
            filled = rf'name="{name}"[^>]*value="{value}"|<option value="{value}" selected|name="{name}" value="on" checked'
            assert re.search(filled, again.text), (kind, name)
    calendar = client.get("/operator/calendar")
    assert says(calendar, "Only for deliveries on: Wednesday")
    assert says(calendar, "Most orders a day: 40")


@pytest.mark.parametrize(
    ("kind", "told", "field"),
    [
        ("blackout", {**STORM, "ends_at": STORM["starts_at"]}, "ends_at"),
        ("blackout", {**STORM, "starts_at": "soon"}, "starts_at"),
        ("blackout", {**STORM, "because": ""}, "because"),
        ("template", {**RULES["template"], "cutoff": "", "because": "b"}, "cutoff"),
        ("template", {**RULES["template"], "rrule": "every day", "because": "b"}, "rrule"),
        ("cutoff", {"key": "c", "counted": "ELAPSED", "elapsed_min": "many", "because": "b"}, "elapsed_min"),
        ("holiday", {"key": "h", "country_code": "PT", "region": "99", "because": "b"}, "region"),
    ],
)
def test_a_rule_that_makes_no_sense_is_shown_again_with_its_field(
    client: TestClient, desk: Desk, kind: str, told: dict[str, str], field: str
) -> None:
    sign_in(client)
    before = desk.everything()
    seen = client.get(f"/operator/calendar/{kind}/preview", params=told)
    assert seen.status_code == 422
    assert 'role="alert"' in seen.text
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', seen.text), seen.text
    assert "Save it" not in seen.text
    assert desk.everything() == before


def test_what_is_not_there_says_so(client: TestClient) -> None:
    sign_in(client)
    assert client.get("/operator/pools/nothing").status_code == 404
    assert client.get("/operator/calendar/nothing").status_code == 404
    assert client.get("/operator/pools?day=nonsense").status_code == 200
    shown = client.get("/operator/pools?day=2030-01-01")
    assert says(shown, "No pools on this day")
