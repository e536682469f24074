"""A van that burns fuel serves the hours of a long window that the streets leave to it, and only those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.rules import AssignmentTrigger
from app.booking.tables import DeliveryBooking
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.tables import VehicleClass
from app.places.tables import ZoneHour
from app.storefronts.issue_key import issue_key
from app.tours.records import reference_of
from app.values.actor import Role
from app.worker.improve import improve
from app.worker.router import Router
from app.worker.tours import TourPlanner
from app.world.streets import Streets
from schema.ids import from_global, to_global
from tests.allocation.test_tours import figures
from tests.api import KEY, Api, client_on
from tests.assignment.test_assign import assigned
from tests.assignment.world import DAY, Street, street
from tests.booking.tours_world import bike, lay, sheet_of, tours_hold
from tests.conftest import Clock
from tests.factories import HOME, evening
from tests.journeys.broken import rostered
from tests.worker.test_improve import QUICK

CLOSED = 18
POINT = {"latitude": HOME.latitude, "longitude": HOME.longitude}
OFFERS = """query ($point: PointInput!) { slotAvailability(address: {point: $point},
  from: "2026-11-25", to: "2026-11-25") { days { offers { available vehicleKind
  slot { id window { startsAt endsAt } } } } } }"""
HOLD = """mutation ($input: HoldSlotInput!) { holdSlot(input: $input) {
  hold { id } userErrors { code } } }"""
CONFIRM = """mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) {
  booking { id promise { window { startsAt endsAt } } } userErrors { code } } }"""
SEEN = """query ($id: ID!) { booking(id: $id) { plannedArrival stop { vehicleKind }
  promise { window { startsAt endsAt } } } }"""
SIX_TO_EIGHT = {"startsAt": "2026-11-25T18:00:00+00:00", "endsAt": "2026-11-25T20:00:00+00:00"}
AT_SEVEN = evening(start=19, end=20).start


@dataclass
class Evening:
    """Vans from seven on and no bike yet, in a zone that is closed to them between six and seven."""

    town: Street
    shop: Api

    @property
    def db(self) -> Database:
        return self.town.db

    def open_windows(self) -> dict[str, str]:
        """The windows that can be had, with their slots."""
        (day,) = self.shop.data(OFFERS, point=POINT)["slotAvailability"]["days"]
        spans = {one["slot"]["id"]: one["slot"]["window"] for one in day["offers"] if one["available"]}
        return {f"{span['startsAt'][11:13]}-{span['endsAt'][11:13]}": slot for slot, span in spans.items()}

    def booked(self, name: str) -> DeliveryBooking:
        """A booking of six to eight."""
        asked = {
            "slotId": self.open_windows()["18-20"],
            "address": {"point": POINT},
            "basket": {"weightGrams": 8_000, "ambientMillilitres": 20_000},
            "customer": {"reference": name, "email": f"{name}@example.com"},
            "idempotencyKey": f"hold {name}",
        }
        held = self.shop.data(HOLD, input=asked)["holdSlot"]
        assert held["userErrors"] == []
        told = {"holdId": held["hold"]["id"], "orderReference": name, "idempotencyKey": f"confirm {name}"}
        made = self.shop.data(CONFIRM, input=told)["confirmBooking"]
        assert made["booking"]["promise"]["window"] == SIX_TO_EIGHT
        mine = sa.select(table_of(DeliveryBooking)).where(
            table_of(DeliveryBooking).c.id == from_global(made["booking"]["id"])[1]
        )
        (found,) = self.db.read_now(lambda c, _: rows(c, DeliveryBooking, mine))
        return found

    def opening(self, booking: DeliveryBooking) -> datetime:
        """From when on the tentative tours bring it."""
        sheet = sheet_of(self.db, self.town.shop).sheet
        (record,) = [one for one in sheet.records if reference_of(one) == booking.hold_id]
        return sheet.frame.instant(int(record["opens"]))

    def seen(self, booking: DeliveryBooking) -> Any:
        return self.shop.data(SEEN, id=to_global("DeliveryBooking", booking.id))["booking"]


@pytest.fixture
def closed(db: Database) -> Iterator[Evening]:
    town = street(db)

    def work(conn: Connection, now: datetime) -> None:
        figures(conn, town.shop)
        kind = table_of(VehicleClass)
        conn.execute(sa.update(kind).where(kind.c.id == town.van.id).values(combustion=True))
        hour = table_of(ZoneHour)
        mine = hour.c.zone_id == town.shop.zone_id
        conn.execute(sa.delete(hour).where(mine, hour.c.hour == CLOSED))
        add(conn, ZoneHour(zone_id=town.shop.zone_id, hour=CLOSED, parking_s=60, slowdown_bp=10_000,
                           low_emission=True))  # fmt: skip
        rostered(conn, town.shop.node_id, town.van.id, ["Van 1"])
        shop = town.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="shop", role=Role.STOREFRONT)

    db.write_now(work)
    # Vans also have minutes between six and seven, which are for other zones.
    town.publish(town.bike(18, orders=0), town.bike(19, orders=0), town.vans(18), town.vans(19))
    lay(db, town.shop, vehicles(town), low_emission=(CLOSED,))
    with client_on(db) as client:
        yield Evening(town, Api(client))


def vehicles(town: Street, *, bike_minor: int = 60) -> list[Any]:
    """A van and a bike that drive alike."""
    one = replace(bike(town.shop, handover_bp=10_000), cost_minor_per_km=bike_minor)
    return [one, replace(one, class_id=town.van.id, cost_minor_per_km=30, combustion=True)]


def test_a_long_window_is_sold_and_brought_in_the_hours_that_are_left(closed: Evening, clock: Clock) -> None:
    assert set(closed.open_windows()) == {"18-20", "19-20"}
    bookings = [closed.booked(name) for name in ("ana", "rui", "eva")]
    assert tours_hold(closed.db, closed.town.shop) == 3
    assert {closed.opening(one) for one in bookings} == {AT_SEVEN}

    # Nobody else comes, and the partner courier is not asked.
    clock.set(bookings[0].cutoff_at + timedelta(minutes=1))
    run = assigned(closed.town, AssignmentTrigger.CUTOFF)
    assert (run.orders, run.partner_couriers) == (3, 0)
    planner = TourPlanner(closed.db, Streets(None), QUICK, processes=1)
    for _ in range(2):
        # The second search begins from the first.
        (search,) = planner.plan([(closed.town.shop.node_id, DAY)], trigger="test")
        assert (search.message, search.left_out) == (None, [])
        for booking in bookings:
            seen = closed.seen(booking)
            assert seen["stop"] == {"vehicleKind": "VAN"}
            assert AT_SEVEN <= datetime.fromisoformat(seen["plannedArrival"]) < booking.ends_at
            assert seen["promise"]["window"] == SIX_TO_EIGHT


def test_who_changes_to_a_bike_has_the_whole_window_and_who_changes_to_a_van_its_rest(
    closed: Evening,
) -> None:
    town = closed.town
    ana = closed.booked("ana")
    town.publish(town.bike(18), town.bike(19), town.vans(18), town.vans(19))
    for bike_minor, kind, opens in ((6, town.shop.class_id, ana.starts_at), (600, town.van.id, AT_SEVEN)):
        lay(closed.db, town.shop, vehicles(town, bike_minor=bike_minor), low_emission=(CLOSED,))
        with Router() as router:
            assert improve(closed.db, router, node_id=town.shop.node_id, day=DAY, limits=QUICK)
        assert town.pool_of(ana).vehicle_class_id == kind
        assert closed.opening(ana) == opens
        assert tours_hold(closed.db, town.shop) == 1
        assert town.sound()
