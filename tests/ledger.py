"""The ledger against the counters, for every test that changes capacity."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.rebuild import orders_of
from app.capacity.sizes import sizes_of
from app.capacity.tables import CapacityEntry, CapacityPool
from app.database.rows import rows, table_of
from app.values.load import DIMENSIONS


def assert_ledger_equals_counters(conn: Connection) -> None:
    """Every unit of every pool is explained: by entries without gaps, each beginning where the last ended."""
    pool, entry = table_of(CapacityPool), table_of(CapacityEntry)
    ordered = sa.select(entry).order_by(entry.c.pool_id, entry.c.number)
    ledger = {
        pool_id: list(lines)
        for pool_id, lines in groupby(rows(conn, CapacityEntry, ordered), attrgetter("pool_id"))
    }
    for row in rows(conn, CapacityPool, sa.select(pool)):
        lines = ledger.get(row.id, [])
        assert [line.number for line in lines] == list(range(1, row.entries + 1)), f"gaps in {row.id}"
        stand: dict[str, int] = defaultdict(int)
        sizes = None
        used = 0
        for line in lines:
            if line.audience is not None and line.audience == row.protected_group:
                used += orders_of(line.held_delta, line.booked_delta)
            for prefix in ("held", "booked"):
                changes, after = getattr(line, f"{prefix}_delta"), getattr(line, f"{prefix}_after")
                for dimension, change in changes.items():
                    stand[f"{prefix}_{dimension}"] += change
                shown = {d: stand[f"{prefix}_{d}"] for d in changes}
                assert after == shown, f"entry {line.number} of {row.id} shows {after}, the sum is {shown}"
            if line.sizes:
                assert line.sizes["before"] == sizes, f"entry {line.number} of {row.id} begins elsewhere"
                sizes = line.sizes["after"]
        for prefix in ("held", "booked"):
            for d in DIMENSIONS:
                assert getattr(row, f"{prefix}_{d}") == stand[f"{prefix}_{d}"], f"{prefix}_{d} of {row.id}"
        assert row.protected_used == used, f"protected_used of {row.id}"
        assert sizes == sizes_of(row), f"{row.id} has sizes that nobody gave it"
