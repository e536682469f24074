"""While a street is closed no motor vehicle takes a booking in it over; what stands elsewhere, or later, may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.other_pools import movable
from app.booking.tables import DeliveryBooking
from app.database.rows import add, table_of
from app.database.runner import Database
from app.places.rules import Place
from app.places.tables import Street as StreetRow
from app.storefronts.issue_key import issue_key
from app.tours.rules import TourVehicle
from app.values.actor import Role
from app.values.point import Point
from app.worker.improve import improve
from app.worker.router import Router
from tests.api import Api, client_on
from tests.assignment.world import DAY, Street, street
from tests.booking.tours_world import bike, lay
from tests.factories import HOME, NOW, make_basket, make_houses
from tests.journeys.broken import BULKY, END, OPERATOR, REPORT, told
from tests.worker.test_change_vehicles import wide_zone
from tests.worker.test_improve import QUICK

DRY = make_basket(chilled_ml=0, frozen_ml=0)
AT_SEVEN = datetime(2026, 11, 25, 19, tzinfo=UTC)
HERE = Place("Rua das Flores 12, Porto", HOME)
AWAY = Place("Rua do Almada 3, Porto", Point(HOME.latitude, HOME.longitude + 0.004))


def made(db: Database) -> tuple[Street, dict[str, DeliveryBooking]]:
    """Two bookings of bikes, one in Rua das Flores and one a few streets away; vans have room too."""
    town = street(db)

    def more(conn: Connection, now: datetime) -> None:
        make_houses(conn)
        add(conn, *wide_zone(town))
        lines = [[[HOME.latitude - 0.001, HOME.longitude], [HOME.latitude + 0.001, HOME.longitude]]]
        conn.execute(sa.update(table_of(StreetRow)).values(lines=lines))
        facts: dict[str, Any] = {"storefront_id": town.shop.actor.storefront_id, "key": OPERATOR}
        issue_key(conn, now=now, name="desk", role=Role.OPERATOR, **facts)

    db.write_now(more)
    town.publish(town.bike(18), town.bike(19), town.vans(18, orders=0), town.vans(19, orders=0))
    bookings = {
        "here": town.booking(town.both, "here", basket=DRY, place=HERE),
        "away": town.booking(town.both, "away", basket=DRY, place=AWAY),
    }
    town.publish(town.bike(18), town.bike(19), town.vans(18), town.vans(19))
    return town, bookings


def hours(town: Street, bookings: dict[str, DeliveryBooking]) -> dict[str, list[int]]:
    """By booking, the hours at which vans may bring it instead."""
    found = town.db.read_now(lambda c, n: movable(c, now=n, node_id=town.shop.node_id, day=DAY))
    return {
        name: sorted(other.reach.window.start.hour for other in found[one.hold_id].pools)
        if one.hold_id in found
        else []
        for name, one in bookings.items()
    }


def closed(desk: Api, **told_more: Any) -> str:
    what = told("STREET", NOW, streetName="Rua das Flores", **{"endsAt": None, **told_more})
    done = desk.data(REPORT, input=what)["reportDisruption"]
    assert done["userErrors"] == []
    return str(done["disruption"]["id"])


def ended(desk: Api, disruption: str) -> None:
    what = {"disruptionId": disruption, "reason": "mended", "idempotencyKey": f"end {disruption}"}
    assert desk.data(END, input=what)["endDisruption"]["userErrors"] == []


def test_no_motor_vehicle_takes_over_what_stands_in_a_closed_street(db: Database) -> None:
    town, bookings = made(db)
    assert hours(town, bookings) == {"here": [18, 19], "away": [18, 19]}
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        disruption = closed(desk)
        assert hours(town, bookings) == {"here": [], "away": [18, 19]}
        ended(desk, disruption)
        assert hours(town, bookings) == {"here": [18, 19], "away": [18, 19]}


@pytest.mark.parametrize(
    ("span", "left"),
    [
        ((NOW, AT_SEVEN), [19]),
        ((AT_SEVEN, None), [18]),
        ((AT_SEVEN.replace(hour=18, minute=30), AT_SEVEN.replace(minute=30)), []),
    ],
    ids=["open again at seven", "closed from seven on", "across both hours"],
)
def test_only_the_hours_of_the_closure_count(
    db: Database, span: tuple[datetime, datetime | None], left: list[int]
) -> None:
    town, bookings = made(db)
    # A van has another booking there, so that a closure of some hours touches something.
    town.publish(town.bike(18, orders=1), town.bike(19, orders=1), town.vans(18), town.vans(19))
    town.booking(town.both, "van", basket=BULKY, place=HERE)
    starts, ends = span
    with client_on(db) as client:
        closed(
            Api(client, key=OPERATOR), startsAt=starts.isoformat(), endsAt=ends.isoformat() if ends else None
        )
    assert hours(town, bookings) == {"here": left, "away": [18, 19]}


def test_better_tours_leave_it_on_its_bike(db: Database) -> None:
    town, bookings = made(db)
    cheap: TourVehicle = replace(bike(town.shop, handover_bp=10_000), cost_minor_per_km=600)
    lay(db, town.shop, [cheap, replace(cheap, class_id=town.van.id, cost_minor_per_km=6)])
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        disruption = closed(desk)
        searched(db, town)
        assert brought(town, bookings) == {"here": "bike", "away": "van"}
        # The same search with the street open again takes it along.
        ended(desk, disruption)
        lay(db, town.shop, [cheap, replace(cheap, class_id=town.van.id, cost_minor_per_km=6)])
        searched(db, town)
        assert brought(town, bookings) == {"here": "van", "away": "van"}
    assert town.sound()


def searched(db: Database, town: Street) -> None:
    with Router() as router:
        improve(db, router, node_id=town.shop.node_id, day=DAY, limits=QUICK)


def brought(town: Street, bookings: dict[str, DeliveryBooking]) -> dict[str, str]:
    kinds = {town.shop.class_id: "bike", town.van.id: "van"}
    return {name: kinds[town.pool_of(one).vehicle_class_id] for name, one in bookings.items()}
