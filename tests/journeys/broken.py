"""An evening of vans and bikes with published tours, and what is asked of it through GraphQL when it breaks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.fleet.tables import Shift, ShiftPattern, Vehicle, VehicleClass
from app.jobs import later
from app.places.rules import Place
from app.storefronts.issue_key import issue_key
from app.tours.tables import Stop, Tour
from app.values.actor import Role
from app.values.basket import Basket, GoodsTrait
from app.values.point import Point
from app.world.world import World
from schema.ids import to_global
from tests.allocation.test_tours import QUICK, figures
from tests.api import KEY, Api, worked, world_on
from tests.assignment.world import DAY, Street, street
from tests.factories import HOME, evening, make_basket, make_booking

OPERATOR = "key-of-the-operator"
REPORT = """mutation ($input: ReportDisruptionInput!) { reportDisruption(input: $input) {
  disruption { id kind status bookings endsAt endedAt } preview { pools bookings misfits }
  userErrors { code message field } } }"""
END = """mutation ($input: EndDisruptionInput!) { endDisruption(input: $input) {
  disruption { id endedAt endedBy endReason } userErrors { code field } } }"""
OUTCOME = """{ disruptions { id status reason bookings movedSilently asked partnerCouriers answerBy endedAt
  cost { amount } message } }"""
BOOKING = """query ($id: ID!) { booking(id: $id) { partnerCourier promise { window { startsAt endsAt }
  history { reason actor } } } explainAllocation(bookingId: $id) { sentence partnerCourier
  moves { reason actor beforePoolId afterPoolId } } notifications(bookingId: $id) { subject text } }"""
AT_1605 = datetime(2026, 11, 25, 16, 5, tzinfo=UTC)
DRY = make_basket(chilled_ml=0, frozen_ml=0)
BULKY = make_basket(chilled_ml=0, frozen_ml=0, traits=frozenset({GoodsTrait.BULKY}))


@dataclass
class Broken:
    """The town with its vehicles and bookings, and clients of its storefront and its operators."""

    town: Street
    world: World
    bookings: dict[str, DeliveryBooking] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        return self.town.db

    def run(self) -> None:
        """All jobs that are due."""
        while worked(self.world):
            pass

    def tours(self) -> dict[str, list[str]]:
        """By the vehicle's name, the names of the bookings on its tours in their order."""
        tour, stop, vehicle = table_of(Tour), table_of(Stop), table_of(Vehicle)
        query = (
            sa.select(vehicle.c.name, stop.c.booking_id)
            .join(tour, tour.c.id == stop.c.tour_id)
            .join(vehicle, vehicle.c.id == tour.c.vehicle_id)
            .order_by(vehicle.c.name, tour.c.leaves_at, stop.c.position)
        )
        names = {booking.id: name for name, booking in self.bookings.items()}
        found: dict[str, list[str]] = {}
        for row in self.db.read_now(lambda c, _: c.execute(query).all()):
            found.setdefault(row.name, []).append(names[row.booking_id])
        return found

    def stop_rows(self) -> dict[str, Stop]:
        """Every planned stop by the name of its booking."""
        names = {booking.id: name for name, booking in self.bookings.items()}
        found = self.db.read_now(lambda c, _: rows(c, Stop, sa.select(table_of(Stop))))
        return {names[one.booking_id]: one for one in found}

    def about(self, api: Api, name: str) -> Any:
        """What a storefront sees of a booking."""
        return api.data(BOOKING, id=to_global("DeliveryBooking", self.bookings[name].id))


def told(kind: str, at: datetime, **changes: Any) -> dict[str, Any]:
    """What an operator reports: over at night, unless told otherwise."""
    return {
        "kind": kind,
        "startsAt": at.isoformat(),
        "endsAt": (at + timedelta(hours=5)).isoformat(),
        "reason": "It broke down",
        "idempotencyKey": f"{kind} {sorted(changes.items())}",
        **changes,
    }


def rostered(
    conn: Connection,
    node_id: str,
    class_id: str,
    names: list[str],
    day: date = DAY,
    start: int = 17,
    end: int = 22,
) -> None:
    """Vehicles with these names, all in one shift of the evening."""
    pattern = ShiftPattern(
        key=f"s {class_id} {day} {start}",
        name="Evening",
        starts_local="17:00",
        ends_local="22:00",
        weekdays="1234567",
    )
    window = evening(day, start, end)
    known = set(conn.execute(sa.select(table_of(Vehicle).c.name)).scalars())
    fresh = [Vehicle(name=n, node_id=node_id, vehicle_class_id=class_id) for n in names if n not in known]
    add(conn, pattern)
    add(conn, *fresh)
    add(
        conn,
        Shift(
            node_id=node_id,
            vehicle_class_id=class_id,
            pattern_id=pattern.id,
            day=day,
            starts_at=window.start,
            ends_at=window.end,
            vehicles=len(names),
            cost_minor=8_000,
            run_id="test-run",
        ),
    )


def broken_town(db: Database) -> Broken:
    """Two vans with twelve stops from six on, four of them until eight, and a bike with three at seven.

    Ten of the vans' are too large for bikes, and take them eight minutes each: one van alone is not enough.
    """
    town = street(db)

    def more(conn: Connection, now: datetime) -> None:
        figures(conn, town.shop)
        kind = table_of(VehicleClass)
        conn.execute(sa.update(kind).where(kind.c.id == town.van.id).values(handover_bp=20_000))
        rostered(conn, town.shop.node_id, town.van.id, ["Van 7", "Van 8"])
        rostered(conn, town.shop.node_id, town.shop.class_id, ["Bike 1"])
        shop = town.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="shop", role=Role.STOREFRONT)
        issue_key(conn, now=now, storefront_id=shop, key=OPERATOR, name="desk", role=Role.OPERATOR)

    db.write_now(more)
    made = Broken(town, replace(world_on(db), tour_limits=QUICK))
    vans = town.vans(18, orders=14, vehicles=2)
    town.publish(vans, town.bike(18, orders=0), town.bike(19, orders=0))
    for number in range(12):
        slot, basket = town.both if number < 4 else town.early, DRY if number in (2, 3) else BULKY
        made.bookings[f"v{number}"] = booked(made, slot, f"v{number}", number, basket)
    town.publish(vans, town.bike(18, orders=0), town.bike(19, orders=10, vehicles=1))
    for number in range(3):
        made.bookings[f"b{number}"] = booked(made, town.late, f"b{number}", 12 + number, DRY)
    return made


def booked(
    made: Broken, slot: Any, name: str, place: int, basket: Basket, label: str = "Rua das Flores 12, Porto"
) -> DeliveryBooking:
    """A booking of its own place, some 40 m from the next one."""
    point = Point(HOME.latitude + (place % 5) * 4e-4, HOME.longitude + (place // 5) * 4e-4)
    told: dict[str, Any] = {"customer": name, "basket": basket, "place": Place(label, point)}
    return made.db.write_now(lambda c, n: make_booking(c, made.town.shop, slot, now=n, **told))


def published(made: Broken) -> None:
    """Search for the evening's tours, past its first cut-off."""
    made.db.write_now(lambda c, n: later(c, now=n, kind="tours.plan", payload={"ahead_h": 12}) and None)
    made.run()
