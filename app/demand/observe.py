"""Write down what was ordered for a day that is over, and where everything was sold out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityPool, CapacityReach
from app.database.rows import add, rows, table_of
from app.demand.tables import ObservedDay, ObservedDemand
from app.places.tables import City
from app.slots.rules import holiday_on
from app.slots.tables import DeliverySlot, SlotTemplate


def observe(conn: Connection, *, now: datetime, day: date) -> ObservedDay:
    """The orders of a local day by zone and window; what was written down of it before is replaced.

    Cancelled orders are not counted: what is planned for is what is brought. An order that was moved counts
    where it was moved to.
    """
    ordered = _ordered(conn, day)
    full = _sold_out(conn, day)
    cells = [
        ObservedDemand(
            day=day,
            zone_id=zone_id,
            window_key=key,
            orders=ordered.get((zone_id, key), 0),
            sold_out=full.get((zone_id, key), False),
        )
        for zone_id, key in sorted(ordered.keys() | {place for place, out in full.items() if out})
    ]
    city = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    orders = sum(ordered.values())
    observed = ObservedDay(
        day=day,
        offered=orders > 0 or not all(full.values()),
        holiday=holiday_on(day, city[0].country_code, city[0].holiday_region) if city else None,
        orders=orders,
        observed_at=now,
    )
    for model in (ObservedDemand, ObservedDay):
        table = table_of(model)
        conn.execute(sa.delete(table).where(table.c.day == day))
    add(conn, observed)
    add(conn, *cells)
    return observed


def _ordered(conn: Connection, day: date) -> dict[tuple[str, str], int]:
    """Orders that were not cancelled, by zone and window."""
    booking, slot, template = table_of(DeliveryBooking), table_of(DeliverySlot), table_of(SlotTemplate)
    counted = conn.execute(
        sa.select(slot.c.zone_id, template.c.key, sa.func.count().label("orders"))
        .join(slot, slot.c.id == booking.c.slot_id)
        .join(template, template.c.id == slot.c.template_id)
        .where(slot.c.day == day, booking.c.status != BookingStatus.CANCELLED)
        .group_by(slot.c.zone_id, template.c.key)
    )
    return {(row.zone_id, row.key): row.orders for row in counted}


@dataclass(frozen=True, slots=True)
class _Room:
    """A pool that had room for another drop in a zone."""

    starts_at: datetime
    ends_at: datetime


def _sold_out(conn: Connection, day: date) -> dict[tuple[str, str], bool]:
    """Whether each window of a zone had no pool left that could have taken one more drop there."""
    slot, template = table_of(DeliverySlot), table_of(SlotTemplate)
    offered = conn.execute(
        sa.select(slot.c.zone_id, template.c.key, slot.c.starts_at, slot.c.ends_at)
        .join(template, template.c.id == slot.c.template_id)
        .where(slot.c.day == day, slot.c.withdrawn_at.is_(None))
    ).all()
    roomy = _roomy(conn, day)
    out: dict[tuple[str, str], bool] = {}
    for row in offered:
        inside = (r for r in roomy[row.zone_id] if row.starts_at <= r.starts_at and r.ends_at <= row.ends_at)
        key = (row.zone_id, row.key)
        out[key] = not any(inside) and out.get(key, True)
    return out


def _roomy(conn: Connection, day: date) -> defaultdict[str, list[_Room]]:
    pool, reach = table_of(CapacityPool), table_of(CapacityReach)

    def left(dimension: str) -> sa.ColumnElement[int]:
        taken: sa.ColumnElement[int] = pool.c[f"held_{dimension}"] + pool.c[f"booked_{dimension}"]
        return pool.c[f"sell_{dimension}"] - taken

    found = conn.execute(
        sa.select(reach.c.zone_id, pool.c.starts_at, pool.c.ends_at)
        .join(reach, reach.c.pool_id == pool.c.id)
        .where(pool.c.day == day, left("orders") >= 1, left("work_s") >= reach.c.work_s)
    )
    by_zone: defaultdict[str, list[_Room]] = defaultdict(list)
    for row in found:
        by_zone[row.zone_id].append(_Room(row.starts_at, row.ends_at))
    return by_zone
