"""Better tours may give a booking to another class of vehicles: with its pool, and with what was promised."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Barrier, Thread
from typing import Any

import h3
import pytest
import sqlalchemy as sa

from app.assignment.change_vehicles import ACTOR, REASON, change_vehicles, pools_for
from app.assignment.explain import explain
from app.assignment.queries import moves_of
from app.booking.cancel import cancel
from app.booking.errors import SlotFull
from app.booking.lock_unchanged import Outdated
from app.booking.other_pools import movable
from app.booking.queries import history
from app.booking.tables import DeliveryBooking
from app.capacity.rules import PoolPlan
from app.capacity.tables import CapacityEntry
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.places.rules import Place, cell_of
from app.places.tables import ZoneCell
from app.pricing.rules import GREENER, FeePartKind
from app.tours.rules import TourVehicle
from app.tours.write import write_sheet
from app.values.actor import Actor, Role
from app.values.basket import GoodsTrait
from app.values.ids import new_id
from app.values.point import Point
from app.worker.improve import improve
from app.worker.router import Router
from tests.assignment.world import DAY, Street, street
from tests.booking.tours_world import bike, lay, sheet_of, tours_hold
from tests.factories import make_hold
from tests.worker.test_improve import QUICK, Interrupted

_OPERATOR = Actor("", Role.OPERATOR, "ines")


@dataclass
class Town:
    """Bikes that are cheap on the way and vans that are dear, and bookings that the vans have."""

    street: Street
    bookings: list[DeliveryBooking]

    @property
    def db(self) -> Database:
        return self.street.db

    def improved(self, router: Router | None = None) -> bool:
        """Whether the improver found better tours."""
        with router or Router() as found:
            return improve(self.db, found, node_id=self.street.shop.node_id, day=DAY, limits=QUICK)

    def classes(self) -> list[str]:
        """The class of each booking's pool now."""
        return [self.street.pool_of(one).vehicle_class_id for one in self.bookings]

    def sound(self, stops: int) -> None:
        """Ledger, counters, pools, bookings and tours say the same."""
        assert self.street.sound()
        pools = self.street.pools().values()
        assert all((p.loads("held") + p.loads("booked")).fits(p.loads("sell")) for p in pools)
        assert tours_hold(self.db, self.street.shop) == stops


def vehicles(town: Street) -> list[TourVehicle]:
    cheap = replace(bike(town.shop, handover_bp=10_000), cost_minor_per_km=6)
    return [cheap, replace(cheap, class_id=town.van.id, cost_minor_per_km=60)]


def with_vans(
    db: Database, names: tuple[str, ...] = ("ana", "rui"), *, bikes: PoolPlan | None = None, **told: Any
) -> Town:
    """Bookings made while only vans had room; then the bikes have some."""
    town = street(db)
    db.write_now(lambda c, _: add(c, *wide_zone(town)))
    town.publish(town.bike(18, orders=0), town.bike(19, orders=0), town.vans(18))
    lay(db, town.shop, vehicles(town))
    bookings = [
        town.booking(town.early, name, place=at(town, number), **told) for number, name in enumerate(names)
    ]
    assert {town.pool_of(one).vehicle_class_id for one in bookings} == {town.van.id}
    town.publish(bikes or town.bike(18), town.bike(19), town.vans(18))
    return Town(town, bookings)


def wide_zone(town: Street) -> list[ZoneCell]:
    """The cells around the shop's own, on both sides of the node."""
    home = cell_of(town.shop.point)
    cells = set(h3.grid_disk(home, 6)) - {home}
    return [ZoneCell(cell=cell, zone_id=town.shop.zone_id) for cell in sorted(cells)]


def at(town: Street, number: int) -> Place:
    """Doors on two sides of the node in turn: who goes to one side alone saves the other that way."""
    home, side = town.shop.point, number % 2
    point = Point(home.latitude + side * 0.0068, home.longitude + side * 0.0078 + number * 0.0002)
    return Place(f"Rua das Flores {number}, Porto", point)


def test_bookings_change_their_class_with_pool_ledger_tours_and_history(db: Database) -> None:
    town = with_vans(db)
    ana = town.bookings[0]
    before = db.read_now(lambda c, _: history(c, [ana.id]))[ana.id]
    assert town.improved()
    assert town.classes() == [town.street.shop.class_id] * 2
    town.sound(2)
    now = town.street.now_of(ana)
    assert (now.window, now.fee, now.drop_preference_id) == (ana.window, ana.fee, ana.drop_preference_id)
    assert (now.version, now.vehicle_kind, now.cutoff_at) == (ana.version + 1, "CARGO_BIKE", ana.cutoff_at)
    assert db.read_now(lambda c, _: history(c, [ana.id]))[ana.id] == before
    (move,) = db.read_now(lambda c, _: moves_of(c, ana.id))
    assert (move.actor, move.reason, move.run_id) == (ACTOR, REASON, None)
    assert (move.before_pool_id, move.after_pool_id) == (ana.pool_id, now.pool_id)
    entry = table_of(CapacityEntry)
    mine = sa.select(entry).where(entry.c.reference == ana.id, entry.c.actor == ACTOR)
    said = {(e.kind, e.pool_id, e.reason) for e in db.read_now(lambda c, _: rows(c, CapacityEntry, mine))}
    assert said == {("RELEASE", ana.pool_id, REASON), ("BOOKING", now.pool_id, REASON)}
    told = db.read_now(lambda c, n: explain(c, now=n, actor=_OPERATOR, booking_id=ana.id))
    assert told.sentence.endswith(f"It was moved there, because of this: {REASON}.")
    # There is nothing better: nobody moves again.
    assert not town.improved()


def test_who_finds_no_room_in_a_pool_stays_and_the_others_move(db: Database) -> None:
    def one_place(town: Street) -> PoolPlan:
        return town.bike(18, orders=1)

    town = with_vans(db, ("ana", "rui", "eva"))
    town.street.publish(one_place(town.street), town.street.bike(19), town.street.vans(18))
    town.improved()
    assert town.classes().count(town.street.shop.class_id) <= 1
    town.sound(3)


def greener(booking: DeliveryBooking) -> dict[str, Any]:
    part = {"kind": FeePartKind.INCENTIVE, "label": GREENER, "minor": -50, "currency": booking.currency}
    return {"fee_parts": [*booking.fee_parts, part], "grams": 5}


def changed(db: Database, booking: DeliveryBooking, values: dict[str, Any]) -> None:
    table = table_of(DeliveryBooking)
    db.write_now(lambda c, _: c.execute(sa.update(table).where(table.c.id == booking.id).values(**values)))


KEPT: dict[str, Callable[[DeliveryBooking], dict[str, Any]]] = {
    "what was sold as greener, to a class that emits more": greener,
    "what is being picked": lambda one: {"cutoff_at": one.created_at},
    "what bikes do not carry": lambda _: {"traits": [GoodsTrait.BULKY]},
}


@pytest.mark.parametrize("why", KEPT)
def test_what_was_promised_stays_with_its_class(db: Database, why: str) -> None:
    town = with_vans(db)
    ana, _ = town.bookings
    changed(db, ana, KEPT[why](ana))
    town.improved()
    assert town.street.pool_of(ana).vehicle_class_id == town.street.van.id
    assert town.classes()[1] == town.street.shop.class_id
    town.sound(2)


def test_a_hold_stays_with_its_class(db: Database) -> None:
    town = with_vans(db, ("ana",))
    place = town.street
    place.publish(place.bike(18, orders=0), place.bike(19, orders=0), place.vans(18))
    held = db.write_now(lambda c, n: make_hold(c, place.shop, place.early, now=n, customer="rui"))
    place.publish(place.bike(18), place.bike(19), place.vans(18))
    town.improved()
    sheet = sheet_of(db, place.shop).sheet
    assert sheet.references()[held.id]["group"] == sheet.groups[place.van.id]


def test_the_last_place_goes_to_who_books_it_while_tours_are_searched(db: Database) -> None:
    town = with_vans(db)
    place = town.street
    place.publish(place.bike(18, orders=2), place.bike(19), place.vans(18, orders=2))
    eva: list[DeliveryBooking] = []

    def book() -> None:
        eva.append(place.booking(place.early, "eva", place=at(place, 4)))

    with Interrupted(book) as router:
        town.improved(router)
        assert router.searched > 1
    assert place.pool_of(eva[0]).vehicle_class_id == place.shop.class_id
    assert town.classes().count(place.shop.class_id) == 1
    town.sound(3)


def test_a_booking_that_is_cancelled_meanwhile_is_not_moved(db: Database) -> None:
    town = with_vans(db)
    ana, _ = town.bookings

    def end() -> None:
        actor = town.street.shop.actor
        db.write_now(lambda c, n: cancel(c, now=n, actor=actor, booking_id=ana.id, key=new_id()))

    with Interrupted(end) as router:
        town.improved(router)
    assert db.read_now(lambda c, _: moves_of(c, ana.id)) == []
    assert town.classes()[1] == town.street.shop.class_id
    pools = town.street.pools().values()
    assert sum(pool.booked_orders for pool in pools) == tours_hold(db, town.street.shop) == 1


def test_many_book_while_tours_are_made_better(db: Database) -> None:
    town = with_vans(db, tuple(f"first-{number}" for number in range(4)))
    place, start = town.street, Barrier(4)
    place.publish(place.bike(18, orders=6), place.bike(19), place.vans(18, orders=6))

    def shop(number: int) -> None:
        start.wait()
        for n in range(3):
            with suppress(SlotFull):
                name = f"shopper-{number}-{n}"
                made.append(place.booking(place.early, name, place=at(place, number * 3 + n)))

    made: list[DeliveryBooking] = []
    shoppers = [Thread(target=shop, args=(number,)) for number in range(3)]
    for one in shoppers:
        one.start()
    start.wait()
    with Router() as router:
        for _ in range(3):
            improve(db, router, node_id=place.shop.node_id, day=DAY, limits=QUICK)
    for one in shoppers:
        one.join()
    town.improved()
    town.bookings += made
    town.sound(4 + len(made))
    assert len(made) >= 6


def test_nothing_changes_when_the_tours_are_not_as_they_were(db: Database) -> None:
    town = with_vans(db)
    place = town.street
    known = sheet_of(db, place.shop)
    others = db.read_now(lambda c, n: movable(c, now=n, node_id=place.shop.node_id, day=DAY))
    assert set(others) == {one.hold_id for one in town.bookings}
    wanted = dict.fromkeys(others, place.shop.class_id)
    changes, refused = pools_for(wanted, others)
    assert (len(changes), refused) == (2, {})
    db.write_now(lambda c, n: write_sheet(c, now=n, before=known, sheet=known.sheet))
    with pytest.raises(Outdated):
        db.write_now(lambda c, n: change_vehicles(c, now=n, known=known, sheet=known.sheet, changes=changes))
    assert town.classes() == [place.van.id] * 2
    town.sound(2)
