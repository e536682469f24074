"""Lockers beside the door: saved by operators, accepted with a hold, decided by assignment or tours, and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.assignment.rules import AssignmentTrigger
from app.booking.queries import history
from app.capacity.rules import PoolPlan
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.tours.tables import Stop
from app.values.load import Load
from app.values.point import Point
from schema.ids import to_global
from tests.assignment.test_assign import assigned
from tests.assignment.world import DAY, Street, room
from tests.conftest import Clock
from tests.factories import HOME, ROOM
from tests.journeys.lockers import (
    AT_LOCKER_S,
    FLEXIBLE,
    LOCKER,
    NEAR,
    REMOVE,
    SAVE,
    TOURS,
    UPDATE,
    Lockers,
    codes,
    locker_town,
    point_of,
)
from tests.pages.desk import KEY as DESK


@pytest.fixture
def lockers(db: Database) -> Iterator[Lockers]:
    with locker_town(db) as made:
        yield made


def test_a_locker_that_operators_saved_is_accepted_beside_the_door_and_is_no_address(
    lockers: Lockers,
) -> None:
    kiosk = {"key": "kiosk", "name": "Kiosk", "address": "Rua 2", "point": point_of(HOME)}
    counter = lockers.desk.data(SAVE, input=kiosk)["saveCollectionPoint"]["collectionPoint"]["id"]
    near = {"near": {"point": point_of(HOME)}}
    assert lockers.shop.data(NEAR, **near)["collectionPoints"] == [{"key": "kiosk", "locker": False}]
    found = lockers.shop.data(NEAR, **near, lockers=True)["collectionPoints"]
    assert found == [{"key": "trindade", "locker": True}]

    held = lockers.hold("ana")["hold"]
    assert held["lockerIds"] == [lockers.locker]
    assert codes(lockers.hold("eva", address={"collectionPointId": lockers.locker})) == ["ADDRESS_NOT_FOUND"]
    for wrong in ([counter], [to_global("CollectionPoint", "nothing")]):
        (error,) = lockers.hold("rui", lockerIds=wrong)["userErrors"]
        assert (error["code"], error["field"]) == ("LOCKER_NOT_HERE", ["input", "lockerIds"])
    assert codes(lockers.hold("rui", address={"collectionPointId": counter})) == ["HANDOVER_NOT_ALLOWED"]
    for traits, code in (
        (["AGE_RESTRICTED"], "AGE_CHECK_REQUIRES_HANDOVER"),
        (["HIGH_VALUE"], "HANDOVER_NOT_ALLOWED"),
        (["BULKY"], "HANDOVER_NOT_ALLOWED"),
    ):
        assert codes(lockers.hold("rui", basket={"weightGrams": 5_000, "traits": traits})) == [code]
    windows = [to_global("DeliverySlot", slot.id) for slot in (lockers.town.early, lockers.town.late)]
    told = {k: v for k, v in lockers.asked("leo").items() if k != "slotId"}
    flexible = lockers.shop.data(FLEXIBLE, input={**told, "slotIds": windows})["holdFlexibleSlot"]
    assert flexible["hold"]["lockerIds"] == [lockers.locker]

    assert codes(lockers.desk.data(REMOVE, input={"key": "trindade"})["removeCollectionPoint"]) == []
    assert codes(lockers.hold("rui")) == ["LOCKER_NOT_HERE"]
    # What was held stays, and goes to the door.
    booking = lockers.confirmed(held["id"], "ana")
    assert lockers.seen(booking)["lockerIds"] == [lockers.locker]


def test_tours_bring_to_the_locker_what_saves_them_the_way_and_customers_are_told(
    lockers: Lockers, clock: Clock
) -> None:
    # Two live a kilometre apart on both sides of the locker, one next to the node, one wants it at the door.
    east = Point(HOME.latitude, HOME.longitude + 0.012)
    west = Point(HOME.latitude, HOME.longitude - 0.012)
    near = Point(41.1489, -8.6071)
    ana, rui = lockers.booked("ana", east), lockers.booked("rui", west)
    leo = lockers.booked("leo", near)
    eva = lockers.booked("eva", Point(HOME.latitude + 0.0041, HOME.longitude), lockerIds=[])
    before = {
        b.id: (lockers.seen(b)["promise"]["window"], lockers.seen(b)["fee"]) for b in (ana, rui, leo, eva)
    }

    # Before the cut-off it is a plan only.
    lockers.planned()
    assert lockers.seen(ana)["stop"] == {"lockerId": lockers.locker}
    assert lockers.seen(ana)["lockerIds"] == [lockers.locker]
    assert lockers.seen(ana)["dropPreference"]["mode"] == "ATTENDED"
    assert lockers.letters("At the locker") == []

    clock.set(ana.cutoff_at + timedelta(minutes=1))
    lockers.planned()
    for booking in (ana, rui):
        seen = lockers.seen(booking)
        assert seen["address"] == "Cacifo da Trindade, Rua da Trindade 1"
        assert (seen["lockerIds"], seen["stop"]) == ([], {"lockerId": lockers.locker})
        assert seen["dropPreference"] == {"mode": "LOCKER", "proof": ["PHOTO"]}
        assert seen["promise"]["history"][-1]["reason"].startswith("it goes to the locker Cacifo da Trindade")
    for booking in (leo, eva):
        seen = lockers.seen(booking)
        assert (seen["address"], seen["stop"]) == (booking.address_label, {"lockerId": None})
        assert (seen["lockerIds"], seen["dropPreference"]["mode"]) == ([], "ATTENDED")
        assert len(seen["promise"]["history"]) == 1
    # Window and fee are as they were promised.
    assert {
        b.id: (lockers.seen(b)["promise"]["window"], lockers.seen(b)["fee"]) for b in (ana, rui, leo, eva)
    } == before
    (tour,) = lockers.desk.data(TOURS)["tours"]
    there = [stop for stop in tour["stops"] if stop["lockerId"]]
    assert [stop["point"] for stop in there] == [point_of(LOCKER)] * 2
    assert all(stop["lockerId"] == lockers.locker for stop in there)

    letters = lockers.letters("At the locker")
    assert {one.recipient for one in letters} == {"ana@example.com", "rui@example.com"}
    assert all("Cacifo da Trindade, Rua da Trindade 1" in one.text for one in letters)
    assert all("In a locker" in one.text for one in letters)
    # The pool counts the shorter stop, and who was decided stays so when tours are made again.
    short = lockers.town.now_of(ana)
    assert short.work_s == ana.work_s - (240 - AT_LOCKER_S)
    lockers.sound()
    lockers.planned()
    assert lockers.seen(ana)["stop"] == {"lockerId": None}
    assert lockers.seen(ana)["address"] == "Cacifo da Trindade, Rua da Trindade 1"
    assert lockers.letters("At the locker") == letters


def test_an_assignment_uses_the_shorter_stop_when_minutes_are_short_and_never_for_age_checks(
    lockers: Lockers, clock: Clock
) -> None:
    town = lockers.town
    ana, rui = lockers.booked("ana"), lockers.booked("rui")
    wine = lockers.hold("eva")["hold"]["id"]
    change = {
        "holdId": wine,
        "basket": {"weightGrams": 5_000, "traits": ["AGE_RESTRICTED"]},
        "idempotencyKey": "wine",
    }
    # The goods changed after the locker was accepted: the hold goes on, to the door.
    assert lockers.shop.data(UPDATE, input=change)["updateHold"]["hold"]["status"] == "ACTIVE"
    eva = lockers.confirmed(wine, "eva")
    assert {town.pool_of(b).vehicle_class_id for b in (ana, rui, eva)} == {town.shop.class_id}

    # Bikes have minutes for two at the door and one at the locker, and nobody else comes.
    door_s, locker_s = 300 + 240, 300 + AT_LOCKER_S
    tight = replace(ROOM, orders=10, work_s=2 * door_s + locker_s)
    town.publish(bikes(town, tight), town.bike(19, orders=0), town.vans(18, orders=0))
    # Before the cut-off nothing is decided.
    assert assigned(town, AssignmentTrigger.HOUR).orders == 3
    assert all(lockers.seen(b)["lockerIds"] for b in (ana, rui, eva))
    town.publish(bikes(town, replace(tight, work_s=door_s + 2 * locker_s)), town.bike(19, orders=0))
    clock.set(ana.cutoff_at + timedelta(minutes=1))
    run = assigned(town, AssignmentTrigger.CUTOFF)
    assert run.partner_couriers == 0
    modes = {
        name: lockers.seen(b)["dropPreference"]["mode"] for name, b in (("a", ana), ("r", rui), ("e", eva))
    }
    assert modes == {"a": "LOCKER", "r": "LOCKER", "e": "ATTENDED"}
    assert {one.recipient for one in lockers.letters("At the locker")} == {
        "ana@example.com",
        "rui@example.com",
    }
    assert town.pool_of(ana).booked_work_s == door_s + 2 * locker_s
    lockers.sound()
    changes = lockers.db.read_now(lambda c, _: history(c, [ana.id]))[ana.id]
    assert [line.actor for line in changes][-1] == "planner"
    stops = lockers.db.read_now(lambda c, _: rows(c, Stop, sa.select(table_of(Stop))))
    assert stops == []


def bikes(town: Street, sell: Load) -> PoolPlan:
    return replace(town.bike(18), sell=sell, cap=room(10))


def test_a_flexible_customer_is_told_window_and_locker_in_one_letter(lockers: Lockers, clock: Clock) -> None:
    town = lockers.town
    windows = [to_global("DeliverySlot", slot.id) for slot in (town.early, town.late)]
    far = Point(HOME.latitude, HOME.longitude + 0.012)
    told = {k: v for k, v in lockers.asked("leo", far).items() if k != "slotId"}
    held = lockers.shop.data(FLEXIBLE, input={**told, "slotIds": windows})["holdFlexibleSlot"]["hold"]
    leo = lockers.confirmed(held["id"], "leo")
    eva = lockers.booked("eva", Point(HOME.latitude + 0.0041, HOME.longitude), lockerIds=[])
    clock.set(eva.cutoff_at + timedelta(minutes=1))
    lockers.planned()
    seen = lockers.seen(leo)
    assert (seen["dropPreference"]["mode"], seen["stop"]) == ("LOCKER", {"lockerId": lockers.locker})
    assert lockers.letters("At the locker") == []
    (letter,) = [one for one in lockers.letters("Your window") if one.recipient == "leo@example.com"]
    assert "Cacifo da Trindade, Rua da Trindade 1" in letter.text
    lockers.sound()


def test_the_page_of_the_booking_and_the_desk_show_lockers(lockers: Lockers, clock: Clock) -> None:
    far = Point(HOME.latitude, HOME.longitude + 0.012)
    leo = lockers.booked("leo", far)
    lockers.booked("eva", Point(HOME.latitude + 0.0041, HOME.longitude), lockerIds=[])
    client = lockers.shop.client
    path = f"/bookings/{lockers.world.links.sign('booking', leo.id)}"
    english = {"accept-language": "en"}
    assert "Or in a locker, as you accepted: Cacifo da Trindade." in client.get(path, headers=english).text
    clock.set(leo.cutoff_at + timedelta(minutes=1))
    lockers.planned()
    page = client.get(path, headers=english).text
    assert "Or in a locker" not in page
    assert "Cacifo da Trindade, Rua da Trindade 1" in page
    assert "In a locker" in page

    client.post("/operator", data={"key": DESK, "to": ""})
    sheet = client.get(f"/operator/tours?day={DAY}").text
    assert 'class="locker"' in sheet
    assert "Cacifo da Trindade" in sheet
