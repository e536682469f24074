"""The price of a window is that of its zone, time and load: whoever asks, from whichever door."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.database.runner import Database
from app.places.tables import Address
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.values.actor import Role
from app.worker.plan import plan
from tests.allocation.test_needs import booked
from tests.allocation.test_plan import DAY, QUICK, loaded
from tests.api import KEY, Api, client_on

OFFERS = """query ($address: AddressInput!, $customer: String) {
  slotAvailability(address: $address, customerReference: $customer) { days { offers {
    slot { id } vehicleKind fee { total { amount } parts { kind amount { amount } } } } } } }"""


def fees(shop: Api, doors: list[str]) -> list[list[str]]:
    """What each window costs with each kind of vehicle at each door, to customers and strangers in turn."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, door in enumerate(doors):
        asked: dict[str, Any] = {"postal": {"line1": door, "countryCode": "PT"}}
        days = shop.data(OFFERS, address=asked, customer=f"c{number}" if number % 2 else None)
        for offer in (o for day in days["slotAvailability"]["days"] for o in day["offers"] if o["fee"]):
            found[offer["slot"]["id"], offer["vehicleKind"]].append(str(offer["fee"]))
    return list(found.values())


def test_a_window_costs_the_same_at_every_door_of_its_zone_and_to_everybody(db: Database) -> None:
    loaded(db)

    def prepared(conn: Connection, now: datetime) -> list[str]:
        shop = storefront_by_key(conn, "mercearia").id
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="x", role=Role.STOREFRONT)
        address = table_of(Address)
        here = sa.select(address.c.label).where(address.c.label.like("Rua das Flores %"))
        return [
            label.split(",")[0] for label in conn.execute(here.order_by(address.c.label).limit(8)).scalars()
        ]

    doors = db.write_now(prepared)
    plan(db, trigger="test", first=DAY, days=2, limits=QUICK)
    with client_on(db) as client:
        shop = Api(client)
        for load in range(3):
            told = fees(shop, doors)
            # Most windows were seen at several doors of one zone.
            assert sum(len(each) > 1 for each in told) > 5
            assert all(len(set(each)) == 1 for each in told)
            booked(shop, load)
