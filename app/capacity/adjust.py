"""Change how much a hold or booking takes, where it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.capacity.ledger import NOTHING, post
from app.capacity.rules import EntryKind
from app.values.load import Load


def adjust(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    pool_id: str,
    held: Load = NOTHING,
    booked: Load = NOTHING,
    reference: str,
    reason: str,
) -> bool:
    """Add these (possibly negative) amounts; False when the pool has no room for what grows."""
    kind = EntryKind.BOOKING if booked != NOTHING else EntryKind.HOLD
    return post(
        conn,
        now=now,
        actor=actor,
        kind=kind,
        pool_id=pool_id,
        held=held,
        booked=booked,
        reference=reference,
        reason=reason,
    )
