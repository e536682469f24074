"""Races on purpose: four processes and a hundred shoppers for seven places, and a control that must fail."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.rules import HoldStatus
from app.booking.tables import CompartmentClaim, SlotHold
from app.capacity.rebuild import rebuild
from app.capacity.tables import CapacityPool
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.handover.rules import HandoverMode
from app.handover.tables import HandoverPolicy
from app.places.tables import CollectionPoint, LockerCompartment
from tests.booking.tours_world import bike, lay, sheet_of, tours_hold
from tests.factories import Shop, make_open_slot, make_shop
from tests.forked import Forked

PROCESSES, SHOPPERS, PLACES = 4, 25, 7
# Four more processes have to start and load what they need, however busy the machine is.
pytestmark = pytest.mark.timeout(600)


def raced(db: Database, way: str, folder: Path) -> list[str]:
    """What a hundred shoppers in four processes were told."""

    def work(conn: sa.Connection, _now: object) -> tuple[str, str]:
        shop = make_shop(conn)
        return shop.actor.storefront_id, make_open_slot(conn, shop, orders=PLACES).id

    return ran(db, *db.write_now(work), way, folder)


def ran(db: Database, storefront_id: str, slot_id: str, way: str, folder: Path) -> list[str]:
    """What a hundred shoppers in four processes were told, who all want the same window."""
    said = [folder / f"said-{process}" for process in range(PROCESSES)]
    told = "-m", "tests.booking.shoppers", db.url, storefront_id, slot_id
    running = [
        Forked([*told, str(process * SHOPPERS), str(SHOPPERS), way], log=log)
        for process, log in enumerate(said)
    ]
    assert [process.wait(400) for process in running] == [0] * PROCESSES
    return [answer for log in said for answer in json.loads(log.read_text())]


def pool(db: Database) -> CapacityPool:
    (found,) = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    return found


def test_four_processes_and_a_hundred_shoppers_get_exactly_seven_places(db: Database, tmp_path: Path) -> None:
    answers = raced(db, "hold", tmp_path)
    assert sorted(set(answers)) == ["HELD", "SLOT_FULL"]
    assert (answers.count("HELD"), answers.count("SLOT_FULL")) == (PLACES, PROCESSES * SHOPPERS - PLACES)
    holds = db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold))))
    assert [hold.status for hold in holds] == [HoldStatus.ACTIVE] * PLACES
    assert pool(db).held_orders == PLACES
    assert db.write_now(lambda c, _: rebuild(c)) == []


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_without_the_guard_the_same_race_oversells(db: Database, tmp_path: Path) -> None:
    """The control: the race above is able to see the fault."""
    answers = raced(db, "read, then write", tmp_path)
    assert answers.count("HELD") > PLACES


def raced_for_tours(db: Database, way: str, folder: Path) -> tuple[list[str], Shop]:
    """Pools for all of them, and tours that bring seven: three bikes with three, three and one stops to a trip."""
    shop, slot = db.write_now(lambda c, _: (made := make_shop(c), make_open_slot(c, made, orders=1_000)))
    trips = [{"stops_per_trip": stops, "reload_s": 36_000} for stops in (3, 3, 1)]
    lay(db, shop, [bike(shop, **told) for told in trips])
    return ran(db, shop.actor.storefront_id, slot.id, way, folder), shop


def test_four_processes_get_exactly_what_the_tours_can_bring(db: Database, tmp_path: Path) -> None:
    answers, shop = raced_for_tours(db, "hold", tmp_path)
    assert sorted(set(answers)) == ["HELD", "SLOT_FULL"]
    assert answers.count("HELD") == PLACES
    assert tours_hold(db, shop) == PLACES
    assert pool(db).held_orders == PLACES
    assert db.write_now(lambda c, _: rebuild(c)) == []


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_without_comparing_stamps_the_same_race_forgets_stops(db: Database, tmp_path: Path) -> None:
    """The control: more are told that they have a place than the tours know of."""
    answers, shop = raced_for_tours(db, "write tours unseen", tmp_path)
    assert answers.count("HELD") > len(sheet_of(db, shop).sheet.references())


def raced_for_a_locker(db: Database, way: str, folder: Path) -> list[str]:
    """Room for all of them on the vehicles, and a locker of seven compartments that all of them accept."""

    def work(conn: sa.Connection, _now: object) -> tuple[str, str]:
        shop = make_shop(conn)
        add(conn, HandoverPolicy(mode=HandoverMode.LOCKER, at_door_s=30, fee_minor=0, proof=[]))
        where: dict[str, Any] = {"latitude": shop.point.latitude, "longitude": shop.point.longitude}
        locker = CollectionPoint(key="l", name="Locker", address_label="Rua 1", locker=True, **where)
        add(conn, locker)
        add(conn, LockerCompartment(locker_id=locker.id, volume_ml=1_000_000, count=PLACES))
        return shop.actor.storefront_id, make_open_slot(conn, shop, orders=1_000).id

    return ran(db, *db.write_now(work), way, folder)


def test_four_processes_get_exactly_the_compartments_of_a_locker(db: Database, tmp_path: Path) -> None:
    answers = raced_for_a_locker(db, "hold", tmp_path)
    assert sorted(set(answers)) == ["HELD", "LOCKER_FULL"]
    assert answers.count("HELD") == PLACES
    claims = db.read_now(lambda c, _: rows(c, CompartmentClaim, sa.select(table_of(CompartmentClaim))))
    assert len(claims) == PLACES
    assert pool(db).held_orders == PLACES
    assert db.write_now(lambda c, _: rebuild(c)) == []


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_without_locking_the_locker_the_same_race_overfills_it(db: Database, tmp_path: Path) -> None:
    """The control: more keep a compartment than there are."""
    assert raced_for_a_locker(db, "lockers unlocked", tmp_path).count("HELD") > PLACES
