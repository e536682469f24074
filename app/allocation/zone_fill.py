"""How full each zone is in each bucket of a day: the pools that reach it, and what is taken of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import add, attrgetter

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import OCCUPYING, BookingStatus
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.seen import CapacityDimension, SeenPool, pools_between
from app.capacity.tables import CapacityPool, CapacityReach
from app.database.rows import rows, table_of
from app.places.tables import ServiceZone
from app.values.load import DIMENSIONS, Load
from app.values.window import Window, ZonedWindow

# More pools than any day has.
_ALL = 100_000
_COUNTED = ("sell", "booked", "held")


@dataclass(frozen=True, slots=True)
class PoolsTaken:
    """What some pools sell in all, and what is taken of it."""

    sell: Load
    booked: Load
    held: Load
    left_orders: int

    @property
    def share(self) -> float | None:
        """The part taken of the fullest dimension, above 1 when overbooked; None where nothing is sold."""
        return max(self._shares().values(), default=None)

    @property
    def tightest(self) -> CapacityDimension | None:
        """What would run out first; None while nothing is taken."""
        shares = self._shares()
        fullest = max(shares, key=lambda name: shares[name], default=None)
        return CapacityDimension(fullest.upper()) if fullest and shares[fullest] else None

    def _shares(self) -> dict[str, float]:
        taken = self.booked + self.held
        get = {name: attrgetter(name) for name in DIMENSIONS}
        return {name: get[name](taken) / get[name](self.sell) for name in DIMENSIONS if get[name](self.sell)}


@dataclass(frozen=True, slots=True)
class ZoneFill:
    """A zone in a bucket: `pools` reach it and other zones too; `booked` and `held` are orders of this one.

    The orders are those that these pools bring.
    """

    zone: ServiceZone
    window: Window
    pools: tuple[SeenPool, ...]
    booked: int
    held: int

    @property
    def time_window(self) -> ZonedWindow:
        """The bucket on the wall clock of the zone."""
        return ZonedWindow(self.window, self.zone.time_zone)

    @property
    def taken(self) -> PoolsTaken:
        """What its pools sell and have taken, here and elsewhere."""
        return taken_of(self.pools)

    @property
    def minute_worth_micro(self) -> tuple[int, int]:
        """The least and the most that a minute of these pools is worth, in millionths of a minor unit."""
        worths = [pool.row.minute_worth_micro for pool in self.pools]
        return min(worths, default=0), max(worths, default=0)


@dataclass(frozen=True, slots=True)
class DayFill:
    """The pools of a local day that were asked for, in the order of time, and the zones in each bucket."""

    day: date
    pools: tuple[SeenPool, ...]
    zones: tuple[ServiceZone, ...]
    fills: tuple[ZoneFill, ...]

    @property
    def windows(self) -> dict[Window, PoolsTaken]:
        """The buckets of the day with what all their pools sell and have taken."""
        found: dict[Window, list[SeenPool]] = defaultdict(list)
        for pool in self.pools:
            found[pool.row.window].append(pool)
        return {window: taken_of(found[window]) for window in sorted(found)}

    def of(self, window: Window) -> list[ZoneFill]:
        """Every zone in one bucket, in the order of their codes."""
        return [fill for fill in self.fills if fill.window == window]


def taken_of(pools: Iterable[SeenPool]) -> PoolsTaken:
    """What these pools sell in all; orders left are counted by pool: an overbooked one takes from none."""
    known = list(pools)
    left = sum(max(0, p.row.sell_orders - p.row.held_orders - p.row.booked_orders) for p in known)
    sell, booked, held = (reduce(add, (p.row.loads(of) for p in known), Load()) for of in _COUNTED)
    return PoolsTaken(sell, booked, held, left)


def day_fill(
    conn: Connection, *, now: datetime, day: date, node_id: str | None = None, class_id: str | None = None
) -> DayFill:
    """Every zone in every bucket of a local day, of all pools or those of one node or class of vehicles."""
    found = pools_between(conn, first=day, last=day, node_id=node_id, limit=_ALL)
    pools = [pool for pool in found if class_id in (None, pool.row.vehicle_class_id)]
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    reached = _reached(conn, day, pools)
    booked, held = _claims(conn, now, day)
    windows = sorted({pool.row.window for pool in pools})
    fills = []
    for window in windows:
        here = [pool for pool in pools if pool.row.window == window]
        for zone in zones:
            mine = tuple(pool for pool in here if zone.id in reached[pool.row.id])
            counts = (sum(claims[zone.id, pool.row.id] for pool in here) for claims in (booked, held))
            fills.append(ZoneFill(zone, window, mine, *counts))
    return DayFill(day, tuple(pools), tuple(zones), tuple(fills))


def _reached(conn: Connection, day: date, pools: Sequence[SeenPool]) -> dict[str, set[str]]:
    """The ids of the zones that each pool reaches."""
    pool, reach = table_of(CapacityPool), table_of(CapacityReach)
    query = (
        sa.select(reach.c.pool_id, reach.c.zone_id)
        .join(pool, pool.c.id == reach.c.pool_id)
        .where(pool.c.day == day)
    )
    found: dict[str, set[str]] = {one.row.id: set() for one in pools}
    for row in conn.execute(query):
        if row.pool_id in found:
            found[row.pool_id].add(row.zone_id)
    return found


def _claims(
    conn: Connection, now: datetime, day: date
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Bookings and live holds by zone and pool; what a partner courier brings is in no pool."""
    booking, hold = table_of(DeliveryBooking), table_of(SlotHold)
    ours = sa.and_(booking.c.status != BookingStatus.CANCELLED, booking.c.partner_courier.is_(False))
    live = sa.and_(hold.c.status.in_(OCCUPYING), hold.c.expires_at > now)
    return _counted(conn, day, booking, ours), _counted(conn, day, hold, live)


def _counted(
    conn: Connection, day: date, claim: sa.Table, live: sa.ColumnElement[bool]
) -> Counter[tuple[str, str]]:
    pool = table_of(CapacityPool)
    query = (
        sa.select(claim.c.zone_id, claim.c.pool_id, sa.func.count().label("claims"))
        .join(pool, pool.c.id == claim.c.pool_id)
        .where(pool.c.day == day, live)
        .group_by(claim.c.zone_id, claim.c.pool_id)
    )
    return Counter({(row.zone_id, row.pool_id): row.claims for row in conn.execute(query)})
