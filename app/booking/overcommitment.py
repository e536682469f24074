"""What would not fit any more if pools were sized anew: the bookings and holds, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import BookingStatus, HoldStatus, misfits
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.overrides import Foreseen, foreseen, foreseen_without
from app.capacity.rules import PoolEdit, PoolSelector, SizeChange
from app.database.rows import rows, table_of
from app.errors import OperatorsOnly
from app.values.actor import Actor


@dataclass(frozen=True)
class Overcommitment:
    """One pool's edit, and what does not fit the size after it, newest first."""

    edit: PoolEdit
    bookings: tuple[DeliveryBooking, ...]
    misfits: tuple[SlotHold | DeliveryBooking, ...]

    @property
    def is_new(self) -> bool:
        """Whether this very edit makes the pool smaller."""
        return not self.edit.before.fits(self.edit.after)


def preview_change(
    conn: Connection, *, now: datetime, actor: Actor, which: PoolSelector, to: SizeChange
) -> list[Overcommitment]:
    """What a change would do to each pool meant, without doing it.

    Raises OperatorsOnly, PoolNotFound, InvalidChange.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    change = foreseen(conn, now=now, actor=actor.name, which=which, to=to, reason="preview", lock=False)
    return overcommitments(conn, now=now, change=change)


def preview_lift(conn: Connection, *, now: datetime, actor: Actor, override_id: str) -> list[Overcommitment]:
    """What lifting an override would do to its pools; raises OperatorsOnly, OverrideNotFound."""
    if not actor.is_operator:
        raise OperatorsOnly
    change = foreseen_without(conn, now=now, override_id=override_id, lock=False)
    return overcommitments(conn, now=now, change=change)


def overcommitments(conn: Connection, *, now: datetime, change: Foreseen) -> list[Overcommitment]:
    """Each edit with what does not fit it; holds past their end do not count."""
    pool_ids = [edit.pool_id for edit in change.edits]
    bookings, holds = _bookings(conn, pool_ids), _holds(conn, now, pool_ids)
    return [
        Overcommitment(
            edit,
            tuple(bookings[edit.pool_id]),
            tuple(
                misfits(
                    sorted(
                        [*bookings[edit.pool_id], *holds[edit.pool_id]],
                        key=lambda claim: (claim.created_at, claim.id),
                        reverse=True,
                    ),
                    edit.after,
                )
            ),
        )
        for edit in change.edits
    ]


def _bookings(conn: Connection, pool_ids: Sequence[str]) -> dict[str, list[DeliveryBooking]]:
    booking = table_of(DeliveryBooking)
    promised = sa.select(booking).where(
        booking.c.pool_id.in_(pool_ids), booking.c.status != BookingStatus.CANCELLED
    )
    by_pool: dict[str, list[DeliveryBooking]] = defaultdict(list)
    for row in rows(conn, DeliveryBooking, promised):
        by_pool[row.pool_id].append(row)
    return by_pool


def _holds(conn: Connection, now: datetime, pool_ids: Sequence[str]) -> dict[str, list[SlotHold]]:
    hold = table_of(SlotHold)
    alive = sa.select(hold).where(
        hold.c.pool_id.in_(pool_ids),
        hold.c.status.in_([HoldStatus.ACTIVE, HoldStatus.CONFLICTED]),
        hold.c.expires_at > now,
    )
    by_pool: dict[str, list[SlotHold]] = defaultdict(list)
    for row in rows(conn, SlotHold, alive):
        by_pool[row.pool_id].append(row)
    return by_pool
