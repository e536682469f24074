"""Better tentative tours that give bookings to other vehicles: tours, pools and bookings change as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.tables import BookingMove
from app.booking.columns import served_by
from app.booking.lock_unchanged import Outdated, lock_unchanged
from app.booking.other_pools import Movable, OtherPool
from app.booking.tables import DeliveryBooking
from app.capacity.transfer import Transfer, transfer
from app.database.rows import add, table_of
from app.tours.improve import swap
from app.tours.queries import KnownSheet
from app.tours.sheet import Sheet
from app.values.load import Load

ACTOR = "tours"
REASON = "the tours are shorter with this vehicle"


@dataclass(frozen=True, slots=True)
class Change:
    """A booking and the pool of another class that is to serve it."""

    movable: Movable
    enters: OtherPool


def change_vehicles(
    conn: Connection, *, now: datetime, known: KnownSheet, sheet: Sheet, changes: Sequence[Change]
) -> None:
    """The tours are those of `sheet` from now on, and the bookings that changed their class have its pools.

    Bookings, then picking waves and pools, then tours are locked. Nothing that was promised changes; each
    move is in the ledger and in the history of its booking. Raises Outdated where the tours or a booking
    are not as they were, NoRoom where a pool has less room by now; then the transaction must end.
    """
    bookings = [change.movable.booking for change in changes]
    if changes:
        lock_unchanged(conn, bookings=bookings)
        transfers = [_transfer(change) for change in changes]
        transfer(conn, now=now, actor=ACTOR, reason=REASON, transfers=transfers, overtime_s={})
    if not swap(conn, now=now, known=known, sheet=sheet):
        raise Outdated(known.stamp)
    table = table_of(DeliveryBooking)
    for change in changes:
        booking, reach = change.movable.booking, change.enters.reach
        values = {"version": booking.version + 1, "changed_at": now}
        values |= served_by(reach, change.enters.load.work_s)
        conn.execute(sa.update(table).where(table.c.id == booking.id).values(**values))
    add(conn, *(_move(now, change) for change in changes))


def pools_for(
    wanted: Mapping[str, str], movables: Mapping[str, Movable]
) -> tuple[list[Change], dict[str, str]]:
    """The first pool with room for each booking, and those for which no pool of the class has any.

    `wanted` is a class by hold. What leaves makes room for what comes.
    """
    rooms = _Rooms([movables[reference] for reference in wanted])
    found: list[Change] = []
    refused: dict[str, str] = {}
    for reference, class_id in sorted(wanted.items()):
        movable = movables[reference]
        enters = next(
            (one for one in movable.pools if one.reach.class_id == class_id and rooms.takes(one)), None
        )
        if enters is None:
            refused[reference] = class_id
        else:
            found.append(Change(movable, enters))
    return found, refused


class _Rooms:
    """What pools and picking waves can still take, as far as is known."""

    def __init__(self, movables: Collection[Movable]) -> None:
        known = {other.reach.pool_id: other.reach for one in movables for other in one.pools}
        self._free = {pool_id: reach.free for pool_id, reach in known.items()}
        self._waves = {reach.wave: reach.pick_free for reach in known.values() if reach.wave is not None}
        for one in movables:
            self._leaves(one, known[one.booking.pool_id].wave if one.booking.pool_id in known else None)

    def _leaves(self, one: Movable, wave: str | None) -> None:
        pool_id = one.booking.pool_id
        if pool_id in self._free:
            self._free[pool_id] = self._free[pool_id] + one.booking.load
        if wave is not None:
            self._waves[wave] = (self._waves[wave] or 0) + 1

    def takes(self, other: OtherPool) -> bool:
        """Whether there is room, which is taken then."""
        reach = other.reach
        free = self._free[reach.pool_id]
        kept = Load(max(0, reach.kept_orders))
        picked = reach.wave is None or (self._waves[reach.wave] or 0) > 0
        if not picked or not (other.load + kept).fits(free):
            return False
        self._free[reach.pool_id] = free - other.load
        if reach.wave is not None:
            self._waves[reach.wave] = (self._waves[reach.wave] or 0) - 1
        return True


def _transfer(change: Change) -> Transfer:
    booking = change.movable.booking
    return Transfer(
        reference=booking.id,
        audience=booking.customer_group,
        leaves=booking.pool_id,
        left=booking.load,
        enters=change.enters.reach.pool_id,
        taken=change.enters.load,
    )


def _move(now: datetime, change: Change) -> BookingMove:
    booking = change.movable.booking
    return BookingMove(
        booking_id=booking.id,
        at=now,
        actor=ACTOR,
        reason=REASON,
        before_pool_id=booking.pool_id,
        after_pool_id=change.enters.reach.pool_id,
    )
