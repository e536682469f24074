"""What follows when an operator sizes pools: the explicit choice, the proposals, and word of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import Connection

from app import events
from app.booking.overcommitment import overcommitments
from app.booking.repromise import propose
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import DeliveryBooking, RepromiseProposal
from app.capacity.errors import Overcommitted
from app.capacity.overrides import Foreseen
from app.capacity.rules import OvercommitChoice, PoolEdit
from app.capacity.seen import SeenPool, override_by_id, pools_by_id
from app.capacity.tables import CapacityOverride
from app.database.idempotency import Answer
from app.database.rows import AsRow, table_of


@dataclass(frozen=True, slots=True)
class ChangedPool:
    """A pool's sizes before and after, what of holds and bookings does not fit, and how it stood then."""

    edit: PoolEdit
    misfits: int
    pool: SeenPool


@dataclass(frozen=True, slots=True)
class ChangedCapacity:
    """What an operator's change did, as it stood then: the proposals, newest first, and their bookings."""

    override: Annotated[CapacityOverride, AsRow()]
    pools: tuple[ChangedPool, ...]
    proposals: tuple[Annotated[RepromiseProposal, AsRow()], ...]
    bookings: tuple[Annotated[DeliveryBooking, AsRow()], ...]

    @property
    def misfits(self) -> int:
        """How many holds and bookings do not fit any more, over all pools."""
        return sum(pool.misfits for pool in self.pools)


_JSON = TypeAdapter(ChangedCapacity)
CHANGED: Answer[ChangedCapacity] = Answer(lambda done: _JSON.dump_json(done).decode(), _JSON.validate_json)


def lock_bookings(conn: Connection, pool_ids: list[str]) -> None:
    """Lock bookings before their pools, as everywhere: a proposal refers to one that another may change."""
    booking = table_of(DeliveryBooking)
    mine = sa.select(booking.c.id).where(booking.c.pool_id.in_(pool_ids)).order_by(booking.c.id)
    conn.execute(mine.with_for_update(read=True, key_share=True)).all()


def settle(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    change: Foreseen,
    choice: OvercommitChoice | None,
    reason: str,
) -> ChangedCapacity:
    """Do what was chosen about what does not fit the new sizes; nobody is moved or cancelled.

    Those who wait are served from what has grown. Raises Overcommitted when an edit leaves something out
    and nothing was chosen.
    """
    over = overcommitments(conn, now=now, change=change)
    count = sum(len(one.misfits) for one in over if one.is_new)
    if count and choice is None:
        raise Overcommitted(field=("input", "choice"), count=count)
    proposals = []
    if choice is OvercommitChoice.START_REPROMISE:
        override_id = change.override.id
        proposals = propose(conn, now=now, actor=actor, override_id=override_id, reason=reason, over=over)
    larger = [one.edit.pool_id for one in over if not one.edit.after.fits(one.edit.before)]
    serve_waitlist(conn, now=now, pool_ids=larger)
    facts = {
        "override_id": change.override.id,
        "pool_ids": [edit.pool_id for edit in change.edits],
        "reason": reason,
        "actor": actor,
        "choice": choice,
    }
    events.record(conn, now=now, topic="capacity", kind="capacity.changed", payload=facts)
    pools = pools_by_id(conn, [one.edit.pool_id for one in over])
    moved = {booking.id: booking for one in over for booking in one.bookings}
    return ChangedCapacity(
        override=override_by_id(conn, change.override.id) or change.override,
        pools=tuple(ChangedPool(one.edit, len(one.misfits), pools[one.edit.pool_id]) for one in over),
        proposals=tuple(proposals[::-1]),
        bookings=tuple(moved[proposal.booking_id] for proposal in proposals[::-1]),
    )
