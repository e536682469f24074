"""What tests of the operator's desk sit at: two hours of tomorrow's evening to sell, and what is taken of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.slots.open_days import open_days
from app.slots.tables import DeliverySlot
from app.storefronts.issue_key import issue_key
from app.tables import metadata
from app.values.actor import Role
from tests.booking.world import room
from tests.factories import NOW, Shop, evening, make_booking, make_hold, make_pools, make_shop, pool_plan

KEY = "the key of the night shift"
SHOP_KEY = "the key of a storefront"
TOMORROW = (NOW + timedelta(days=1)).date()


@dataclass
class Desk:
    """The first hour sells six drops, of which four are booked and one is held; nobody has the second."""

    db: Database
    shop: Shop
    codes: tuple[str, ...]

    @classmethod
    def opened(cls, db: Database) -> Desk:
        """The desk, made by the real verbs."""

        def work(conn: Connection, _now: object) -> Desk:
            shop = make_shop(conn)
            hours = [evening(start=hour, end=hour + 1) for hour in (18, 19)]
            make_pools(
                conn,
                *(pool_plan(shop, hour, sell=room(6), minute_worth_micro=h) for h, hour in enumerate(hours)),
            )
            open_days(conn, now=NOW, first=NOW.date(), days=3)
            slot = table_of(DeliverySlot)
            (tomorrow,) = rows(conn, DeliverySlot, sa.select(slot).where(slot.c.day == TOMORROW))
            made = [make_booking(conn, shop, tomorrow, customer=f"c{n}") for n in range(4)]
            make_hold(conn, shop, tomorrow, customer="ana")
            told: dict[str, Any] = {"now": NOW, "storefront_id": shop.actor.storefront_id}
            issue_key(conn, **told, key=KEY, name="Olga", role=Role.OPERATOR)
            issue_key(conn, **told, key=SHOP_KEY, name="shop", role=Role.STOREFRONT)
            return cls(db, shop, tuple(booking.code for booking in made))

        return db.write_now(work)

    def pools(self) -> list[CapacityPool]:
        """The pools in the order of time."""
        pool = table_of(CapacityPool)
        query = sa.select(pool).order_by(pool.c.starts_at)
        return self.db.read_now(lambda c, _: rows(c, CapacityPool, query))

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table: what a look may not change."""
        return self.db.read_now(
            lambda c, _: {
                table.name: sorted(map(repr, c.execute(sa.select(table)))) for table in metadata.sorted_tables
            }
        )
