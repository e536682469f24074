"""Read what an assignment of a day's bookings must know, and which of them may still move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.tables import AssignmentFigures, BookingAllocation, BookingMove
from app.booking.compartments import allotted
from app.booking.flexible import choices_of, flexible_of
from app.booking.lockers import locker_policy
from app.booking.rules import TO_BRING, BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.queries import reaches_of
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool, PickLoad
from app.database.rows import rows, table_of
from app.fleet.rules import VehicleKind
from app.fleet.tables import VehicleClass, WageRule
from app.handover.queries import preferences_by_id
from app.handover.tables import DropPreference, HandoverPolicy
from app.places.collection_points import lockers_by_id
from app.places.tables import CollectionPoint, FulfilmentNode
from app.slots.closings import Closings
from app.slots.queries import all_closings, slots_by_id
from app.slots.tables import DeliverySlot
from app.values.basket import VehicleSkill
from app.values.window import Window

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """Which bookings a run may move.

    `lost` are pools that have lost vehicles: what is in them may move whatever has been picked. `barred` are
    kinds of vehicles that cannot reach some bookings any more. `loaded` are on other vehicles already, and
    stay; `stranded` may move wherever they are. `at_cutoff`: what was not assigned since its cut-off is not
    picked yet.
    """

    lost: frozenset[str] = frozenset()
    at_cutoff: bool = False
    barred: Mapping[str, frozenset[VehicleKind]] = field(default_factory=dict)
    loaded: frozenset[str] = frozenset()
    stranded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """The rows a problem is made of; `reaches` by pool and zone, `windows` those of flexible bookings."""

    now: datetime
    figures: AssignmentFigures
    currency: str
    wage_minor_per_h: int
    pools: list[CapacityPool]
    able: dict[str, frozenset[VehicleSkill]]
    waves: dict[str, PickLoad]
    bookings: list[DeliveryBooking]
    present: dict[str, CapacityPool]
    assigned_at: dict[str, datetime]
    toured: frozenset[str]
    windows: dict[str, list[DeliverySlot]]
    slots: dict[str, DeliverySlot]
    reaches: dict[tuple[str, str], Reach]
    by_zone: dict[str, list[Reach]]
    preferences: dict[str, DropPreference]
    closings: Closings
    lockers: dict[str, CollectionPoint]
    # The lockers that have a compartment for a booking, by booking.
    roomy: Mapping[str, Sequence[str]]
    locker_policy: HandoverPolicy | None


def read_facts(conn: Connection, now: datetime, day: date, scope: Scope) -> Facts:
    """All of it, of the bookings that a run may move."""
    table = table_of(CapacityPool)
    all_pools = rows(
        conn, CapacityPool, sa.select(table).where(table.c.day == day, table.c.ends_at > now).order_by("id")
    )
    present = {pool.id: pool for pool in all_pools}
    assigned_at = _assigned_at(conn, day)
    open_bookings = [
        booking
        for booking in _bookings(conn, now, day)
        if _open(now, booking, present, assigned_at.get(booking.id), scope)
    ]
    pools = [p for p in all_pools if p.starts_at > now or p.id in scope.lost]
    zones = sorted({booking.zone_id for booking in open_bookings})
    by_zone = {zone: _reaches(conn, now, zone, pools) for zone in zones}
    wages = rows(conn, WageRule, sa.select(table_of(WageRule)).order_by(sa.desc("valid_from")).limit(1))
    flexible = flexible_of(conn, [booking.id for booking in open_bookings])
    undecided = [b for b in open_bookings if b.id in flexible and flexible[b.id].narrowed_at is None]
    choices = choices_of(conn, [booking.hold_id for booking in undecided])
    load = table_of(PickLoad)
    return Facts(
        now=now,
        figures=_figures(conn, pools),
        currency=open_bookings[0].currency if open_bookings else (wages[0].currency if wages else "EUR"),
        wage_minor_per_h=wages[0].wage_minor_per_h if wages else 1_700,
        pools=pools,
        able={one.id: one.able for one in rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))},
        waves={w.id: w for w in rows(conn, PickLoad, sa.select(load).where(load.c.day == day))},
        bookings=open_bookings,
        present=present,
        assigned_at=assigned_at,
        toured=_toured(conn, day),
        windows={b.id: choices[b.hold_id] for b in undecided},
        slots={s.id: s for s in slots_by_id(conn, [b.slot_id for b in open_bookings])},
        reaches={(r.pool_id, zone): r for zone, found in by_zone.items() for r in found},
        by_zone=by_zone,
        preferences=preferences_by_id(conn, [one.drop_preference_id for one in open_bookings]),
        closings=all_closings(conn, first=day, last=day),
        lockers=lockers_by_id(conn, [key for booking in open_bookings for key in booking.lockers]),
        roomy=allotted(conn, now=now, bookings=open_bookings),
        locker_policy=locker_policy(conn),
    )


def _bookings(conn: Connection, now: datetime, day: date) -> list[DeliveryBooking]:
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    query = (
        sa.select(booking)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(pool.c.day == day, booking.c.status.in_(TO_BRING), booking.c.ends_at > now)
        .order_by(booking.c.created_at, booking.c.id)
    )
    return rows(conn, DeliveryBooking, query)


def _open(
    now: datetime,
    booking: DeliveryBooking,
    present: Mapping[str, CapacityPool],
    assigned_at: datetime | None,
    scope: Scope,
) -> bool:
    """Whether a run may move it: what is picked stays, unless what should bring it is lost."""
    pool = present.get(booking.pool_id)
    if booking.id in scope.loaded:
        return False
    if booking.partner_courier or booking.pool_id in scope.lost or booking.id in scope.barred:
        return True
    if booking.id in scope.stranded:
        return True
    if pool is None or pool.starts_at <= now or booking.status is not BookingStatus.CONFIRMED:
        return False
    return not is_picked(now, booking, assigned_at, scope)


def is_picked(now: datetime, booking: DeliveryBooking, assigned_at: datetime | None, scope: Scope) -> bool:
    """Whether the goods of a booking lie in their node by now, or are on their way."""
    if booking.status is not BookingStatus.CONFIRMED:
        return True
    if now < booking.cutoff_at:
        return False
    return not scope.at_cutoff or (assigned_at is not None and assigned_at >= booking.cutoff_at)


def _assigned_at(conn: Connection, day: date) -> dict[str, datetime]:
    allocation, booking = table_of(BookingAllocation), table_of(DeliveryBooking)
    pool = table_of(CapacityPool)
    query = (
        sa.select(allocation.c.booking_id, allocation.c.at)
        .join(booking, booking.c.id == allocation.c.booking_id)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(pool.c.day == day)
    )
    return {row.booking_id: row.at for row in conn.execute(query)}


def _toured(conn: Connection, day: date) -> frozenset[str]:
    """The bookings whose pool was chosen with better tentative tours."""
    move, booking = table_of(BookingMove), table_of(DeliveryBooking)
    pool = table_of(CapacityPool)
    query = (
        sa.select(booking.c.id)
        .join(pool, pool.c.id == booking.c.pool_id)
        .join(move, sa.and_(move.c.booking_id == booking.c.id, move.c.after_pool_id == booking.c.pool_id))
        .where(pool.c.day == day, move.c.run_id.is_(None))
    )
    return frozenset(conn.execute(query).scalars())


def _reaches(conn: Connection, now: datetime, zone_id: str, pools: Sequence[CapacityPool]) -> list[Reach]:
    if not pools:
        return []
    span = Window(min(p.starts_at for p in pools), max(p.ends_at for p in pools))
    known = {pool.id for pool in pools}
    return [r for r in reaches_of(conn, now=now, zone_id=zone_id, span=span) if r.pool_id in known]


def _figures(conn: Connection, pools: Sequence[CapacityPool]) -> AssignmentFigures:
    node, table = table_of(FulfilmentNode), table_of(AssignmentFigures)
    nodes = {pool.node_id for pool in pools}
    query = sa.select(table).where(table.c.city_id.in_(sa.select(node.c.city_id).where(node.c.id.in_(nodes))))
    return next(iter(rows(conn, AssignmentFigures, query)), AssignmentFigures(city_id=""))
