"""Assignment runs and explanations, through the API."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.allocation.orders import OrderLimits
from app.assignment.rules import AssignmentTrigger
from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.worker.assign import assign
from schema.ids import to_global
from tests.api import KEY, Api, client_on
from tests.assignment.world import DAY, Street, street
from tests.booking.test_flexible import booked as flexible_booking
from tests.booking.test_flexible import flexible_evening
from tests.conftest import Clock
from tests.factories import make_storefront

RUNS = """{ assignmentRuns(date: "2026-11-25") { id status trigger date orders moved narrowed partnerCouriers
  overtimeSeconds gap objective { amount } bound { amount } } }"""
WHY = """query ($id: ID!) { explainAllocation(bookingId: $id) { sentence partnerCourier
  chosen { vehicleClass vehicleKind node window { startsAt endsAt timeZone } total { amount } distance { amount } workSeconds }
  nextBest { vehicleKind total { amount } } partnerCourierCost { amount }
  moves { reason actor beforePoolId afterPoolId } run { trigger } }
  booking(id: $id) { partnerCourier } }"""


def open_api(town: Street, role: Role = Role.STOREFRONT) -> None:
    """Let the shop's key in."""
    shop = town.shop.actor.storefront_id

    def work(conn: Connection, now: datetime) -> None:
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="shop", role=role)

    town.db.write_now(work)


def test_why_a_booking_is_where_it_is_before_and_after_a_run(db: Database) -> None:
    town = street(db)
    open_api(town)
    ana = town.booking(town.early, "ana")
    booking = to_global("DeliveryBooking", ana.id)
    with client_on(db) as client:
        api = Api(client)
        found = api.data(WHY, id=booking)["explainAllocation"]
        assert found["chosen"]["vehicleKind"] == "CARGO_BIKE"
        assert found["chosen"]["total"]["amount"] == "0.40"
        assert found["nextBest"] == {"vehicleKind": "VAN", "total": {"amount": "0.90"}}
        assert found["run"] is None
        # The same class at the same node may be the next best at another hour: hours are always told, local.
        assert found["chosen"]["window"]["timeZone"] == "Europe/Lisbon"
        assert found["sentence"].startswith(f"{found['chosen']['vehicleClass']} from ")
        assert " brings it between 18:00 and 19:00 as promised. It takes 9 minutes" in found["sentence"]
        assert " between 18:00 and 19:00, would cost 0.50 EUR more." in found["sentence"]

        # The bikes are gone: vans bring it, and the run says what it cost and proved.
        town.publish(town.vans(18), town.bike(19))
        assign(db, day=DAY, trigger=AssignmentTrigger.HOUR, limits=OrderLimits(seconds=2))
        found = api.data(WHY, id=booking)["explainAllocation"]
        assert found["chosen"]["vehicleKind"] == "VAN"
        assert found["run"] == {"trigger": "HOUR"}
        assert [move["actor"] for move in found["moves"]] == ["planner"]
        assert "Nothing else that can bring it serves this address" in found["sentence"]
        assert "0.90 EUR distance and carbon, 0.02 EUR the change itself." in found["sentence"]
        (run,) = api.data(RUNS)["assignmentRuns"]
        assert (run["status"], run["moved"], run["orders"], run["partnerCouriers"]) == ("PUBLISHED", 1, 1, 0)
        assert float(run["bound"]["amount"]) <= float(run["objective"]["amount"])
        assert api.data("query ($id: ID!) { node(id: $id) { id } }", id=run["id"])["node"] == {
            "id": run["id"]
        }


def test_a_partner_courier_is_told_and_a_stranger_is_not_told_anything(db: Database) -> None:
    town = street(db)
    open_api(town)
    ana = town.booking(town.early, "ana")

    def stranger(conn: Connection, now: datetime) -> None:
        shop = make_storefront(conn).id
        issue_key(conn, now=now, storefront_id=shop, key="another key", name="x", role=Role.STOREFRONT)

    db.write_now(stranger)
    town.publish(town.bike(19))
    assign(db, day=DAY, trigger=AssignmentTrigger.HOUR, limits=OrderLimits(seconds=2))
    with client_on(db) as client:
        api = Api(client)
        data = api.data(WHY, id=to_global("DeliveryBooking", ana.id))
        found = data["explainAllocation"]
        assert data["booking"] == {"partnerCourier": True}
        assert (found["chosen"], found["partnerCourier"]) == (None, True)
        assert float(found["partnerCourierCost"]["amount"]) >= 14
        assert "a partner courier brings it" in found["sentence"]
        assert [move["afterPoolId"] for move in found["moves"]] == [None]
        other = Api(client, key="another key")
        assert "BOOKING_NOT_FOUND" in other.codes(WHY, id=to_global("DeliveryBooking", ana.id))


FIGURES = """{ assignmentFigures(from: "2026-11-24", to: "2026-11-26") {
  days { date bookings fixed flexible narrowed placed moved disrupted partnerCouriers failedRuns
    run { overtimeSeconds gap objective { amount } bound { amount } } }
  prices { partnerMinor overtimeBasisPoints chilledLimitMinutes } } }"""


def test_operators_see_how_assignments_did_day_by_day(db: Database) -> None:
    town = street(db)
    open_api(town, Role.OPERATOR)
    for name in ("ana", "rui", "eva"):
        town.booking(town.early, name)
    with client_on(db) as client:
        (before,) = Api(client).data(FIGURES)["assignmentFigures"]["days"]
        assert (before["bookings"], before["fixed"], before["placed"], before["run"]) == (3, 3, 0, None)
        # Vans for one of them are all that is left: the others are brought by partner couriers.
        town.publish(town.vans(18, orders=1), town.bike(19))
        assign(db, day=DAY, trigger=AssignmentTrigger.HOUR, limits=OrderLimits(seconds=2))
        dead = (sys.executable, "-c", "raise SystemExit('out of memory')")
        assign(db, day=DAY, trigger=AssignmentTrigger.HOUR, command=dead)
        seen = Api(client).data(FIGURES)["assignmentFigures"]
        (day,) = seen["days"]
        assert (day["date"], day["bookings"], day["placed"], day["moved"]) == ("2026-11-25", 3, 3, 3)
        assert (day["partnerCouriers"], day["disrupted"], day["failedRuns"]) == (2, 0, 1)
        assert float(day["run"]["objective"]["amount"]) >= float(day["run"]["bound"]["amount"]) > 28
        assert seen["prices"]["partnerMinor"] == 1_400


def test_flexible_bookings_are_counted_until_they_are_narrowed(db: Database, clock: Clock) -> None:
    world = flexible_evening(db)
    booking = flexible_booking(world)

    def key(conn: Connection, now: datetime) -> None:
        shop = world.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="desk", role=Role.OPERATOR)

    db.write_now(key)
    with client_on(db) as client:
        (day,) = Api(client).data(FIGURES)["assignmentFigures"]["days"]
        assert (day["fixed"], day["flexible"], day["narrowed"]) == (0, 1, 0)
        clock.set(booking.cutoff_at + timedelta(minutes=1))
        assign(db, day=DAY, trigger=AssignmentTrigger.CUTOFF, limits=OrderLimits(seconds=2))
        (day,) = Api(client).data(FIGURES)["assignmentFigures"]["days"]
        assert (day["fixed"], day["flexible"], day["narrowed"]) == (0, 0, 1)


def test_figures_are_for_operators(db: Database) -> None:
    open_api(street(db))
    with client_on(db) as client:
        assert Api(client).codes(FIGURES) == ["OPERATORS_ONLY"]
