"""Whatever goes wrong around a claim, the ledger and the counters tell the same."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.capacity.give_back import give_back
from app.capacity.ledger import post
from app.capacity.rebuild import rebuild
from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Outage, Refusal
from app.values.load import Load
from tests.factories import NOW, evening, make_pools, make_shop, pool_plan
from tests.ledger import assert_ledger_equals_counters
from tests.patience import patiently

ROOT = Path(__file__).parents[2]
ONE = Load(1, 540, 25_000, 8_000, 4_000, 1_000)
# Takes capacity and dies before its transaction is committed.
CRASH = """
import os, sys
from datetime import UTC, datetime
from app.capacity.ledger import post
from app.capacity.rules import EntryKind
from app.database.engine import engine_for
from app.values.load import Load

url, pool_id = sys.argv[1:]
conn = engine_for(url).connect()
conn.begin()
taken = post(
    conn, now=datetime.now(UTC), actor="crash", kind=EntryKind.HOLD, pool_id=pool_id,
    held=Load(1, 540, 25_000, 8_000, 4_000, 1_000), reference="lost", reason="it dies before the commit",
)
print(taken, flush=True)
os._exit(9)
"""


class NotToday(Refusal):
    """Something after the claim is refused."""


@pytest.fixture(autouse=True, scope="module")
def forgotten() -> object:
    yield
    Refusal.known.pop("NOT_TODAY")


def open_pool(db: Database, orders: int = 40) -> str:
    def work(conn: Connection, _now: datetime) -> str:
        shop = make_shop(conn)
        sell = Load(orders, 90_000, 9_000_000, 9_000_000, 900_000, 900_000)
        make_pools(conn, pool_plan(shop, evening(), sell=sell))
        return rows(conn, CapacityPool, sa.select(table_of(CapacityPool)))[0].id

    return db.write_now(work)


def taken(conn: Connection, pool_id: str, reference: str) -> bool:
    return post(
        conn,
        now=NOW,
        actor="test",
        kind=EntryKind.HOLD,
        pool_id=pool_id,
        held=ONE,
        reference=reference,
        reason="test",
    )


def explained(db: Database, pool_id: str, held: int) -> None:
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))
    assert db.write_now(lambda c, _: rebuild(c)) == []
    (pool,) = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    assert (pool.id, pool.held_orders) == (pool_id, held)


def test_calls_that_fail_after_their_claim_leave_nothing_and_their_group_stays(db: Database) -> None:
    pool_id = open_pool(db)

    def caller(number: int) -> bool:
        def work(conn: Connection, _now: datetime) -> bool:
            took = taken(conn, pool_id, f"hold-{number}")
            if number % 3 == 0:
                raise NotToday
            if number % 3 == 1:
                raise ZeroDivisionError
            return took

        try:
            return patiently(lambda: db.write_now(work))
        except (NotToday, ZeroDivisionError):
            return False

    with ThreadPoolExecutor(24) as threads:
        kept = sum(threads.map(caller, range(60)))
    assert kept == 20
    explained(db, pool_id, held=20)


def test_a_group_that_cannot_be_committed_leaves_nothing_at_all(db: Database) -> None:
    pool_id = open_pool(db)

    def broken(conn: Connection, _now: datetime) -> None:
        taken(conn, pool_id, "lost")
        raise OperationalError("COMMIT", {}, Exception("disk I/O error"))

    with pytest.raises((OperationalError, Outage)):
        db.write_now(broken)
    db.write_now(lambda c, _: taken(c, pool_id, "kept") and None)
    explained(db, pool_id, held=1)


def test_a_process_that_dies_between_claim_and_commit_leaves_nothing(db: Database, database_url: str) -> None:
    pool_id = open_pool(db)
    db.write_now(lambda c, _: taken(c, pool_id, "before") and None)
    died = subprocess.run(
        [sys.executable, "-c", CRASH, database_url, pool_id],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (died.stdout.strip(), died.returncode) == ("True", 9), died.stderr
    db.write_now(lambda c, _: taken(c, pool_id, "after") and None)
    explained(db, pool_id, held=2)


def test_a_life_of_claims_from_many_threads_numbers_its_entries_without_gaps(db: Database) -> None:
    pool_id = open_pool(db, orders=10)

    def back(conn: Connection, number: int) -> None:
        give_back(
            conn,
            now=NOW,
            actor="test",
            pool_id=pool_id,
            held=ONE,
            reference=f"hold-{number}",
            reason="back",
            audience=None,
        )

    def caller(number: int) -> int:
        took = patiently(lambda: db.write_now(lambda c, _: taken(c, pool_id, f"hold-{number}")))
        if took and number % 2:
            patiently(lambda: db.write_now(lambda c, _: back(c, number)))
            return 0
        return int(took)

    with ThreadPoolExecutor(16) as threads:
        kept = sum(threads.map(caller, range(80)))
    explained(db, pool_id, held=kept)
    assert 0 < kept <= 10


def test_the_helper_sees_a_counter_that_nobody_explained(db: Database) -> None:
    """The negative control of every test that uses it."""
    pool_id = open_pool(db)
    db.write_now(lambda c, _: taken(c, pool_id, "a") and None)
    pool = table_of(CapacityPool)
    for drift in ({"held_orders": 2}, {"held_orders": 1, "entries": 3}, {"entries": 2, "sell_orders": 39}):
        db.write_now(lambda c, _, to=drift: c.execute(sa.update(pool).values(**to)) and None)  # type: ignore[misc]
        with pytest.raises(AssertionError):
            db.read_now(lambda c, _: assert_ledger_equals_counters(c))
