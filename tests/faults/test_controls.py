"""What must fail, fails: with a guard removed or durability off the same run finds broken promises.

SQLite has no counterpart. Its one writer thread lets no two claims overlap, so an unguarded claim is as safe
there; and `synchronous=OFF` loses nothing to signal 9, because the kernel keeps what was written: only a
power cut would show it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults import invariants
from tests.faults.conftest import PATIENT, Report, Size
from tests.faults.load import crash, running, shop
from tests.faults.processes import Server
from tests.faults.town import opened, postgres_town
from tests.postgres import Cluster, NoPostgres, cluster

pytestmark = PATIENT


def test_a_claim_that_reads_and_then_writes_is_seen_to_oversell(
    server: Cluster, tmp_path: Path, report: Report
) -> None:
    town = postgres_town(server, days=1, orders=3)
    command = (sys.executable, "-m", "tests.faults.unguarded")
    servers = [Server("unguarded", url=town.url, folder=tmp_path, command=command)]
    engine = opened(town.url)

    seen: list[str] = []

    def oversold() -> bool:
        # One state of all tables: what a hold becomes in between would count twice.
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
            seen.extend(wrong for wrong in invariants.capacity(conn) if "oversold" in wrong)
        return seen != []

    with running(*servers):
        load = shop(town, servers, bookings=10_000, limit_s=60, seen=oversold)
    engine.dispose()
    report(load, oversold=len(seen))
    assert seen != []


def test_a_database_that_acknowledges_before_it_keeps_is_seen_to_lose(
    size: Size, tmp_path: Path, report: Report
) -> None:
    hasty = ("synchronous_commit=off", "wal_writer_delay=10000", "wal_writer_flush_after=100MB")
    try:
        with cluster(durable=True, settings=hasty) as server:
            town = postgres_town(server, days=4, orders=20)
            servers = [Server("server", url=town.url, folder=tmp_path)]
            with running(*servers):
                load = shop(town, servers, bookings=300 if size.full else 30, limit_s=size.limit_s)
                crash(server)()
            engine = opened(town.url)
            with engine.connect() as conn:
                lost = invariants.acknowledged(conn, load.shoppers)
                counted = invariants.capacity(conn)
            engine.dispose()
    except NoPostgres as why:
        pytest.skip(f"NO POSTGRESQL ON THIS MACHINE: {why}")
    report(load, lost=len(lost))
    assert lost != []
    assert counted == [], "what is lost is lost as a whole, so the counters still agree"
