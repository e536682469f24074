"""What operators see of tentative tours, and what shoppers are told when these close a window."""

from datetime import datetime
from typing import Any

import pytest

from app.booking.confirm import confirm
from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.ids import new_id
from schema.ids import to_global
from tests.api import KEY, Api, client_on
from tests.booking.tours_world import DAY, bike, lay, toured_evening
from tests.booking.world import Evening
from tests.factories import NOW

TOURS = """query ($node: ID!, $day: Date!) { tentativeTours(nodeId: $node, day: $day) {
  nodeId date version changedAt improvedAt marginPercent streets
  tours { vehicleClass vehicleKind distanceMetres shift { startsAt endsAt timeZone }
    steps { what holdId bookingId point { latitude longitude } window { startsAt endsAt } earliest latest } }
  unplaced { what holdId bookingId window { startsAt } earliest latest } } }"""
CLOSED = """query ($address: AddressInput!) { slotAvailability(address: $address, from: "2026-11-25", to: "2026-11-25") {
  days { offers { slot { window { startsAt } } available closed { reason message byTours } } } } }"""


@pytest.fixture
def world(db: Database) -> Evening:
    made = toured_evening(db)

    def keys(conn: Any, _now: object) -> None:
        shop = made.shop.actor.storefront_id
        issue_key(conn, now=NOW, storefront_id=shop, key=KEY, name="shop", role=Role.STOREFRONT)
        issue_key(conn, now=NOW, storefront_id=shop, key="olga-key", name="Olga", role=Role.OPERATOR)

    db.write_now(keys)
    return made


def asked(db: Database, world: Evening, key: str) -> Any:
    with client_on(db) as client:
        told = {"node": to_global("FulfilmentNode", world.shop.node_id), "day": DAY.isoformat()}
        return Api(client, key).send(TOURS, **told)


def test_an_operator_sees_who_would_bring_what(db: Database, world: Evening) -> None:
    held = world.hold(customer="ana")
    booked = world.hold(customer="rui")

    def book(conn: Any, now: datetime) -> str:
        actor = world.shop.actor
        made = confirm(conn, now=now, actor=actor, hold_id=booked.id, order_reference="o", key=new_id())
        return made.id

    booking_id = db.write_now(book)
    sheet = asked(db, world, "olga-key")["data"]["tentativeTours"]
    (tour,) = sheet["tours"]
    assert sheet["streets"] == "straight lines x 1.3"
    assert (sheet["version"], sheet["marginPercent"], sheet["unplaced"]) == (3, 15.0, [])
    assert (tour["vehicleKind"], tour["distanceMetres"] > 500) == ("CARGO_BIKE", True)
    steps = tour["steps"]
    assert {step["holdId"] for step in steps} == {to_global("SlotHold", one.id) for one in (held, booked)}
    bookings = {step["bookingId"] for step in steps}
    assert bookings == {None, to_global("DeliveryBooking", booking_id)}
    for step in steps:
        told = (step["window"]["startsAt"], step["earliest"], step["latest"], step["window"]["endsAt"])
        instants = [datetime.fromisoformat(text) for text in told]
        assert instants == sorted(instants)


def test_what_cannot_be_brought_is_in_sight(db: Database, world: Evening) -> None:
    held = world.hold(customer="ana")
    lay(db, world.shop, [bike(world.shop, range_m=10)], run_id="weak")
    sheet = asked(db, world, "olga-key")["data"]["tentativeTours"]
    assert [step["holdId"] for step in sheet["unplaced"]] == [to_global("SlotHold", held.id)]
    assert sheet["unplaced"][0]["earliest"] is None


def test_a_storefront_may_not_see_the_tours(db: Database, world: Evening) -> None:
    answer = asked(db, world, KEY)
    assert answer["errors"][0]["extensions"]["code"] == "OPERATORS_ONLY"


def test_a_shopper_is_told_that_the_vehicles_have_no_time_left(db: Database, world: Evening) -> None:
    for name in ("ana", "rui"):
        world.hold(customer=name)
    with client_on(db) as client:
        point = {"latitude": world.shop.point.latitude, "longitude": world.shop.point.longitude}
        days = Api(client).data(CLOSED, address={"point": point})["slotAvailability"]["days"]
    early, late = days[0]["offers"]
    assert early["closed"]["byTours"] is True
    assert early["closed"]["reason"] == "FULL"
    assert early["closed"]["message"].startswith("No vehicle has time left to come by here")
    assert late["available"]
