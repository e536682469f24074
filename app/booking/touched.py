"""The holds and bookings that a change of the calendar touches; it changes none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking, SlotHold, occupying
from app.capacity.tables import CapacityPool
from app.database.rows import row_of, table_of
from app.slots.align import Effect
from app.slots.tables import DeliverySlot

_CHUNK = 500
# What is over and done with is touched by nothing.
_OVER = (
    BookingStatus.DELIVERED,
    BookingStatus.PARTLY_DELIVERED,
    BookingStatus.FAILED,
    BookingStatus.RETURNED,
    BookingStatus.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class Touched:
    """A hold or a booking on a slot that closed, from whose node it closed, or whose cut-off moved."""

    claim: SlotHold | DeliveryBooking
    slot: DeliverySlot

    @property
    def booking(self) -> DeliveryBooking | None:
        """The booking, if it is one."""
        return self.claim if isinstance(self.claim, DeliveryBooking) else None

    @property
    def cutoff_at(self) -> datetime:
        """What was promised, and stays."""
        return self.claim.cutoff_at


def touched_claims(conn: Connection, *, now: datetime, effect: Effect) -> list[Touched]:
    """Bookings, then holds, on the slots that an effect closes, rests or moves, in order of time."""
    slots: dict[str, DeliverySlot] = {}
    nodes: dict[str, set[str | None]] = {}
    places: list[tuple[DeliverySlot, str | None]] = [(slot, None) for slot in effect.closed]
    places += [(move.slot, move.node_id) for move in effect.moved]
    places += effect.rested
    for slot, node in places:
        slots[slot.id] = slot
        nodes.setdefault(slot.id, set()).add(node)
    claims: list[tuple[SlotHold | DeliveryBooking, str]] = [
        *_claims(conn, DeliveryBooking, _lives(), list(slots)),
        *_claims(conn, SlotHold, _lasts(now), list(slots)),
    ]
    found = [
        Touched(claim, slots[claim.slot_id])
        for claim, node_id in claims
        if nodes[claim.slot_id] & {None, node_id}
    ]
    return sorted(found, key=lambda one: (isinstance(one.claim, SlotHold), one.slot.starts_at, one.claim.id))


def _lives() -> sa.ColumnElement[bool]:
    return table_of(DeliveryBooking).c.status.not_in(_OVER)


def _lasts(now: datetime) -> sa.ColumnElement[bool]:
    hold = table_of(SlotHold)
    return sa.and_(occupying(), hold.c.expires_at > now)


def _claims[C: (SlotHold, DeliveryBooking)](
    conn: Connection, model: type[C], live: sa.ColumnElement[bool], slot_ids: Sequence[str]
) -> list[tuple[C, str]]:
    """The live claims on these slots, each with the node that serves it."""
    claim, pool = table_of(model), table_of(CapacityPool)
    found: list[tuple[C, str]] = []
    for start in range(0, len(slot_ids), _CHUNK):
        query = (
            sa.select(claim, pool.c.node_id)
            .join(pool, pool.c.id == claim.c.pool_id)
            .where(claim.c.slot_id.in_(slot_ids[start : start + _CHUNK]), live)
        )
        for row in conn.execute(query):
            values = dict(row._mapping)
            node_id = values.pop("node_id")
            found.append((row_of(model, values), node_id))
    return found
