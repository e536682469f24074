"""A street with a locker beside its doors: bikes and vans of an evening, and clients of storefront and desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.capacity.rebuild import rebuild
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage
from app.fleet.tables import VehicleClass
from app.handover.rules import HandoverMode, ProofKind
from app.handover.tables import HandoverPolicy
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.point import Point
from app.worker.tours import TourPlanner
from app.world.streets import Streets
from app.world.world import World
from schema.ids import from_global, to_global
from tests.allocation.test_tours import QUICK, figures
from tests.api import KEY, Api, client_on, worked, world_on
from tests.assignment.world import DAY, Street, street
from tests.factories import HOME
from tests.journeys.broken import rostered
from tests.pages.desk import KEY as DESK
from tests.worker.test_change_vehicles import wide_zone

AT_LOCKER_S = 30
LOCKER = Point(HOME.latitude + 0.004, HOME.longitude)
SAVE = """mutation ($input: CollectionPointInput!) { saveCollectionPoint(input: $input) {
  collectionPoint { id locker } userErrors { code } } }"""
REMOVE = """mutation ($input: RemoveCollectionPointInput!) { removeCollectionPoint(input: $input) {
  userErrors { code } } }"""
NEAR = """query ($near: AddressInput!, $lockers: Boolean) {
  collectionPoints(near: $near, lockers: $lockers) { key locker } }"""
HOLD = """mutation ($input: HoldSlotInput!) { holdSlot(input: $input) {
  hold { id status lockerIds } userErrors { code message field } } }"""
FLEXIBLE = """mutation ($input: HoldFlexibleSlotInput!) { holdFlexibleSlot(input: $input) {
  hold { id lockerIds } userErrors { code field } } }"""
UPDATE = """mutation ($input: UpdateHoldInput!) { updateHold(input: $input) { hold { status } } }"""
CONFIRM = """mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) {
  booking { id lockerIds address dropPreference { mode } } userErrors { code } } }"""
SEEN = """query ($id: ID!) { booking(id: $id) { address lockerIds dropPreference { mode proof }
  promise { window { startsAt endsAt } history { reason actor } } stop { lockerId } fee { total { amount } } } }"""
TOURS = """query { tours(day: "2026-11-25") { stops { bookingId lockerId point { latitude longitude } } } }"""


@dataclass
class Lockers:
    """The street with a locker 400 m north of the doors, and its clients."""

    town: Street
    shop: Api
    desk: Api
    world: World
    locker: str

    @property
    def db(self) -> Database:
        return self.town.db

    def hold(self, name: str, point: Point = HOME, **told: Any) -> Any:
        """The payload of holding the first hour with the locker beside the door."""
        return self.shop.data(HOLD, input={**self.asked(name, point), **told})["holdSlot"]

    def asked(self, name: str, point: Point = HOME) -> dict[str, Any]:
        return {
            "slotId": to_global("DeliverySlot", self.town.early.id),
            "address": {"point": {"latitude": point.latitude, "longitude": point.longitude}},
            "basket": {"weightGrams": 8_000, "ambientMillilitres": 20_000},
            "customer": {"reference": name, "email": f"{name}@example.com", "locale": "en"},
            "lockerIds": [self.locker],
            "idempotencyKey": f"hold {name} {told_key()}",
        }

    def booked(self, name: str, point: Point = HOME, **told: Any) -> DeliveryBooking:
        """A booking of the first hour that may go to the locker as well."""
        held = self.hold(name, point, **told)
        assert held["userErrors"] == []
        return self.confirmed(held["hold"]["id"], name)

    def confirmed(self, hold_id: str, name: str) -> DeliveryBooking:
        told = {"holdId": hold_id, "orderReference": f"order {name}", "idempotencyKey": f"confirm {name}"}
        made = self.shop.data(CONFIRM, input=told)["confirmBooking"]
        assert made["userErrors"] == []
        assert made["booking"]["dropPreference"]["mode"] == "ATTENDED"
        table = table_of(DeliveryBooking)
        mine = sa.select(table).where(table.c.id == from_global(made["booking"]["id"])[1])
        (found,) = self.db.read_now(lambda c, _: rows(c, DeliveryBooking, mine))
        return found

    def seen(self, booking: DeliveryBooking) -> Any:
        """What its storefront sees of it."""
        return self.shop.data(SEEN, id=to_global("DeliveryBooking", booking.id))["booking"]

    def letters(self, subject: str) -> list[MailboxMessage]:
        """What customers were sent, once all jobs are done."""
        while worked(self.world):
            pass
        found = self.db.read_now(lambda c, _: rows(c, MailboxMessage, sa.select(table_of(MailboxMessage))))
        return [one for one in found if subject in one.subject]

    def planned(self) -> None:
        """Search for the evening's tours."""
        planner = TourPlanner(self.db, Streets(None), QUICK, processes=1)
        (run,) = planner.plan([(self.town.shop.node_id, DAY)], trigger="test")
        assert run.message is None, run.message

    def sound(self) -> None:
        """The counters equal the ledger, and the bookings."""
        assert self.db.write_now(lambda c, _: rebuild(c)) == []
        assert self.town.sound()


_KEYS = iter(range(10_000))


def told_key() -> int:
    return next(_KEYS)


@contextmanager
def locker_town(db: Database, **told_of_locker: Any) -> Iterator[Lockers]:
    """The street with its locker, of which this is told beside its name."""
    town = street(db)

    def work(conn: Connection, now: datetime) -> None:
        figures(conn, town.shop)
        add(conn, *wide_zone(town))
        proof = [ProofKind.PHOTO]
        add(
            conn,
            HandoverPolicy(mode=HandoverMode.LOCKER, at_door_s=AT_LOCKER_S, fee_minor=0, proof=proof),
        )
        # A way costs something: 30 minor units a kilometre.
        table = table_of(VehicleClass)
        conn.execute(sa.update(table).values(cost_minor_per_100km=3_000))
        rostered(conn, town.shop.node_id, town.shop.class_id, ["Bike 1"])
        for key, role in ((KEY, Role.STOREFRONT), (DESK, Role.OPERATOR)):
            shop = town.shop.actor.storefront_id
            issue_key(conn, now=now, storefront_id=shop, key=key, name="desk", role=role)

    db.write_now(work)
    with client_on(db) as client:
        desk = Api(client, key=DESK)
        told = {
            "key": "trindade",
            "name": "Cacifo da Trindade",
            "address": "Rua da Trindade 1",
            "compartments": [{"volumeMillilitres": 60_000, "count": 4}],
            **told_of_locker,
        }
        made = desk.data(SAVE, input={**told, "locker": True, "point": point_of(LOCKER)})
        point = made["saveCollectionPoint"]["collectionPoint"]
        assert point["locker"] is True
        yield Lockers(town, Api(client), desk, world_on(db), point["id"])


def point_of(point: Point) -> dict[str, float]:
    return {"latitude": point.latitude, "longitude": point.longitude}


def codes(payload: Any) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]
