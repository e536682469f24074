"""Turn a held unit into a promised one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.capacity.ledger import post
from app.capacity.rules import EntryKind
from app.values.load import Load


def promise(conn: Connection, *, now: datetime, actor: str, pool_id: str, load: Load, reference: str) -> None:
    """Move a load from held to booked; it always fits, because it was held."""
    done = post(
        conn,
        now=now,
        actor=actor,
        kind=EntryKind.BOOKING,
        pool_id=pool_id,
        held=-load,
        booked=load,
        reference=reference,
        reason="hold confirmed",
    )
    if not done:
        raise ValueError(f"the pool {pool_id} of {reference} is gone")
