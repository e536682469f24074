"""Decide where a booking goes whose customer accepts a locker beside the door."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.compartments import given_back, kept_again, lock_lockers
from app.booking.lock_unchanged import Outdated
from app.booking.lockers import locker_policy, usable
from app.booking.rules import TO_BRING
from app.booking.tables import DeliveryBooking, PromiseChange
from app.capacity.adjust import adjust
from app.capacity.rules import drop_s
from app.capacity.tables import CapacityPool
from app.database.rows import add, by_id, made, one_or_none, row_of, table_of
from app.handover.queries import preference_by_id
from app.handover.rules import HandoverMode
from app.handover.tables import DropPreference, HandoverPolicy
from app.places.tables import CollectionPoint
from app.slots.queries import slots_by_id
from app.tours.place import settle as settle_stop
from app.tours.rules import TourStop
from app.values.actor import Actor
from app.values.load import Load


def settle_place(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    booking_id: str,
    locker_id: str | None,
    counted: bool = False,
    tell: bool = True,
) -> DeliveryBooking | None:
    """The booking, which goes to the locker, or to its door where none is given; None where it was decided.

    Its pool counts the time at the locker from now on, unless it is `counted` already. With `tell` its
    customer is told of the locker; who is told of a window in the same transaction reads the place there.
    Raises ValueError for a locker that its customer has not accepted, or that its goods may not go to, and
    Outdated for one that has no compartment for it any more.
    """
    table = table_of(DeliveryBooking)
    query = sa.select(table).where(table.c.id == booking_id).with_for_update()
    booking = one_or_none(conn, DeliveryBooking, query)
    if booking is None or not booking.lockers or booking.status not in TO_BRING:
        return None
    changes: dict[str, Any] = {"lockers": [], "version": booking.version + 1, "changed_at": now}
    here: CollectionPoint | None = None
    if locker_id is not None:
        # One that operators have just removed is still there: what was planned to it goes to it.
        here, policy = by_id(conn, CollectionPoint, locker_id), locker_policy(conn)
        if here is None or policy is None or not usable({here.id: here}, booking.lockers, booking.basket):
            raise ValueError(f"{booking.id} cannot go to {locker_id}")
        _in_compartment(conn, now, booking, here)
        work_s = drop_s(booking.reach_work_s, booking.handover_bp, policy.at_door_s)
        if not counted and not _counted(conn, now, actor, booking, here, work_s):
            # A locker that takes longer than the door, and a full pool: the tours have time for it.
            work_s = booking.work_s
        preference = _preference(now, policy)
        add(conn, preference)
        changes |= {
            "address_label": f"{here.name}, {here.address_label}",
            "address_line2": None,
            "latitude": here.latitude,
            "longitude": here.longitude,
            "drop_preference_id": preference.id,
            "work_s": work_s,
        }
    else:
        given_back(conn, hold_id=booking.hold_id)
    conn.execute(sa.update(table).where(table.c.id == booking.id).values(**changes))
    settled = row_of(DeliveryBooking, {**booking.model_dump(), **changes})
    if here is not None:
        _on_tours(conn, now, settled)
        add(conn, _line(now, actor, settled, here))
        _leave_word(conn, now, settled, here.id, tell=tell)
    return settled


def _in_compartment(
    conn: Connection, now: datetime, booking: DeliveryBooking, locker: CollectionPoint
) -> None:
    """The goods have a compartment there from now on; raises Outdated where others have taken all."""
    lock_lockers(conn, [locker.id])
    found = kept_again(
        conn,
        now=now,
        hold_id=booking.hold_id,
        locker_ids=[locker.id],
        basket=booking.basket,
        window=booking.window,
    )
    if found is None:
        raise Outdated(booking.id)


def _counted(
    conn: Connection,
    now: datetime,
    actor: Actor,
    booking: DeliveryBooking,
    locker: CollectionPoint,
    work_s: int,
) -> bool:
    """Whether its pool counts the time at the locker from now on; nothing changes where it has no room."""
    if booking.partner_courier or work_s == booking.work_s:
        return True
    return adjust(
        conn,
        now=now,
        actor=actor.name,
        pool_id=booking.pool_id,
        booked=Load(work_s=work_s - booking.work_s),
        reference=booking.id,
        reason=f"it goes to the locker {locker.name}",
    )


def _preference(now: datetime, policy: HandoverPolicy) -> DropPreference:
    return made(
        DropPreference,
        mode=HandoverMode.LOCKER,
        ring_bell=False,
        at_door_s=policy.at_door_s,
        # What was agreed stays: a locker costs the customer nothing more.
        fee_minor=0,
        proof=list(policy.proof),
        created_at=now,
    )


def _on_tours(conn: Connection, now: datetime, booking: DeliveryBooking) -> None:
    """The tentative stop goes there too; where no tour can, it is unplaced and somebody sees to it."""
    pool = by_id(conn, CapacityPool, booking.pool_id)
    if pool is None or booking.partner_courier:
        return
    load = booking.basket.load(0)
    stop = TourStop(
        reference=booking.hold_id,
        class_id=pool.vehicle_class_id,
        zone_id=booking.zone_id,
        point=booking.point,
        window=slots_by_id(conn, [booking.slot_id])[0].window,
        at_door_s=preference_by_id(conn, booking.drop_preference_id).at_door_s,
        load=Load(0, 0, load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml),
    )
    settle_stop(conn, now=now, key=(pool.node_id, pool.day), stop=stop)


def _line(now: datetime, actor: Actor, booking: DeliveryBooking, locker: CollectionPoint) -> PromiseChange:
    return PromiseChange(
        booking_id=booking.id,
        at=now,
        actor=actor.name,
        reason=f"it goes to the locker {locker.name}, which was accepted beside the door",
        before_starts_at=booking.starts_at,
        before_ends_at=booking.ends_at,
        after_starts_at=booking.starts_at,
        after_ends_at=booking.ends_at,
    )


def _leave_word(
    conn: Connection, now: datetime, booking: DeliveryBooking, locker_id: str, *, tell: bool
) -> None:
    facts = {"booking_id": booking.id, "version": booking.version, "locker_id": locker_id}
    events.record(conn, now=now, topic=f"booking:{booking.id}", kind="booking.placed", payload=facts)
    if tell:
        key = f"booking_placed:{booking.id}"
        jobs.later(conn, now=now, kind="engagement.booking_placed", payload=facts, dedup_key=key)
