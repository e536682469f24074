"""Which bookings of a node and day may be served by another class of vehicles, and by which pools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import BookingStatus
from app.booking.stops import stop_of
from app.booking.tables import DeliveryBooking
from app.capacity.queries import reaches_of
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.fleet.rules import MOTORED
from app.handover.queries import preferences_by_id
from app.places.closures import barred, closed_streets
from app.pricing.rules import promised_grams
from app.slots.closings import Closings, Gate
from app.slots.queries import all_closings, slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.rules import TourStop
from app.values.load import Load
from app.values.window import Window

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class OtherPool:
    """A pool that may serve a booking instead of its own, and what the booking would take there."""

    reach: Reach
    load: Load


@dataclass(frozen=True, slots=True)
class Movable:
    """A booking that may change its pool unnoticed; `pools` are of other classes, the best one first.

    `stop` is what it is on the tours of its own class.
    """

    booking: DeliveryBooking
    pools: tuple[OtherPool, ...]
    stop: TourStop

    @property
    def classes(self) -> frozenset[str]:
        """The classes that may bring it beside its own."""
        return frozenset(other.reach.class_id for other in self.pools)


def movable(conn: Connection, *, now: datetime, node_id: str, day: date) -> dict[str, Movable]:
    """The confirmed bookings whose goods are not picked yet and that other classes may bring, by hold.

    The same node within the slot that was promised, goods that the class carries with their temperatures,
    the handover as it was chosen, no more grams than a greener choice was promised, no motor vehicle into a
    closed street. Holds stay: their shoppers are looking at them.
    """
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    here = sa.and_(pool.c.node_id == node_id, pool.c.day == day)
    pools = {one.id: one for one in rows(conn, CapacityPool, sa.select(pool).where(here))}
    query = (
        sa.select(booking)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(
            here,
            booking.c.status == BookingStatus.CONFIRMED,
            booking.c.partner_courier.is_(False),
            booking.c.cutoff_at > now,
        )
        .order_by(booking.c.id)
    )
    found = rows(conn, DeliveryBooking, query)
    slots = {slot.id: slot for slot in slots_by_id(conn, sorted({one.slot_id for one in found}))}
    doors = preferences_by_id(conn, [one.drop_preference_id for one in found])
    reaches = _reaches(conn, now, node_id, day, slots.values())
    closings = all_closings(conn, first=day, last=day)
    closed = closed_streets(conn, Window(now, max((one.ends_at for one in found), default=now) + _SECOND))
    made = {}
    for one in found:
        own, slot = pools[one.pool_id], slots[one.slot_id]
        at_door_s = doors[one.drop_preference_id].at_door_s
        may = [
            reach
            for reach in reaches[one.zone_id]
            if reach.class_id != own.vehicle_class_id
            and _may(one, slot, reach, closings, now)
            and not (
                reach.vehicle_kind in MOTORED and barred(closed, reach.window, one.point, one.address_label)
            )
        ]
        others = tuple(
            OtherPool(reach, one.basket.load(reach.drop_s(at_door_s)))
            for reach in sorted(may, key=partial(_order, own.starts_at, at_door_s))
        )
        if others:
            stop = stop_of(
                reference=one.hold_id,
                slot=slot,
                point=one.point,
                reach=others[0].reach,
                basket=one.basket,
                at_door_s=at_door_s,
            )
            made[one.hold_id] = Movable(one, others, replace(stop, class_id=own.vehicle_class_id))
    return made


def _order(bucket_starts_at: datetime, at_door_s: int, reach: Reach) -> tuple[bool, int, str]:
    """The same hour first, which keeps its picking wave and the shape of the day; then the cheapest."""
    return reach.window.start != bucket_starts_at, reach.marginal_minor(at_door_s), reach.pool_id


def _may(
    booking: DeliveryBooking, slot: DeliverySlot, reach: Reach, closings: Closings, now: datetime
) -> bool:
    """Whether everything that was promised stays when this pool serves the booking."""
    most_grams = promised_grams(booking.fee_parts, booking.grams)
    return (
        slot.window.covers(reach.window)
        and reach.window.start > now
        and reach.carries(booking.basket)
        and (most_grams is None or reach.grams <= most_grams)
        and closings.gate(slot, reach.node_id, reach.window, now) is not Gate.BLACKOUT
    )


def _reaches(
    conn: Connection, now: datetime, node_id: str, day: date, slots: Collection[DeliverySlot]
) -> Mapping[str, list[Reach]]:
    """The pools of the node and day that reach each zone."""
    found: dict[str, list[Reach]] = {}
    for zone_id in sorted({slot.zone_id for slot in slots}):
        mine = [slot.window for slot in slots if slot.zone_id == zone_id]
        span = Window(min(one.start for one in mine), max(one.end for one in mine))
        all_of = reaches_of(conn, now=now, zone_id=zone_id, span=span)
        found[zone_id] = [reach for reach in all_of if (reach.node_id, reach.day) == (node_id, day)]
    return found
