"""Lift what an operator said about pools: they sell what the plan wants again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.repromise import withdraw
from app.booking.resized import CHANGED, ChangedCapacity, lock_bookings, settle
from app.capacity.lift import lift
from app.capacity.overrides import foreseen_without
from app.capacity.rules import OvercommitChoice
from app.database.idempotency import once
from app.errors import OperatorsOnly
from app.values.actor import Actor


def lift_override(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    override_id: str,
    choice: OvercommitChoice | None,
    reason: str,
    key: str,
) -> ChangedCapacity:
    """End an override and withdraw the open proposals it caused.

    A choice is needed where the plan wants less than the override allowed. Raises OperatorsOnly,
    OverrideNotFound, ReasonMissing, Overcommitted, and the refusals of `once`.
    """
    if not actor.is_operator:
        raise OperatorsOnly

    def work() -> ChangedCapacity:
        before = foreseen_without(conn, now=now, override_id=override_id, lock=False)
        lock_bookings(conn, [pool.id for pool in before.pools])
        change = lift(conn, now=now, actor=actor.name, override_id=override_id, reason=reason)
        withdraw(conn, override_id=override_id)
        return settle(conn, now=now, actor=actor.name, change=change, choice=choice, reason=reason)

    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:lift_override",
        key=key,
        request={"override": override_id, "choice": choice, "reason": reason},
        answer=CHANGED,
        work=work,
    )
