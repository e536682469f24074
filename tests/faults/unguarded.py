"""The real server with the guard of the claim removed: it reads what is free, thinks, and writes.

A control: the suite must see what this breaks. python -m tests.faults.unguarded
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity import ledger
from app.capacity.post_many import Claim
from app.capacity.post_many import post_many as guarded_many
from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool
from app.cli import app
from app.database.rows import add, by_id, table_of
from app.values.load import DIMENSIONS, Load


def post(
    conn: Connection, *, pool_id: str, held: Load = ledger.NOTHING, booked: Load = ledger.NOTHING, **word: Any
) -> bool:
    """As `app.capacity.ledger.post`, but what is written is what was read, not what is there."""
    pool = by_id(conn, CapacityPool, pool_id)
    assert pool is not None
    after = {"held": pool.loads("held") + held, "booked": pool.loads("booked") + booked}
    if not (after["held"] + after["booked"]).fits(pool.loads("sell")):
        return False
    time.sleep(0.05)
    values = {f"{prefix}_{d}": getattr(load, d) for prefix, load in after.items() for d in DIMENSIONS}
    table = table_of(CapacityPool)
    written = sa.update(table).where(table.c.id == pool_id).values(**values, entries=table.c.entries + 1)
    number = conn.execute(written.returning(table.c.entries)).scalar_one()
    word |= {"held_delta": ledger.delta(held), "booked_delta": ledger.delta(booked), "at": word.pop("now")}
    add(conn, CapacityEntry(pool_id=pool_id, number=number, **word))
    return True


def post_many(
    conn: Connection, *, now: datetime, kind: EntryKind, reason: str, claims: Sequence[Claim]
) -> set[str]:
    """As `app.capacity.post_many`, but one after the other, each as unguarded as above."""
    return {
        one.reference
        for one in claims
        if post(
            conn,
            now=now,
            kind=kind,
            reason=reason,
            pool_id=one.pool_id,
            held=one.held,
            booked=one.booked,
            reference=one.reference,
            actor=one.actor,
            audience=one.audience,
        )
    }


if __name__ == "__main__":
    unguarded = {ledger.post: post, guarded_many: post_many}
    for module in [*sys.modules.values()]:
        for guarded, without in unguarded.items():
            if getattr(module, guarded.__name__, None) is guarded:
                setattr(module, guarded.__name__, without)  # whoever imported it
    app(["serve"])
