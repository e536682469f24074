"""A real address gets a planned evening slot: from a map file to the message, through the public doors."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import osmium
import pytest
import sqlalchemy as sa
from osmium.osm import mutable

from app.allocation.problem import Limits
from app.allocation.rules import RunStatus
from app.capacity.rebuild import rebuild
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import read_seed
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.values.actor import Role
from app.worker.plan import plan
from app.world.osm import read_city
from tests.api import KEY, Api, client_on, worked, world_on
from tests.factories import NOW

# Tuesday to Sunday.
DAYS = 6
QUICK = Limits(day_s=4, gap=0.02, processes=1)

AVAILABILITY = """query ($address: AddressInput!, $basket: BasketInput) { slotAvailability(address: $address, basket: $basket) {
  address { label zone { name } }
  days { date offers {
    slot { id window { startsAt endsAt timeZone } labels }
    available labels vehicleKind closed { reason message }
    fee { total { amount currencyCode } parts { kind amount { amount } } }
    emissions { gramsCo2e scope method factorVersion }
    handoverOptions { mode allowed reason }
  } }
} }"""
HOLD = """mutation ($input: HoldSlotInput!) { holdSlot(input: $input) {
  hold { id status expiresAt fee { total { amount } } } userErrors { code message } } }"""
PREFER = """mutation ($input: SetDropPreferenceInput!) { setDropPreference(input: $input) {
  hold { dropPreference { mode place } } userErrors { code } } }"""
APPLY = """mutation ($input: ApplyPromotionInput!) { applyPromotion(input: $input) {
  hold { fee { total { amount } parts { label amount { amount } } } promotions { code status } } userErrors { code } } }"""
CONFIRM = """mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) {
  booking { id code status fee { total { amount } } promise { window { startsAt endsAt } } promotions { status } } userErrors { code } } }"""


def map_file(folder: Path) -> Path:
    """The inner streets of the demo city as an OpenStreetMap file, as anybody might have one."""
    city = demo_city()
    inner = {street.name for street in city.streets[:30]}
    with osmium.SimpleWriter(str(folder / "town.osm.pbf")) as writer:
        number = 0
        for house in city.addresses:
            if house.street in inner:
                number += 1
                tags = {
                    "addr:street": house.street,
                    "addr:housenumber": house.house_number,
                    "addr:city": "Porto",
                }
                place = (house.point.longitude, house.point.latitude)
                writer.add_node(mutable.Node(id=number, version=1, location=place, tags=tags))
    return folder / "town.osm.pbf"


@pytest.fixture
def api(db: Database, tmp_path: Path) -> Iterator[Api]:
    """The API of a town that was imported from a map and planned."""
    seed = read_seed()
    smaller = seed.model_copy(update={"city": seed.city.model_copy(update={"zones": 6, "daily_orders": 700})})
    town = read_city(
        [map_file(tmp_path)], name=None, time_zone="Europe/Lisbon", country_code="PT", holiday_region="13"
    )
    db.write_now(lambda c, n: load(c, now=n, seed=smaller, city=town))
    db.write_now(
        lambda c, _: (
            issue_key(
                c,
                now=NOW,
                storefront_id=storefront_by_key(c, None).id,
                key=KEY,
                name="shop",
                role=Role.STOREFRONT,
            )
            and None
        )
    )
    run = plan(db, trigger="test", days=DAYS, limits=QUICK)
    assert run.status is RunStatus.PUBLISHED, run.message
    with client_on(db) as client:
        yield Api(client)


def pools(db: Database) -> list[CapacityPool]:
    return db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_real_address_gets_a_planned_evening(api: Api, db: Database) -> None:
    (proof,) = [api.data("{ allocationRun { status gap bindingLimits { limit } } }")["allocationRun"]]
    assert proof["status"] == "PUBLISHED"
    assert proof["gap"] < 0.1
    assert proof["bindingLimits"]

    # An address, while it is typed, accents and case ignored.
    found = api.data('{ addressSuggestions(text: "FLORES 12") { id label } }')["addressSuggestions"]
    address = found[0]
    assert address["label"] == "Rua das Flores 12, Porto"

    # Same-day, next-day, evening and weekend windows of 1, 2 and 4 hours, each with price and grams.
    days = api.data(AVAILABILITY, address={"id": address["id"]})["slotAvailability"]["days"]
    offers = [offer for day in days for offer in day["offers"]]
    open_ones = [offer for offer in offers if offer["available"]]
    seen = {label for offer in open_ones for label in offer["slot"]["labels"] + offer["labels"]}
    assert seen >= {"SAME_DAY", "NEXT_DAY", "EVENING", "WEEKEND", "CHEAPEST"}
    hours = {
        (instant(o["slot"]["window"]["endsAt"]) - instant(o["slot"]["window"]["startsAt"])).seconds // 3600
        for o in open_ones
    }
    assert hours == {1, 2, 4}
    for offer in open_ones:
        parts = sum(round(float(part["amount"]["amount"]) * 100) for part in offer["fee"]["parts"])
        assert parts == round(float(offer["fee"]["total"]["amount"]) * 100)
        assert offer["emissions"]["gramsCo2e"] >= 1
        assert offer["emissions"]["factorVersion"]
    for offer in offers:
        assert offer["available"] or (offer["closed"]["reason"] and offer["closed"]["message"])
    assert {o["vehicleKind"] for o in open_ones} & {"CARGO_BIKE", "E_SCOOTER", "ELECTRIC_VAN"}

    # Tomorrow evening, held at the price that was shown; asking again is asking once.
    evening = next(o for o in open_ones if "NEXT_DAY" in o["labels"] and "EVENING" in o["slot"]["labels"])
    asked: dict[str, Any] = {
        "slotId": evening["slot"]["id"],
        "address": {"postal": {"line1": "Rua das Flores 12", "line2": "2.º esquerdo", "countryCode": "PT"}},
        "customer": {"reference": "ana", "name": "Ana Lima", "email": "ana@example.com", "locale": "pt-PT"},
        "expectedFee": evening["fee"]["total"],
        "idempotencyKey": "hold-1",
    }
    (hold, again) = [api.data(HOLD, input=asked)["holdSlot"]["hold"] for _ in range(2)]
    assert hold == again
    assert (hold["status"], hold["fee"]["total"]["amount"]) == ("ACTIVE", evening["fee"]["total"]["amount"])
    assert sum(pool.held_orders for pool in pools(db)) == 1

    # Handed over in a safe place, with a promotion.
    porch = {"safePlace": {"place": "atrás do banco", "note": "a campainha não toca"}}
    told = api.data(PREFER, input={"target": {"holdId": hold["id"]}, "preference": porch})[
        "setDropPreference"
    ]
    assert told == {
        "hold": {"dropPreference": {"mode": "SAFE_PLACE", "place": "atrás do banco"}},
        "userErrors": [],
    }
    code = {"holdId": hold["id"], "code": "bemvindo", "idempotencyKey": "code-1"}
    reduced = api.data(APPLY, input=code)["applyPromotion"]["hold"]
    assert reduced["promotions"] == [{"code": "BEMVINDO", "status": "RESERVED"}]
    due = float(evening["fee"]["total"]["amount"]) - 2
    assert float(reduced["fee"]["total"]["amount"]) == pytest.approx(due)

    # A promise, and the word of it.
    order = {"holdId": hold["id"], "orderReference": "order-1", "idempotencyKey": "confirm-1"}
    booking = api.data(CONFIRM, input=order)["confirmBooking"]["booking"]
    assert (booking["status"], booking["promotions"]) == ("CONFIRMED", [{"status": "REDEEMED"}])
    assert float(booking["fee"]["total"]["amount"]) == pytest.approx(due)
    assert booking["promise"]["window"]["startsAt"] == evening["slot"]["window"]["startsAt"]
    assert worked(world_on(db)) >= 1
    question = "query ($id: ID!) { notifications(bookingId: $id) { status locale subject text } }"
    (message,) = api.data(question, id=booking["id"])["notifications"]
    assert (message["status"], message["locale"]) == ("SENT", "pt")
    for said in (
        "Ana Lima",
        booking["code"],
        "Rua das Flores 12",
        "atrás do banco",
        "Boas-vindas",
        f"{due:.2f}".replace(".", ","),
    ):
        assert said in message["text"]

    # The counters equal the ledger, and a new plan keeps what is promised.
    assert sum(pool.booked_orders for pool in pools(db)) == 1
    assert db.write_now(lambda c, _: rebuild(c)) == []
    assert plan(db, trigger="test", days=DAYS, limits=replace(QUICK, seed=3)).status is RunStatus.PUBLISHED
    assert sum(pool.booked_orders for pool in pools(db)) == 1
    shown = api.data("query ($id: ID!) { booking(id: $id) { status } }", id=booking["id"])["booking"]
    assert shown == {"status": "CONFIRMED"}


def test_an_address_that_is_not_served_and_goods_that_may_not_are_told_so(api: Api) -> None:
    far = {"point": {"latitude": 41.3, "longitude": -8.2}}
    assert api.codes(AVAILABILITY, address=far) == ["OUT_OF_ZONE"]
    wine = {"traits": ["AGE_RESTRICTED"]}
    (address,) = api.data('{ addressSuggestions(text: "flores 12", first: 1) { id } }')["addressSuggestions"]
    days = api.data(AVAILABILITY, address=address, basket=wine)["slotAvailability"]["days"]
    options = next(o for d in days for o in d["offers"] if o["available"])["handoverOptions"]
    assert {o["mode"]: o["reason"] for o in options if not o["allowed"]} == {
        "SAFE_PLACE": "AGE_CHECK_REQUIRES_HANDOVER",
        "NEIGHBOUR": "AGE_CHECK_REQUIRES_HANDOVER",
        "LOCKER": "AGE_CHECK_REQUIRES_HANDOVER",
        "COLLECTION": "NOT_AT_THIS_ADDRESS",
    }
    truckload = api.data(AVAILABILITY, address=address, basket={"weightGrams": 5_000_000})["slotAvailability"]
    assert not any(o["available"] for d in truckload["days"] for o in d["offers"])
