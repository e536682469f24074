"""The orders that are still to come of a zone and day: what is forecast, less what is booked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.tables import PlanningFigures
from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityPool
from app.database.rows import table_of
from app.demand.queries import Expected, expected
from app.places.tables import ServiceZone
from app.values.basket import GoodsTrait, needs_of

# Orders of so long say what orders need, beside so many that need nothing; what fewer than one in a
# thousand needs is left to the offers.
_RECENT = timedelta(weeks=8)
_UNKNOWN = 100
_LEAST_BP = 10


@dataclass(frozen=True, slots=True)
class ToCome:
    """What is forecast of some days, and what of it is booked already, by zone and day."""

    figures: PlanningFigures
    expected: Expected
    booked: Mapping[tuple[str, date], int]

    def orders(self, zone: ServiceZone, day: date) -> float:
        """The orders still to come; a day without a forecast is a usual one."""
        usual: float = zone.daily_orders * self.figures.weekday_bp[day.weekday()] / 10_000
        forecast = self.expected.orders.get((zone.id, day), usual)
        return max(0.0, forecast - self.booked.get((zone.id, day), 0))

    def weights(self, day: date) -> Mapping[str, float]:
        """How the orders of a day spread over the keys of its windows; empty where nothing is forecast."""
        return self.expected.weights(day)


def read_to_come(conn: Connection, *, figures: PlanningFigures, first: date, last: date) -> ToCome:
    """What is to come of the days `first`..`last`."""
    return ToCome(figures, expected(conn, first=first, last=last), _booked(conn, first, last))


def _booked(conn: Connection, first: date, last: date) -> dict[tuple[str, date], int]:
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    counted = conn.execute(
        sa.select(booking.c.zone_id, pool.c.day, sa.func.count().label("orders"))
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(booking.c.status != BookingStatus.CANCELLED, pool.c.day.between(first, last))
        .group_by(booking.c.zone_id, pool.c.day)
    )
    return {(row.zone_id, row.day): row.orders for row in counted}


def recent_needs(conn: Connection, *, now: datetime) -> tuple[tuple[tuple[str, ...], int], ...]:
    """The sets of skills that orders of the last weeks needed, with their share in basis points.

    Few orders say little: each share is of all orders and a hundred that need nothing. What was turned
    away for want of a vehicle is not among them: nobody keeps what was not booked.
    """
    booking = table_of(DeliveryBooking)
    traits = sa.cast(booking.c.traits, sa.Text)
    recent = sa.and_(booking.c.created_at > now - _RECENT, booking.c.status != BookingStatus.CANCELLED)
    query = sa.select(traits, sa.func.count()).where(recent).group_by(traits)
    counted: Counter[tuple[str, ...]] = Counter()
    for told, orders in conn.execute(query):
        counted[tuple(sorted(needs_of(frozenset(map(GoodsTrait, json.loads(told))))))] += orders
    most = counted.total() + _UNKNOWN
    shares = {needed: round(10_000 * orders / most) for needed, orders in counted.items() if needed}
    return tuple(sorted((needed, share) for needed, share in shares.items() if share >= _LEAST_BP))
