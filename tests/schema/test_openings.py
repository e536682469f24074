"""What the plan does not open is closed for shoppers with a reason of its own, and told to operators."""

import pytest
import sqlalchemy as sa

from app.allocation.rules import RunStatus
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import OpeningSeed, read_seed
from app.places.tables import ServiceZone
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.values.actor import Role
from app.worker.plan import plan
from tests.allocation.test_plan import DAY, QUICK
from tests.api import KEY, Api, client_on
from tests.factories import NOW

MOST = 3
OFFERS = """query ($point: PointInput!, $day: Date!) {
  slotAvailability(address: {point: $point}, from: $day, to: $day) { address { zone { id } }
    days { offers { slot { window { startsAt endsAt } } available closed { reason message } } } } }"""
OPENINGS = """query ($day: Date!) { allocationRun {
  objective { amount } bound { amount } chordBound { amount }
  bindingLimits { limit zone unit }
  zoneOpenings(date: $day) { zone { id name } date opened { startsAt endsAt } unopened { startsAt endsAt }
    shortOrders shortWindows } } }"""


@pytest.fixture
def zones(db: Database) -> list[ServiceZone]:
    """A town of which each zone has at most three elementary windows of a day, planned for one."""
    seed = read_seed()
    rule = OpeningSeed(within_m=1_000_000, least=2, most=MOST, cost_minor=100, service_bp=1_000)
    small = seed.model_copy(
        update={
            "city": seed.city.model_copy(update={"zones": 5, "daily_orders": 500}),
            "openings": [rule],
        }
    )
    db.write_now(lambda c, n: load(c, now=n, seed=small, city=demo_city()))
    db.write_now(
        lambda c, _: (
            issue_key(
                c,
                now=NOW,
                storefront_id=storefront_by_key(c, None).id,
                key=KEY,
                name="t",
                role=Role.STOREFRONT,
            )
            and None
        )
    )
    run = plan(db, trigger="test", first=DAY, days=1, limits=QUICK)
    assert run.status is RunStatus.PUBLISHED, run.message
    return db.read_now(lambda c, _: rows(c, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code")))


def test_a_shopper_sees_closed_what_the_plan_does_not_open_and_an_operator_reads_it(
    db: Database, zones: list[ServiceZone]
) -> None:
    with client_on(db) as client:
        api = Api(client)
        run = api.data(OPENINGS, day=DAY.isoformat())["allocationRun"]
        openings = {one["zone"]["id"]: one for one in run["zoneOpenings"]}
        assert len(openings) == len(zones)
        seen = set()
        for zone in zones:
            point = {"latitude": zone.latitude, "longitude": zone.longitude}
            told = api.data(OFFERS, point=point, day=DAY.isoformat())["slotAvailability"]
            opening = openings[told["address"]["zone"]["id"]]
            assert 2 <= len(opening["opened"]) <= MOST
            assert (opening["shortOrders"], opening["shortWindows"]) == (0, 0)
            (day,) = told["days"]
            for offer in day["offers"]:
                window = offer["slot"]["window"]
                open_inside = [one for one in opening["opened"] if inside(one, window)]
                reason = (offer["closed"] or {}).get("reason")
                assert offer["available"] == bool(open_inside)
                assert reason == (None if open_inside else "NOT_OPENED")
                seen.add(reason)
        assert seen == {None, "NOT_OPENED"}
        assert {"windows open in this zone"} <= {limit["limit"] for limit in run["bindingLimits"]}
        named = {one["zone"]["name"] for one in openings.values()}
        assert {limit["zone"] for limit in run["bindingLimits"] if limit["unit"] == "window"} <= named
        amounts = [float(run[name]["amount"]) for name in ("objective", "bound", "chordBound")]
        assert amounts == sorted(amounts)


def test_a_plan_without_opening_rules_opens_again_what_another_had_closed(
    db: Database, zones: list[ServiceZone]
) -> None:
    db.write_now(lambda c, _: c.exec_driver_sql("UPDATE planning_figures SET opening = '[]'") and None)
    run = plan(db, trigger="test", first=DAY, days=1, limits=QUICK)
    assert run.status is RunStatus.PUBLISHED, run.message
    with client_on(db) as client:
        api = Api(client)
        assert api.data(OPENINGS, day=DAY.isoformat())["allocationRun"]["zoneOpenings"] == []
        zone = zones[0]
        point = {"latitude": zone.latitude, "longitude": zone.longitude}
        told = api.data(OFFERS, point=point, day=DAY.isoformat())["slotAvailability"]
        reasons = {(offer["closed"] or {}).get("reason") for offer in told["days"][0]["offers"]}
        assert None in reasons
        assert "NOT_OPENED" not in reasons


def inside(bucket: dict[str, str], window: dict[str, str]) -> bool:
    return window["startsAt"] <= bucket["startsAt"] and bucket["endsAt"] <= window["endsAt"]
