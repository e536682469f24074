"""An evening that several pools can serve, and bookings in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.capacity.rebuild import rebuild
from app.capacity.rules import PoolPlan
from app.capacity.tables import CapacityPool
from app.database.rows import by_id, rows, table_of
from app.database.runner import Database
from app.fleet.rules import VehicleKind
from app.fleet.tables import VehicleClass
from app.slots.tables import DeliverySlot
from app.values.ids import new_id
from app.values.load import Load
from app.values.window import Window
from tests.factories import (
    ROOM,
    Shop,
    evening,
    make_booking,
    make_pools,
    make_shop,
    make_slot,
    make_vehicle_class,
    pool_plan,
)

DAY = date(2026, 11, 25)


@dataclass
class Street:
    """A shop with bikes and vans in two hours of one evening, and the slots of both."""

    db: Database
    shop: Shop
    van: VehicleClass
    early: DeliverySlot
    late: DeliverySlot
    both: DeliverySlot

    def booking(self, slot: DeliverySlot, name: str, **told: Any) -> DeliveryBooking:
        """A booking through the real verbs."""
        return self.db.write_now(lambda c, n: make_booking(c, self.shop, slot, now=n, customer=name, **told))

    def now_of(self, booking: DeliveryBooking) -> DeliveryBooking:
        """The booking as it stands."""
        found = self.db.read_now(lambda c, _: by_id(c, DeliveryBooking, booking.id))
        assert found is not None
        return found

    def pools(self) -> dict[str, CapacityPool]:
        """Every pool by its id."""
        table = table_of(CapacityPool)
        return {p.id: p for p in self.db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table)))}

    def pool_of(self, booking: DeliveryBooking) -> CapacityPool:
        """The pool that serves a booking now."""
        return self.pools()[self.now_of(booking).pool_id]

    def publish(self, *plans: PoolPlan) -> None:
        """Publish other pools, as the planner does."""
        self.db.write_now(lambda c, n: make_pools(c, *plans, now=n))

    def bike(self, hour: int, *, orders: int = 10, **told: Any) -> PoolPlan:
        """A pool of bikes."""
        return pool_plan(self.shop, evening(start=hour, end=hour + 1), sell=room(orders), **told)

    def vans(self, hour: int, *, orders: int = 10, **told: Any) -> PoolPlan:
        """A pool of vans, dearer."""
        told = {"cost_minor": 90, **told}
        window = evening(start=hour, end=hour + 1)
        return pool_plan(self.shop, window, sell=room(orders), vehicle_class_id=self.van.id, **told)

    def sound(self) -> bool:
        """Whether the counters equal the ledger and every booking is counted once."""
        drifted = self.db.write_now(lambda c, _: rebuild(c))
        table = table_of(DeliveryBooking)
        booked = self.db.read_now(lambda c, _: rows(c, DeliveryBooking, sa.select(table)))
        wanted: dict[str, Load] = {}
        for one in booked:
            wanted[one.pool_id] = wanted.get(one.pool_id, Load()) + one.load
        counted = {p.id: p.loads("booked") for p in self.pools().values()}
        return drifted == [] and all(counted[key] == wanted.get(key, Load()) for key in counted)


def room(orders: int) -> Load:
    """Room for so many drops of five minutes and their handover, whatever they weigh."""
    return replace(ROOM, orders=orders, work_s=orders * 540)


def street(db: Database) -> Street:
    """Bikes at 18 and 19 with room for ten each, vans at 18 with room for ten."""

    def work(conn: Connection, _now: datetime) -> Street:
        shop = make_shop(conn)
        van = make_vehicle_class(
            conn,
            key=f"van-{new_id()}",
            name="Van",
            kind=VehicleKind.VAN,
            volume_ml=6_000_000,
            weight_g=800_000,
        )
        first, second = evening(start=18, end=19), evening(start=19, end=20)
        slots = [make_slot(conn, shop, w) for w in (first, second, Window(first.start, second.end))]
        return Street(db, shop, van, *slots)

    made = db.write_now(work)
    made.publish(made.bike(18), made.bike(19), made.vans(18))
    return made
