"""Size pools as an operator says, with an explicit choice about what would not fit any more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from app.booking.resized import CHANGED, ChangedCapacity, lock_bookings, settle
from app.capacity.override import override
from app.capacity.overrides import pools_of
from app.capacity.rules import OvercommitChoice, PoolSelector, SizeChange
from app.database.idempotency import once
from app.errors import OperatorsOnly
from app.values.actor import Actor


def change_capacity(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    which: PoolSelector,
    to: SizeChange,
    choice: OvercommitChoice | None,
    reason: str,
    key: str,
) -> ChangedCapacity:
    """Override what the plan sells in the pools meant, until it is lifted; later plans keep to it.

    Nobody is moved or cancelled by it. Raises OperatorsOnly, PoolNotFound, InvalidChange, ReasonMissing,
    Overcommitted, and
    the refusals of `once`.
    """
    if not actor.is_operator:
        raise OperatorsOnly

    def work() -> ChangedCapacity:
        lock_bookings(conn, [pool.id for pool in pools_of(conn, now=now, which=which, lock=False)])
        change = override(conn, now=now, actor=actor.name, which=which, to=to, reason=reason)
        return settle(conn, now=now, actor=actor.name, change=change, choice=choice, reason=reason)

    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:change_capacity",
        key=key,
        request={"which": asdict(which), "to": asdict(to), "choice": choice, "reason": reason},
        answer=CHANGED,
        work=work,
    )
