"""Say what the vehicles of a class with their crews can do, and find what they are booked for and cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.rules import LOADED_BEFORE, TO_BRING
from app.booking.tables import DeliveryBooking
from app.capacity.reasons import check_reason
from app.capacity.tables import CapacityPool
from app.database.rows import AsRow, row_of, rows, table_of
from app.errors import OperatorsOnly
from app.fleet.errors import VehicleClassNotFound
from app.fleet.queries import class_by_id
from app.fleet.seen import DESCRIBED
from app.fleet.tables import VehicleClass
from app.values.actor import Actor
from app.values.basket import VehicleSkill


@dataclass(frozen=True, slots=True)
class DescribedClass:
    """A class as it is now, and the bookings that its vehicles cannot bring any more: others are found."""

    kind: Annotated[VehicleClass, AsRow()]
    unable: tuple[Annotated[DeliveryBooking, AsRow()], ...]


def describe_class(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    class_id: str,
    skills: frozenset[VehicleSkill] | None,
    reason: str,
    dry_run: bool = False,
) -> DescribedClass:
    """What a class can do from now on; None: what is usual for its kind. Offers heed it at once.

    Nobody is moved by it: bookings that the class cannot bring any more are assigned anew within the minute,
    inside what was promised, as long as they are not loaded. With `dry_run`, or where it is said already,
    nothing is written. Raises OperatorsOnly, VehicleClassNotFound, ReasonMissing.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    check_reason(reason)
    known = class_by_id(conn, class_id)
    if known is None:
        raise VehicleClassNotFound(field=("input", "vehicleClassId"))
    after = row_of(VehicleClass, {**known.model_dump(), "skills": skills})
    lost = known.able - after.able
    unable = _booked(conn, now, known, lost) if lost else []
    if not dry_run and after.skills != known.skills:
        table = table_of(VehicleClass)
        conn.execute(sa.update(table).where(table.c.id == known.id).values(skills=skills))
        _leave_word(conn, now, actor, known, after, reason, [booking for booking, _ in unable])
        _assign(conn, now, unable)
    return DescribedClass(known if dry_run else after, tuple(booking for booking, _ in unable))


type _Booked = tuple[DeliveryBooking, CapacityPool]


def _booked(
    conn: Connection, now: datetime, kind: VehicleClass, lost: frozenset[VehicleSkill]
) -> list[_Booked]:
    """The bookings that the class brings, that are not loaded, and that need what it loses."""
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    mine = sa.and_(pool.c.vehicle_class_id == kind.id, pool.c.starts_at > now + LOADED_BEFORE)
    pools = {one.id: one for one in rows(conn, CapacityPool, sa.select(pool).where(mine))}
    query = (
        sa.select(booking)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(mine, booking.c.status.in_(TO_BRING), booking.c.partner_courier.is_(False))
        .order_by(booking.c.starts_at, booking.c.id)
    )
    found = [(one, pools[one.pool_id]) for one in rows(conn, DeliveryBooking, query)]
    return [(one, its) for one, its in found if one.basket.needs & lost]


def _leave_word(
    conn: Connection,
    now: datetime,
    actor: Actor,
    before: VehicleClass,
    after: VehicleClass,
    reason: str,
    unable: Sequence[DeliveryBooking],
) -> None:
    facts = {
        "vehicle_class_id": after.id,
        "actor": actor.name,
        "reason": reason,
        "before": sorted(before.able),
        "after": sorted(after.able),
        "unable": [booking.id for booking in unable],
    }
    events.record(conn, now=now, topic=f"vehicle_class:{after.id}", kind=DESCRIBED, payload=facts)


def _assign(conn: Connection, now: datetime, unable: Sequence[_Booked]) -> None:
    for day in sorted({pool.day for _, pool in unable}):
        told = {
            "day": day.isoformat(),
            "bookings": [booking.id for booking, pool in unable if pool.day == day],
            "nodes": sorted({pool.node_id for _, pool in unable if pool.day == day}),
        }
        jobs.later(
            conn,
            now=now,
            kind="assignment.unable",
            payload=told,
            max_attempts=5,
        )
