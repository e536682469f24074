"""A town that sells windows from tomorrow on, in a migrated database of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.tables import BookingPolicy
from app.capacity.rules import PoolPlan
from app.database.engine import engine_for
from app.database.rows import table_of
from app.database.runner import Database
from app.fleet.rules import VehicleKind
from app.migrate import upgrade
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.load import Load
from schema.ids import to_global
from tests.databases import fresh_postgres, migrated_sqlite
from tests.factories import (
    HOME,
    ZONE,
    Shop,
    evening,
    make_pools,
    make_promotion,
    make_shop,
    make_slot,
    make_vehicle_class,
    pool_plan,
)
from tests.postgres import Cluster

KEY = "the key of the town that is broken on purpose"
HOME_INPUT = {"point": {"latitude": HOME.latitude, "longitude": HOME.longitude}}
WIDE, SCARCE = "SEMPRE", "POUCOS"
_WINDOWS = ((9, 10), (9, 11), (13, 14), (13, 15), (18, 19), (18, 20))
_HOURS = (9, 10, 13, 14, 18, 19)


@dataclass(frozen=True)
class Town:
    """Where it lives, and the global ids of the windows to be had, those of the first day first."""

    url: str
    slot_ids: tuple[str, ...]

    @property
    def hot(self) -> tuple[str, ...]:
        """The windows of the first day, which more shoppers want than there is room for."""
        return self.slot_ids[: len(_WINDOWS)]


def make_town(url: str, *, days: int, orders: int, hold_min: int = 60) -> Town:
    """Windows of so many days in a migrated database, each hour with two pools of `orders` drops each.

    Windows of one and two hours share their hours, so that claims meet in the same pools. In every third
    pool the minutes run out before the orders, in every fourth the litres.
    """
    db = Database(url, threads=1)
    try:
        work = partial(_build, days=days, orders=orders, hold_min=hold_min)
        return Town(url, tuple(db.write_now(work)))
    finally:
        db.close()


def capacity_for(bookings: int, days: int) -> int:
    """Drops per pool, so that the town as a whole has room and its first day has not."""
    return max(3, bookings * 2 // (days * len(_HOURS) * 2))


def sqlite_town(folder: Path, *, days: int, orders: int, hold_min: int = 60) -> Town:
    """A town in a file."""
    return make_town(migrated_sqlite(folder / "lastlap.db"), days=days, orders=orders, hold_min=hold_min)


def postgres_town(server: Cluster, *, days: int, orders: int, hold_min: int = 60) -> Town:
    """A town in a new database of the server."""
    url = fresh_postgres(server, tables=False)
    upgrade(url)
    return make_town(url, days=days, orders=orders, hold_min=hold_min)


def _build(conn: Connection, now: datetime, *, days: int, orders: int, hold_min: int) -> list[str]:
    shop = make_shop(conn)
    policy = table_of(BookingPolicy)
    conn.execute(sa.update(policy).values(hold_min=hold_min))
    van = make_vehicle_class(
        conn, kind=VehicleKind.ELECTRIC_VAN, name="Electric van", volume_ml=6_000_000, weight_g=900_000
    )
    plans: list[PoolPlan] = []
    ids: list[str] = []
    today = now.astimezone(ZoneInfo(ZONE)).date()
    for ahead in range(1, days + 1):
        day = today + timedelta(days=ahead)
        for hour in _HOURS:
            for class_id, cost in ((shop.class_id, 40), (van.id, 90)):
                plans.append(_pool(shop, evening(day, hour, hour + 1), class_id, cost, orders, len(plans)))
        ids += [make_slot(conn, shop, evening(day, start, end)).id for start, end in _WINDOWS]
    make_pools(conn, *plans, now=now)
    year = {"starts_at": datetime(2020, 1, 1, tzinfo=UTC), "ends_at": datetime(2200, 1, 1, tzinfo=UTC)}
    make_promotion(conn, shop, code=WIDE, per_customer=3, max_uses=1_000_000, budget_minor=10**8, **year)
    make_promotion(conn, shop, code=SCARCE, per_customer=1, max_uses=max(3, orders // 4), **year)
    issue_key(
        conn, now=now, storefront_id=shop.actor.storefront_id, key=KEY, name="town", role=Role.STOREFRONT
    )
    return [str(to_global("DeliverySlot", slot_id)) for slot_id in ids]


def _pool(shop: Shop, window: object, class_id: str, cost: int, orders: int, number: int) -> PoolPlan:
    """Drops take 540 s and 30 l here; what is scarce differs by the pool's number."""
    tight = orders * 4 // 5
    room = Load(
        orders=orders,
        work_s=540 * (tight if number % 3 == 0 else orders * 2),
        volume_ml=40_000 * (tight if number % 4 == 1 else orders * 2),
        weight_g=12_000 * orders * 2,
        chilled_ml=8_000 * orders * 2,
        frozen_ml=2_000 * orders * 2,
    )
    return pool_plan(shop, window, sell=room, vehicle_class_id=class_id, cost_minor=cost)  # type: ignore[arg-type]


def opened(url: str) -> sa.Engine:
    """An engine of a test's own, for looking."""
    return engine_for(url, pool_size=2)
