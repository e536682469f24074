"""What published tours mean to a disruption: which of them fail, what stays loaded, what is stranded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.rules import LOADED_BEFORE, TO_BRING, BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.disruption.affected import Affected
from app.disruption.rules import TAKEN_OVER, DisruptionKind
from app.disruption.tables import Disruption
from app.fleet.tables import VehicleClass
from app.tours.tables import Stop, Tour
from app.values.load import Load

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Hit:
    """`stranded`: bookings on tours that fail, `on_the_road` those of them in a vehicle that has left.

    `loaded`: those on tours of others, which stay as they are.
    """

    stranded: frozenset[str] = frozenset()
    on_the_road: frozenset[str] = frozenset()
    loaded: frozenset[str] = frozenset()


def hit_by(conn: Connection, *, now: datetime, disruption: Disruption, day: date) -> Hit:
    """What of a day's published tours a disruption strands, and what is loaded or on the road elsewhere."""
    tour, stop, booking = table_of(Tour), table_of(Stop), table_of(DeliveryBooking)
    tours = rows(conn, Tour, sa.select(tour).where(tour.c.day == day).order_by(tour.c.leaves_at, tour.c.id))
    failing = {one.id for one in _failing(conn, now, disruption, tours)}
    gone = {one.id for one in tours if one.leaves_at <= now}
    loaded = {one.id for one in tours if one.leaves_at <= now + LOADED_BEFORE} - failing
    if disruption.kind is DisruptionKind.NODE:
        # What has not left yet is not brought from there, loaded or not.
        loaded = {one.id for one in tours if one.id in loaded and one.leaves_at <= now}
    query = (
        sa.select(stop.c.booking_id, stop.c.tour_id)
        .join(booking, booking.c.id == stop.c.booking_id)
        .where(stop.c.tour_id.in_(sorted(failing | loaded)), booking.c.status.in_(TO_BRING))
    )
    on = {row.booking_id: row.tour_id for row in conn.execute(query)}
    barred = {str(key) for key in disruption.barred}
    return Hit(
        stranded=frozenset(key for key, at in on.items() if at in failing),
        on_the_road=frozenset(key for key, at in on.items() if at in failing & gone),
        loaded=frozenset(key for key, at in on.items() if at in loaded and key not in barred),
    )


def _failing(conn: Connection, now: datetime, disruption: Disruption, tours: Sequence[Tour]) -> list[Tour]:
    """The tours that are not driven, or not to their end."""
    here = [
        one
        for one in tours
        if one.node_id == disruption.node_id
        and one.returns_at > disruption.starts_at
        and (disruption.ends_at is None or one.leaves_at < disruption.ends_at)
    ]
    if disruption.vehicle_id is not None:
        return [one for one in here if one.vehicle_id == disruption.vehicle_id]
    waiting = [one for one in here if one.leaves_at > now]
    if disruption.kind is DisruptionKind.NODE:
        return waiting
    if disruption.kind is DisruptionKind.COURIER:
        return _without_courier(conn, disruption, waiting)
    return []


def _without_courier(conn: Connection, disruption: Disruption, waiting: Sequence[Tour]) -> list[Tour]:
    """Where nobody says whose courier it is: the tour of the kind, not on the road, that harms least."""
    kind = table_of(VehicleClass)
    mine = set(conn.execute(sa.select(kind.c.id).where(kind.c.kind == disruption.vehicle_kind)).scalars())
    of_kind = [one for one in waiting if one.vehicle_class_id in mine]
    return sorted(of_kind, key=lambda one: (one.load_orders, one.leaves_at, one.id))[:1]


def call_back(conn: Connection, *, now: datetime, disruption: Disruption, found: Affected) -> None:
    """What was on its way in a vehicle that fails is on its way no longer: another one has to bring it.

    Without published tours nobody knows what was in which vehicle: then that of pools that lost them all.
    """
    if disruption.kind not in (DisruptionKind.VEHICLE, DisruptionKind.COURIER):
        return
    booking, stop, tour = table_of(DeliveryBooking), table_of(Stop), table_of(Tour)
    out = booking.c.status == BookingStatus.OUT_FOR_DELIVERY
    on_it = (
        sa.select(stop.c.booking_id)
        .join(tour, tour.c.id == stop.c.tour_id)
        .where(tour.c.vehicle_id == disruption.vehicle_id, tour.c.day.in_(list(found.days)))
    )
    lost = [loss.pool.id for loss in found.losses if loss.after == Load()]
    known = sa.select(stop.c.booking_id)
    alone = sa.and_(booking.c.pool_id.in_(lost), booking.c.id.not_in(known))
    theirs = sa.or_(booking.c.id.in_(on_it), alone)
    back = {"status": BookingStatus.IN_FULFILMENT, "version": booking.c.version + 1, "changed_at": now}
    called = sa.update(booking).where(out, theirs).values(**back).returning(booking.c.id)
    for booking_id in sorted(conn.execute(called).scalars()):
        facts = {
            "booking_id": booking_id,
            "before": BookingStatus.OUT_FOR_DELIVERY,
            "after": BookingStatus.IN_FULFILMENT,
            "actor": disruption.actor,
            "reason": disruption.reason,
        }
        events.record(conn, now=now, topic=f"booking:{booking_id}", kind="booking.advanced", payload=facts)


def take_off(conn: Connection, booking_ids: Collection[str]) -> None:
    """These bookings are on no published tour any more."""
    stop, ids = table_of(Stop), sorted(booking_ids)
    for start in range(0, len(ids), _CHUNK):
        conn.execute(sa.delete(stop).where(stop.c.booking_id.in_(ids[start : start + _CHUNK])))


def mend_tours(
    conn: Connection,
    *,
    now: datetime,
    disruption: Disruption,
    run_id: str,
    day: date,
    pool_ids: Collection[str],
    on_the_road: Collection[str],
) -> None:
    """Leave word that the published tours of these pools' nodes are mended.

    Goods that were `on_the_road` in what failed are at the node again after TAKEN_OVER.
    """
    ready = dict.fromkeys(sorted(on_the_road), (now + TAKEN_OVER).isoformat())
    pool, tour = table_of(CapacityPool), table_of(Tour)
    ids = sorted(pool_ids)
    nodes = set(conn.execute(sa.select(pool.c.node_id).where(pool.c.id.in_(ids))).scalars())
    known = sa.select(tour.c.node_id).where(tour.c.day == day, tour.c.node_id.in_(sorted(nodes)))
    for node_id in sorted(set(conn.execute(known).scalars())):
        told = {"node_id": node_id, "day": day.isoformat(), "disruption_id": disruption.id, "ready": ready}
        key = f"tours.mend:{node_id}:{day}:{run_id}"
        jobs.later(conn, now=now, kind="tours.mend", payload=told, dedup_key=key, max_attempts=5)
