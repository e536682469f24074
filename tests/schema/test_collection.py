"""Goods that customers fetch themselves, through the public API: chosen, taken up by pools, and shown."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage
from app.values.ids import new_id
from tests.api import Api, worked, world_on
from tests.factories import make_collection
from tests.schema.calendar_house import House, at, codes
from tests.schema.test_calendar_behaviours import SAVE_POINT

WAYS = """query ($address: AddressInput!) { slotAvailability(address: $address, from: "2026-11-25",
  to: "2026-11-25") { days { offers { slot { id } handoverOptions { mode allowed reason extraMinutes } } } } }"""
PREFERRED = """query ($id: ID!) { booking(id: $id) { dropPreference { mode note } address } }"""
PREFER = """mutation ($input: SetDropPreferenceInput!) { setDropPreference(input: $input) {
  userErrors { code message } } }"""
HELD = """query ($id: ID!) { hold(id: $id) { dropPreference { mode } } }"""


@pytest.fixture
def kiosk(house: House, db: Database) -> dict[str, str]:
    """The address of a kiosk where goods may be collected."""
    db.write_now(lambda c, _: make_collection(c))
    told = {"key": "kiosk", "name": "Kiosk Lapa", "address": "Rua da Lapa 3", **at("A")}
    made = house.operator.data(SAVE_POINT, input=told)["saveCollectionPoint"]
    return {"collectionPointId": made["collectionPoint"]["id"]}


def ways(api: Api, address: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str | None]]:
    (day,) = api.data(WAYS, address=address)["slotAvailability"]["days"]
    offer = day["offers"][0]
    return offer, {o["mode"]: o["reason"] for o in offer["handoverOptions"]}


def work_s(db: Database) -> int:
    pools = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    return sum(pool.held_work_s + pool.booked_work_s for pool in pools)


def test_goods_are_collected_at_a_collection_point(house: House, db: Database, kiosk: dict[str, str]) -> None:
    there, at_kiosk = ways(house.shopper, kiosk)
    home, at_home = ways(house.shopper, at("A"))
    assert [mode for mode, why in at_kiosk.items() if why is None] == ["COLLECTION"]
    assert at_kiosk["ATTENDED"] == at_home["COLLECTION"] == "NOT_AT_THIS_ADDRESS"
    assert at_home["ATTENDED"] is None

    # A minute of the driver's time instead of four at a door.
    assert house.hold(home, "A")["userErrors"] == []
    at_door = work_s(db)
    wish = {"collection": {"note": "after work"}}
    held = house.hold(there, address=kiosk, dropPreference=wish)
    assert held["userErrors"] == []
    assert at_door - (work_s(db) - at_door) == 240 - 60

    elsewhere: list[dict[str, Any]] = [{"attended": {}}, {"safePlace": {"place": "the porch"}}]
    for target in elsewhere:
        told = {"target": {"holdId": held["hold"]["id"]}, "preference": target}
        refused = house.shopper.data(PREFER, input=told)["setDropPreference"]
        assert codes(refused) == ["HANDOVER_NOT_ALLOWED"]
    noted = {"target": {"holdId": held["hold"]["id"]}, "preference": {"collection": {"note": "at six"}}}
    assert house.shopper.data(PREFER, input=noted)["setDropPreference"]["userErrors"] == []

    booking = house.confirm(held["hold"])["booking"]
    seen = house.shopper.data(PREFERRED, id=booking["id"])["booking"]
    assert seen == {
        "dropPreference": {"mode": "COLLECTION", "note": "at six"},
        "address": "Kiosk Lapa, Rua da Lapa 3",
    }


def test_who_says_nothing_collects_there_and_nobody_collects_at_home(
    house: House, kiosk: dict[str, str]
) -> None:
    there, _ = ways(house.shopper, kiosk)
    held = house.hold(there, address=kiosk)["hold"]
    assert house.shopper.data(HELD, id=held["id"])["hold"] == {"dropPreference": {"mode": "COLLECTION"}}
    home, _ = ways(house.shopper, at("A"))
    nobody = house.hold(home, "A", dropPreference={"collection": {}})
    everybody = house.hold(home, address=kiosk, dropPreference={"attended": {}})
    assert codes(nobody) == codes(everybody) == ["HANDOVER_NOT_ALLOWED"]


def test_the_letter_says_where_it_is_collected(house: House, db: Database, kiosk: dict[str, str]) -> None:
    there, _ = ways(house.shopper, kiosk)
    customer = {"reference": new_id(), "email": "ana@example.com", "locale": "en"}
    held = house.hold(there, address=kiosk, customer=customer)["hold"]
    house.confirm(held)
    worked(world_on(db))
    (mail,) = db.read_now(lambda c, _: rows(c, MailboxMessage, sa.select(table_of(MailboxMessage))))
    assert "Collected by you" in mail.text
    assert "Kiosk Lapa, Rua da Lapa 3" in mail.text
