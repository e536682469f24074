"""Write a locker down, and see to it that what is kept in it still fits its compartments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.compartments import lock_lockers, locker_room
from app.booking.tables import CompartmentClaim, DeliveryBooking, SlotHold
from app.database.rows import table_of
from app.places.locker_room import Goods, LockerRoom
from app.places.rules import CompartmentSize
from app.places.save_collection_point import save_collection_point
from app.places.tables import CollectionPoint
from app.values.actor import Actor
from app.values.point import Point
from app.values.window import Window

# As far ahead as anybody books, and more.
_AHEAD = timedelta(days=400)


def save_point(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    key: str,
    name: str,
    address_label: str,
    point: Point,
    locker: bool = False,
    compartments: Sequence[CompartmentSize] | None = None,
    kept_h: int | None = None,
) -> CollectionPoint:
    """`save_collection_point`; where a locker is smaller now, those who came last keep no compartment.

    Their goods go to the door, unless it is decided already that they go to the locker.
    """
    saved = save_collection_point(
        conn,
        actor=actor,
        key=key,
        name=name,
        address_label=address_label,
        point=point,
        locker=locker,
        compartments=compartments,
        kept_h=kept_h,
    )
    if saved.locker and compartments is not None:
        lock_lockers(conn, [saved.id])
        _refit(conn, now, saved.id)
    return saved


def _refit(conn: Connection, now: datetime, locker_id: str) -> None:
    """Who keeps a compartment keeps one of those that there are now, the oldest claim first."""
    claim, hold, booking = table_of(CompartmentClaim), table_of(SlotHold), table_of(DeliveryBooking)
    known = locker_room(conn, now=now, locker_ids=[locker_id], span=Window(now - _AHEAD, now + _AHEAD))
    live = {stay.holder: stay for stay in known.stays}
    volume_ml = hold.c.ambient_ml + hold.c.chilled_ml + hold.c.frozen_ml
    query = (
        sa.select(claim.c.hold_id, volume_ml.label("volume_ml"), booking.c.id, booking.c.lockers)
        .join(hold, hold.c.id == claim.c.hold_id)
        .outerjoin(booking, booking.c.hold_id == claim.c.hold_id)
        .where(claim.c.locker_id == locker_id)
        .order_by(claim.c.hold_id)
    )
    theirs = [row for row in conn.execute(query) if row.hold_id in live]
    # Hours after the window are in the stays already.
    room = LockerRoom(known.sizes, {locker_id: timedelta()}, [])
    for row in sorted(theirs, key=_undecided):
        stay = live[row.hold_id]
        size = room.take(locker_id, Goods(row.hold_id, row.volume_ml, stay.span))
        mine = claim.c.hold_id == row.hold_id
        if size is not None:
            conn.execute(sa.update(claim).where(mine).values(compartment_id=size.id))
        elif _undecided(row):
            conn.execute(sa.delete(claim).where(mine))
        else:
            room.stays.append(stay)


def _undecided(row: Any) -> bool:
    """Whether the goods may still go to the door."""
    return row.id is None or bool(row.lockers)
