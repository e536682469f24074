"""Lockers as a shopper sees them for a window, and as operators see them on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.compartments import locker_room
from app.booking.errors import SlotNotFound
from app.booking.lockers import locker_policy
from app.booking.menu import span_of
from app.database.rows import rows, table_of
from app.handover.rules import HandoverMode, refused
from app.places.collection_points import collection_points_near, offered_lockers
from app.places.locker_room import Goods
from app.places.rules import LockerClosedReason
from app.places.tables import City, CollectionPoint
from app.places.zone_of import zone_of, zones_of
from app.slots.queries import slots_by_id
from app.values.basket import Basket
from app.values.point import Point, distance_m
from app.values.window import Window, day_begins

# So many of the nearest lockers are looked at, and so many offered: a zone has fewer.
_LOOKED_AT, MOST_OFFERED = 200, 20


@dataclass(frozen=True, slots=True)
class LockerOffer:
    """A locker for some windows: how far it is from the door, and why it cannot be had, if it cannot."""

    locker: CollectionPoint
    metres: int
    closed: LockerClosedReason | None


@dataclass(frozen=True, slots=True)
class CompartmentFill:
    """How many compartments of a size there are, and how many are taken at the busiest time of a day."""

    volume_ml: int
    count: int
    taken: int


@dataclass(frozen=True, slots=True)
class LockerFill:
    """A locker on a day, its sizes from the smallest."""

    locker: CollectionPoint
    sizes: tuple[CompartmentFill, ...]

    @property
    def count(self) -> int:
        """All compartments."""
        return sum(size.count for size in self.sizes)

    @property
    def taken(self) -> int:
        """Those that are taken, each size at its busiest time."""
        return sum(size.taken for size in self.sizes)


def locker_offers(
    conn: Connection,
    *,
    now: datetime,
    point: Point,
    slot_ids: Sequence[str],
    basket: Basket,
    limit: int,
    holder: str = "",
) -> list[LockerOffer]:
    """The lockers of the zone of a door, the nearest first, for a basket in these windows.

    Whoever takes one of several windows needs a compartment from the first of them to the last. Nothing is
    kept by asking; what the hold `holder` keeps counts as free. Raises OutOfZone, SlotNotFound.
    """
    slots = slots_by_id(conn, list(dict.fromkeys(slot_ids)))
    zone = zone_of(conn, point=point)
    if not slots or any(slot.zone_id != zone.id for slot in slots):
        raise SlotNotFound(field=("slotIds",))
    if locker_policy(conn) is None:
        return []
    near = collection_points_near(conn, point=point, limit=_LOOKED_AT, lockers=True)
    zones = zones_of(conn, points=[one.point for one in near])
    here = [one for one in near if (found := zones.get(one.point)) and found.id == zone.id][:limit]
    goods = Goods(holder, basket.volume_ml, span_of(slots))
    room = locker_room(conn, now=now, locker_ids=[one.id for one in here], span=goods.window)
    never = refused(HandoverMode.LOCKER, basket)
    return [
        LockerOffer(
            one, distance_m(point, one.point), LockerClosedReason.GOODS if never else room.shut(one.id, goods)
        )
        for one in here
    ]


def locker_fill(conn: Connection, *, now: datetime, day: date) -> list[LockerFill]:
    """Every locker that is offered, by its key, with what is taken of it on a local day."""
    lockers = offered_lockers(conn)
    city = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    if not lockers or not city:
        return []
    time_zone = city[0].time_zone
    span = Window(day_begins(day, time_zone), day_begins(day + timedelta(days=1), time_zone))
    room = locker_room(conn, now=now, locker_ids=[one.id for one in lockers], span=span)
    return [
        LockerFill(
            one,
            tuple(
                CompartmentFill(size.volume_ml, size.count, room.taken(size.id, span))
                for size in room.sizes.get(one.id, ())
            ),
        )
        for one in lockers
    ]
