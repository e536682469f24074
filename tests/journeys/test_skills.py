"""What vehicles with their crews can do: told by an operator, asked by a basket, kept by every layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.capacity.rebuild import rebuild
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.events import Event
from app.fleet.tables import VehicleClass
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.basket import GoodsTrait
from schema.ids import from_global, to_global
from tests.allocation.test_tours import QUICK, figures
from tests.api import KEY, Api, client_on, worked, world_on
from tests.assignment.test_assign import assigned
from tests.assignment.world import Street, street
from tests.conftest import Clock
from tests.factories import make_basket
from tests.journeys.broken import AT_1605, Broken, published, rostered
from tests.journeys.broken import OUTCOME as DISRUPTED
from tests.journeys.broken import REPORT as DISRUPT
from tests.journeys.test_breakdown import AT_1740, broken_evening
from tests.journeys.test_breakdown import told as breakdown
from tests.worker.test_change_vehicles import with_vans

DESK = "key-of-the-operator"
CLASSES = "{ vehicleClasses { id kind skills usual } }"
DESCRIBE = """mutation ($input: DescribeVehicleClassInput!) { describeVehicleClass(input: $input) {
  vehicleClass { id skills usual } unable userErrors { code field } } }"""
OFFERS = """query ($point: PointInput!, $basket: BasketInput) { slotAvailability(address: {point: $point},
  basket: $basket, from: "2026-11-25", to: "2026-11-25") { days { offers { available vehicleKind
  slot { id window { startsAt endsAt } } closed { reason message opensWith { kind message without
  slot { id } } } } } } }"""
HOLD = """mutation ($input: HoldSlotInput!) { holdSlot(input: $input) {
  hold { id status } userErrors { code message field } } }"""
UPDATE = """mutation ($input: UpdateHoldInput!) { updateHold(input: $input) {
  hold { status conflict { reason } basket { traits } } userErrors { code } } }"""
NODE = "query ($id: ID!) { node(id: $id) { id ... on VehicleClass { skills } } }"
GROCERIES = make_basket()
WINE = make_basket(traits=frozenset({GoodsTrait.AGE_RESTRICTED}))
WASHER = make_basket(traits=frozenset({GoodsTrait.BULKY, GoodsTrait.TWO_PERSON}))


class Door:
    """The API of a street's storefront and of its operators."""

    def __init__(self, town: Street, shop: Api, desk: Api) -> None:
        self.town, self.shop, self.desk = town, shop, desk

    def describe(self, class_id: str, skills: list[str] | None, **more: Any) -> Any:
        """What came of saying what a class can do."""
        asked = {
            "vehicleClassId": to_global("VehicleClass", class_id),
            "skills": skills,
            "reason": "The new crews have not been taught yet",
            **more,
        }
        return self.desk.data(DESCRIBE, input=asked)["describeVehicleClass"]

    def offers(self, traits: list[str]) -> dict[str, Any]:
        """The offers of the evening for goods with these traits, by their hours."""
        point = {"latitude": self.town.shop.point.latitude, "longitude": self.town.shop.point.longitude}
        found = self.shop.data(OFFERS, point=point, basket=goods(traits))["slotAvailability"]["days"]
        made = [offer for day in found for offer in day["offers"]]
        windows = [one["slot"]["window"] for one in made]
        spans = [f"{one['startsAt'][11:13]}-{one['endsAt'][11:13]}" for one in windows]
        return dict(zip(spans, made, strict=True))

    def held(self, slot_id: str, traits: list[str], name: str) -> Any:
        """What came of holding a window."""
        point = {"latitude": self.town.shop.point.latitude, "longitude": self.town.shop.point.longitude}
        asked = {
            "slotId": slot_id,
            "address": {"point": point},
            "basket": goods(traits),
            "customer": {"reference": name, "name": name, "email": f"{name}@example.com"},
            "idempotencyKey": f"hold {name} {slot_id}",
        }
        return self.shop.data(HOLD, input=asked)["holdSlot"]

    def updated(self, hold_id: str, traits: list[str]) -> Any:
        """A hold with other goods."""
        asked = {"holdId": hold_id, "basket": goods(traits), "idempotencyKey": f"{hold_id} {traits}"}
        return self.shop.data(UPDATE, input=asked)["updateHold"]["hold"]


def goods(traits: list[str]) -> dict[str, Any]:
    return {"weightGrams": 8_000, "ambientMillilitres": 20_000, "traits": traits}


def keyed(town: Street) -> None:
    """Keys of the storefront and of the desk."""

    def work(conn: Connection, now: Any) -> None:
        shop = town.shop.actor.storefront_id
        for key, role in ((KEY, Role.STOREFRONT), (DESK, Role.OPERATOR)):
            issue_key(conn, now=now, storefront_id=shop, key=key, name="desk", role=role)

    town.db.write_now(work)


def test_an_operator_says_what_a_class_can_do_and_offers_and_holds_heed_it(db: Database) -> None:
    town = street(db)
    keyed(town)
    with client_on(db) as client:
        door = Door(town, Api(client), Api(client, key=DESK))
        bikes, vans = town.shop.class_id, town.van.id
        known = {from_global(one["id"])[1]: one for one in door.desk.data(CLASSES)["vehicleClasses"]}
        assert (known[bikes]["skills"], known[bikes]["usual"]) == (["AGE_CHECK"], True)
        assert known[vans]["skills"] == ["AGE_CHECK", "LARGE_ITEMS"]
        # Unless somebody says otherwise wine comes by bike at either hour.
        before = door.offers(["AGE_RESTRICTED"])
        assert [before[hours]["vehicleKind"] for hours in ("18-19", "19-20")] == ["CARGO_BIKE"] * 2

        assert door.describe(bikes, [], dryRun=True)["vehicleClass"]["usual"] is True
        answer = door.describe(bikes, [])
        assert answer == {
            "vehicleClass": {"id": to_global("VehicleClass", bikes), "skills": [], "usual": False},
            "unable": [],
            "userErrors": [],
        }
        # Vans come at six, only bikes at seven: the window says so, and what would open it.
        after = door.offers(["AGE_RESTRICTED"])
        assert after["18-19"]["vehicleKind"] == "VAN"
        closed = after["19-20"]["closed"]
        assert closed["reason"] == "SKILL_MISSING"
        assert closed["message"] == "No vehicle that comes in this window can check ages at the door."
        first, wider, *_ = closed["opensWith"]
        assert (first["kind"], first["without"]) == ("WITHOUT_GOODS", ["AGE_RESTRICTED"])
        assert first["message"] == "It is open without age-restricted goods."
        assert (wider["kind"], wider["slot"]["id"]) == (
            "WIDER_WINDOW",
            to_global("DeliverySlot", town.both.id),
        )
        assert door.offers([])["19-20"]["available"]

        late = after["19-20"]["slot"]["id"]
        (refused,) = door.held(late, ["AGE_RESTRICTED"], "ana")["userErrors"]
        assert (refused["code"], refused["field"]) == ("SKILL_MISSING", ["input", "basket", "traits"])
        assert "check ages at the door" in refused["message"]
        assert (
            door.held(after["18-19"]["slot"]["id"], ["AGE_RESTRICTED"], "ana")["hold"]["status"] == "ACTIVE"
        )
        assert [pool.held_orders for pool in town.pools().values() if pool.vehicle_class_id == vans] == [1]
        # Back to what is usual.
        assert door.describe(bikes, None)["vehicleClass"] == {
            "id": to_global("VehicleClass", bikes),
            "skills": ["AGE_CHECK"],
            "usual": True,
        }
        assert door.offers(["AGE_RESTRICTED"])["19-20"]["available"]


def test_two_people_and_tail_lifts_come_only_with_classes_of_which_it_is_told(db: Database) -> None:
    town = street(db)
    keyed(town)
    washer = ["BULKY", "TWO_PERSON"]
    with client_on(db) as client:
        door = Door(town, Api(client), Api(client, key=DESK))
        before = door.offers(washer)
        # Vans are large enough and come with one driver; bikes are too small for it, whoever rides them.
        closed = before["18-19"]["closed"]
        assert (closed["reason"], closed["message"]) == (
            "SKILL_MISSING",
            "No vehicle that comes in this window can carry with two people.",
        )
        assert closed["opensWith"][0]["without"] == ["TWO_PERSON"]
        assert before["19-20"]["closed"]["reason"] == "FLEET_CAPACITY"
        slot = before["18-19"]["slot"]["id"]
        assert [e["code"] for e in door.held(slot, washer, "ana")["userErrors"]] == ["SKILL_MISSING"]

        door.describe(town.van.id, ["AGE_CHECK", "LARGE_ITEMS", "TWO_PEOPLE"])
        assert door.offers(washer)["18-19"]["vehicleKind"] == "VAN"
        assert door.offers([*washer, "TAIL_LIFT"])["18-19"]["closed"]["reason"] == "SKILL_MISSING"
        assert door.held(slot, washer, "rui")["hold"]["status"] == "ACTIVE"
        # A class that may take nothing large any more is too small for it.
        door.describe(town.van.id, ["AGE_CHECK", "TWO_PEOPLE"])
        assert door.offers(washer)["18-19"]["closed"]["reason"] == "FLEET_CAPACITY"


def test_a_hold_that_gains_such_goods_moves_to_vehicles_that_can_or_is_in_conflict(db: Database) -> None:
    town = street(db)
    keyed(town)
    with client_on(db) as client:
        door = Door(town, Api(client), Api(client, key=DESK))
        door.describe(town.shop.class_id, [])
        offers = door.offers([])
        early = door.held(offers["18-19"]["slot"]["id"], [], "ana")["hold"]["id"]
        late = door.held(offers["19-20"]["slot"]["id"], [], "rui")["hold"]["id"]

        def held_by(class_id: str) -> int:
            return sum(p.held_orders for p in town.pools().values() if p.vehicle_class_id == class_id)

        assert (held_by(town.shop.class_id), held_by(town.van.id)) == (2, 0)
        assert door.updated(early, ["AGE_RESTRICTED"])["status"] == "ACTIVE"
        assert (held_by(town.shop.class_id), held_by(town.van.id)) == (1, 1)
        conflicted = door.updated(late, ["AGE_RESTRICTED"])
        assert (conflicted["status"], conflicted["conflict"]) == ("CONFLICTED", {"reason": "SKILL_MISSING"})
        assert door.updated(late, [])["status"] == "ACTIVE"
        assert db.write_now(lambda c, _: rebuild(c)) == []


@pytest.mark.parametrize("skills", [[], ["TWO_PEOPLE"]])
def test_only_operators_describe_classes_that_there_are_and_say_why(db: Database, skills: list[str]) -> None:
    town = street(db)
    keyed(town)
    with client_on(db) as client:
        door = Door(town, Api(client), Api(client, key=DESK))
        told = {"vehicleClassId": to_global("VehicleClass", town.van.id), "skills": skills, "reason": "so"}
        asked = door.shop.data(DESCRIBE, input=told)["describeVehicleClass"]
        assert [e["code"] for e in asked["userErrors"]] == ["OPERATORS_ONLY"]
        assert door.shop.codes(CLASSES) == ["OPERATORS_ONLY"]
        assert door.shop.data(NODE, id=told["vehicleClassId"])["node"] is None
        missing = door.describe("nothing", skills)["userErrors"]
        assert missing == [{"code": "VEHICLE_CLASS_NOT_FOUND", "field": ["input", "vehicleClassId"]}]
        assert [e["code"] for e in door.describe(town.van.id, skills, reason=" ")["userErrors"]] == [
            "REASON_MISSING"
        ]
        assert door.describe(town.van.id, skills)["vehicleClass"]["skills"] == skills
        assert door.desk.data(NODE, id=told["vehicleClassId"])["node"]["skills"] == skills
    event = table_of(Event)
    (noted,) = db.read_now(
        lambda c, _: rows(c, Event, sa.select(event).where(event.c.kind == "vehicle_class.described"))
    )
    assert noted.payload["before"] == ["AGE_CHECK", "LARGE_ITEMS"]
    assert (noted.payload["after"], noted.payload["actor"]) == (skills, "desk")


def test_what_a_class_cannot_bring_any_more_goes_to_one_that_can_or_to_a_partner_courier(
    db: Database,
) -> None:
    town = street(db)
    keyed(town)
    wine = town.booking(town.early, "ana", basket=WINE)
    late = town.booking(town.late, "rui", basket=WINE)
    bread = town.booking(town.late, "eva", basket=GROCERIES)
    with client_on(db) as client:
        door = Door(town, Api(client), Api(client, key=DESK))
        dry = door.describe(town.shop.class_id, [], dryRun=True)
        done = door.describe(town.shop.class_id, [])
        ids = [to_global("DeliveryBooking", one.id) for one in (wine, late)]
        assert dry["unable"] == done["unable"] == ids
        assert town.pool_of(wine).vehicle_class_id == town.shop.class_id, "the edit itself moves nobody"
        world = world_on(db)
        while worked(world):
            pass
    assert town.pool_of(wine).vehicle_class_id == town.van.id
    assert town.now_of(late).partner_courier
    assert town.now_of(bread).pool_id == bread.pool_id
    assert [town.now_of(b).window for b in (wine, late, bread)] == [b.window for b in (wine, late, bread)]
    # No run gives them back, and the partner's comes back as soon as somebody can bring it.
    assert assigned(town).moved == 0
    town.publish(town.bike(18), town.bike(19), town.vans(18), town.vans(19))
    assert assigned(town).partner_couriers == 0
    assert town.pool_of(late).vehicle_class_id == town.van.id
    assert town.sound()


def test_better_tentative_tours_keep_it_with_vehicles_that_can(db: Database) -> None:
    town = with_vans(db, ("ana", "rui"), basket=WINE)
    table = table_of(VehicleClass)
    bikes = town.street.shop.class_id
    db.write_now(
        lambda c, _: (
            c.execute(sa.update(table).where(table.c.id == bikes).values(skills=frozenset())) and None
        )
    )
    town.improved()
    assert set(town.classes()) == {town.street.van.id}
    town.sound(2)
    db.write_now(
        lambda c, _: c.execute(sa.update(table).where(table.c.id == bikes).values(skills=None)) and None
    )
    assert town.improved()
    assert set(town.classes()) == {bikes}


def test_a_repair_gives_it_only_to_vehicles_that_can(db: Database, clock: Clock) -> None:
    town, bookings = broken_evening(db)
    some = [bookings[name].id for name in ("c0", "c1", "c2")]
    booking, kind = table_of(DeliveryBooking), table_of(VehicleClass)

    def change(conn: Connection, _now: Any) -> None:
        conn.execute(sa.update(booking).where(booking.c.id.in_(some)).values(traits=["AGE_RESTRICTED"]))
        bikes = kind.c.id == town.shop.class_id
        conn.execute(sa.update(kind).where(bikes).values(skills=frozenset()))

    db.write_now(change)
    clock.set(AT_1740)
    with client_on(db) as client:
        desk = Api(client, key="key-of-the-operator")
        desk.data(DISRUPT, input=breakdown())
        world = world_on(db)
        while worked(world):
            pass
        (outcome,) = desk.data(DISRUPTED)["disruptions"]
    assert outcome["status"] == "REPAIRED", outcome["message"]
    # Six instead of nine on the bikes: the other three are for nobody who comes.
    assert outcome["movedSilently"] == 6
    for name, one in bookings.items():
        now = town.now_of(one)
        on_bikes = not now.partner_courier and town.pool_of(one).vehicle_class_id == town.shop.class_id
        assert on_bikes == (name in {f"c{n}" for n in range(3, 9)}), name


def test_published_tours_and_their_mending_keep_it_with_vehicles_that_can(db: Database, clock: Clock) -> None:
    town = street(db)
    keyed(town)

    def more(conn: Connection, _now: Any) -> None:
        figures(conn, town.shop)
        rostered(conn, town.shop.node_id, town.van.id, ["Van 7"])
        rostered(conn, town.shop.node_id, town.shop.class_id, ["Bike 1"])

    db.write_now(more)
    made = Broken(town, replace(world_on(db), tour_limits=QUICK))
    for number in range(3):
        made.bookings[f"b{number}"] = town.booking(town.early, f"b{number}")
    made.bookings["wine"] = town.booking(town.early, "wine", basket=WINE)
    assert {town.pool_of(one).vehicle_class_id for one in made.bookings.values()} == {town.shop.class_id}
    clock.set(AT_1605)
    published(made)
    assert {name for tour in made.tours().values() for name in tour} == set(made.bookings)
    before = made.tours()
    with client_on(db) as client:
        door = Door(town, Api(client), Api(client, key=DESK))
        assert len(door.describe(town.shop.class_id, [])["unable"]) == 1
        made.run()
        after = made.tours()
        # The bike's other stops stay in their order; the van brings the wine.
        assert "wine" in after["Van 7"]
        assert "wine" not in after.get("Bike 1", [])
        kept = [name for name in before.get("Bike 1", []) if name != "wine"]
        assert after.get("Bike 1", []) == kept
        # When no van comes either, nobody brings it and operators are told.
        door.describe(town.van.id, ["LARGE_ITEMS"])
        made.run()
    assert "wine" not in {name for tour in made.tours().values() for name in tour}
    assert town.now_of(made.bookings["wine"]).partner_courier
