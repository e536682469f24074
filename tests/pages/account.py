"""What tests of a customer's own pages look at: Ana's deliveries, a full window, signed paths to all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.cancel import cancel
from app.booking.join_waitlist import join_waitlist
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking, SlotHold, WaitlistEntry
from app.customers.rules import CustomerFacts
from app.database.rows import by_id, table_of
from app.database.runner import Database
from app.slots.tables import DeliverySlot
from app.tables import metadata
from app.values.ids import new_id
from app.values.load import Load
from app.world.world import World
from tests.api import world_on
from tests.booking.world import room
from tests.conftest import Clock
from tests.factories import (
    ROOM,
    Shop,
    evening,
    make_basket,
    make_booking,
    make_hold,
    make_houses,
    make_pools,
    make_shop,
    make_slot,
    pool_plan,
)

# How many drops there is room for, by the hour: at four there is one, and Rui has it.
_HOURS = {9: ROOM, 16: room(1), 18: ROOM, 19: ROOM}


@dataclass
class Account:
    """Ana has a delivery tomorrow from 18 to 20 and had one yesterday; tomorrow at 16 is full."""

    db: Database
    clock: Clock
    shop: Shop
    booking: DeliveryBooking
    full: DeliverySlot
    taken: DeliveryBooking
    slots: dict[tuple[int, int], DeliverySlot]
    house_id: str

    @classmethod
    def opened(cls, db: Database, clock: Clock) -> Account:
        """The account, made by the real verbs."""

        def work(conn: Connection, now: datetime) -> Account:
            shop = make_shop(conn)
            house = make_houses(conn)[0]
            before, days = now - timedelta(days=2), {n: now.date() + timedelta(days=n) for n in (-1, 1, 2, 4)}
            make_pools(
                conn,
                *(_pool(shop, day, hour, sell) for day in days.values() for hour, sell in _HOURS.items()),
                now=before,
            )
            slots = {
                (n, start): make_slot(conn, shop, evening(day, start, end))
                for n, day in days.items()
                for start, end in ((9, 11), (16, 17), (18, 20), (19, 20), (20, 21))
            }
            gone = make_booking(conn, shop, slots[-1, 18], now=before)
            table = table_of(DeliveryBooking)
            delivered = sa.update(table).where(table.c.id == gone.id)
            conn.execute(delivered.values(status=BookingStatus.DELIVERED))
            full = slots[1, 16]
            booking = make_booking(conn, shop, slots[1, 18], now=now)
            taken = make_booking(conn, shop, full, now=now, customer="rui")
            return cls(db, clock, shop, booking, full, taken, slots, house.id)

        return db.write_now(work)

    @property
    def world(self) -> World:
        """The World that signs the links."""
        return world_on(self.db)

    def path(self, purpose: str, subject: str) -> str:
        """A signed path, as a message would lead to it."""
        pages = {"customer": "my", "booking": "bookings", "hold": "holds"}
        return f"/{pages[purpose]}/{self.world.links.sign(purpose, subject)}"

    @property
    def mine(self) -> str:
        """Ana's list."""
        return self.path("customer", self.booking.customer_id)

    @property
    def page(self) -> str:
        """The page of Ana's delivery."""
        return self.path("booking", self.booking.id)

    def write[T](self, verb: Callable[..., T], **told: Any) -> T:
        """A verb of the shop, with a key of its own."""
        return self.db.write_now(lambda c, n: verb(c, now=n, actor=self.shop.actor, **told))

    def now(self) -> DeliveryBooking:
        """Ana's booking as it is."""
        found = self.db.read_now(lambda c, _: by_id(c, DeliveryBooking, self.booking.id))
        assert found is not None
        return found

    def slot_at(self, hour: int, days: int = 1) -> DeliverySlot:
        """The window that begins at this hour, tomorrow unless said otherwise."""
        return self.slots[days, hour]

    def holds(self, slot: DeliverySlot, **told: Any) -> SlotHold:
        """Somebody holds a window."""
        return self.db.write_now(lambda c, n: make_hold(c, self.shop, slot, now=n, **told))

    def gives_up(self) -> None:
        """Rui cancels: the full window has room for one."""
        self.write(cancel, booking_id=self.taken.id, key=new_id())

    def waits(self, *slots: DeliverySlot) -> WaitlistEntry:
        """Ana waits for the full window, or for others."""
        joined = self.write(
            join_waitlist,
            slot_ids=[slot.id for slot in slots or (self.full,)],
            place=self.shop.place,
            basket=make_basket(),
            customer=CustomerFacts(reference="ana", name="Ana Lima", email="ana@example.com"),
            key=new_id(),
        )
        return joined.entry

    def offered(self) -> str:
        """The hold that Ana is offered after Rui has cancelled."""
        entry = self.waits()
        self.gives_up()
        found = self.db.read_now(lambda c, _: by_id(c, WaitlistEntry, entry.id))
        assert found is not None
        assert found.hold_id is not None
        return found.hold_id

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table: what a look at a page may not change."""
        return self.db.read_now(
            lambda c, _: {
                table.name: sorted(map(repr, c.execute(sa.select(table)))) for table in metadata.sorted_tables
            }
        )


def _pool(shop: Shop, day: date, hour: int, sell: Load) -> Any:
    return pool_plan(shop, evening(day, start=hour, end=hour + 1), sell=sell, grams=12 + hour)
