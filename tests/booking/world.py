"""What tests of promises look at: pools, holds, and the counters against the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.rebuild import rebuild
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.slots.tables import DeliverySlot
from app.values.load import DIMENSIONS, Load
from app.values.window import Window
from tests.factories import (
    ROOM,
    Shop,
    evening,
    make_booking,
    make_hold,
    make_pools,
    make_shop,
    make_slot,
    pool_plan,
)


@dataclass
class Evening:
    """A shop with an early and a late slot, each served by one pool of its own."""

    db: Database
    shop: Shop
    early: DeliverySlot
    late: DeliverySlot

    def hold(self, slot: DeliverySlot | None = None, **told: Any) -> SlotHold:
        """A hold of the early slot, unless said otherwise."""
        chosen = slot or self.early
        return self.db.write_now(lambda c, n: make_hold(c, self.shop, chosen, now=n, **told))

    def booking(self, slot: DeliverySlot | None = None, **told: Any) -> DeliveryBooking:
        """A booking of the early slot, unless said otherwise."""
        chosen = slot or self.early
        return self.db.write_now(lambda c, n: make_booking(c, self.shop, chosen, now=n, **told))

    def pool(self, slot: DeliverySlot) -> CapacityPool:
        """The pool that serves a slot."""
        table = table_of(CapacityPool)
        query = sa.select(table).where(table.c.starts_at == slot.starts_at)
        return self.db.read_now(lambda c, _: rows(c, CapacityPool, query))[0]

    def taken(self, slot: DeliverySlot) -> tuple[int, int]:
        """How many drops are held and booked in a slot's pool."""
        pool = self.pool(slot)
        return pool.held_orders, pool.booked_orders

    def sound(self) -> bool:
        """Whether the counters equal the ledger and no pool is over its capacity."""
        drifted = self.db.write_now(lambda c, _: rebuild(c))
        pools = self.db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
        fits = all((p.loads("held") + p.loads("booked")).fits(p.loads("cap")) for p in pools)
        return drifted == [] and fits


def room(orders: int) -> Load:
    """Room for so many drops, whatever they weigh."""
    return Load(orders, *(getattr(ROOM, d) for d in DIMENSIONS[1:]))


def open_evening(db: Database, *, early: int = 10, late: int = 10) -> Evening:
    """Tomorrow from 18 to 19 and from 20 to 21, with room for so many drops each."""

    def work(conn: sa.Connection, _now: object) -> Evening:
        shop = make_shop(conn)
        windows = evening(start=18, end=19), evening(start=20, end=21)
        plans = [
            pool_plan(shop, window, sell=room(orders), work_s=300)
            for window, orders in zip(windows, (early, late), strict=True)
        ]
        make_pools(conn, *plans)
        first, second = (make_slot(conn, shop, window) for window in windows)
        return Evening(db, shop, first, second)

    return db.write_now(work)


def wide_slot(world: Evening) -> DeliverySlot:
    """From 18 to 20: served by the early slot's pool too."""
    window = Window(world.early.starts_at, world.early.starts_at + timedelta(hours=2))
    return world.db.write_now(lambda c, _: make_slot(c, world.shop, window))
