"""Return what a hold or a booking took."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.capacity.ledger import NOTHING, post
from app.capacity.rules import EntryKind
from app.values.load import Load


def give_back(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    pool_id: str,
    held: Load = NOTHING,
    booked: Load = NOTHING,
    expired: bool = False,
    reference: str,
    reason: str,
    audience: str | None,
) -> None:
    """Free these amounts of a pool; the caller has won the state change that allows it, once.

    `audience` is the group that they were taken for: what is kept for it is kept again.
    """
    done = post(
        conn,
        now=now,
        actor=actor,
        kind=EntryKind.EXPIRY if expired else EntryKind.RELEASE,
        pool_id=pool_id,
        held=-held,
        booked=-booked,
        reference=reference,
        reason=reason,
        audience=audience,
    )
    if not done:
        raise ValueError(f"the pool {pool_id} of {reference} is gone")
