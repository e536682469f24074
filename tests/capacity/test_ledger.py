"""The counters, the guard that protects them and the ledger that explains them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.give_back import give_back
from app.capacity.ledger import post
from app.capacity.promise import promise
from app.capacity.rebuild import rebuild
from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool
from app.database.rows import by_id, rows, table_of
from app.database.runner import Database
from app.values.load import Load
from tests.factories import NOW, evening, make_pools, make_shop, pool_plan

ONE = Load(1, 540, 25_000, 8_000, 4_000, 1_000)


def pool_of(conn: Connection, _now: datetime) -> CapacityPool:
    return rows(conn, CapacityPool, sa.select(table_of(CapacityPool)))[0]


def open_pool(db: Database, orders: int) -> str:
    def work(conn: Connection, _now: datetime) -> str:
        shop = make_shop(conn)
        sell = Load(orders, 90_000, 9_000_000, 9_000_000, 900_000, 900_000)
        make_pools(conn, pool_plan(shop, evening(), sell=sell))
        return pool_of(conn, NOW).id

    return db.write_now(work)


def held_by(conn: Connection, now: datetime, pool_id: str, load: Load, reference: str) -> bool:
    return post(
        conn,
        now=now,
        actor="test",
        kind=EntryKind.HOLD,
        pool_id=pool_id,
        held=load,
        reference=reference,
        reason="test",
    )


def test_a_load_is_taken_while_every_dimension_fits(db: Database) -> None:
    pool_id = open_pool(db, orders=2)
    taken = [db.write_now(lambda c, n: held_by(c, n, pool_id, ONE, "a")) for _ in range(3)]

    assert taken == [True, True, False]
    assert db.read_now(pool_of).loads("held") == ONE + ONE


def test_one_dimension_that_is_too_small_refuses_the_whole_load(db: Database) -> None:
    pool_id = open_pool(db, orders=5)
    heavy = Load(1, 540, 25_000, 9_000_001, 0, 0)

    assert not db.write_now(lambda c, n: held_by(c, n, pool_id, heavy, "a"))
    assert db.read_now(pool_of).loads("held") == Load()


def test_the_ledger_explains_and_rebuilds_the_counters(db: Database) -> None:
    pool_id = open_pool(db, orders=5)

    def life(conn: Connection, now: datetime) -> None:
        held_by(conn, now, pool_id, ONE, "first")
        held_by(conn, now, pool_id, ONE, "second")
        promise(conn, now=now, actor="test", pool_id=pool_id, load=ONE, reference="first")
        give_back(
            conn,
            now=now,
            actor="test",
            pool_id=pool_id,
            held=ONE,
            reference="second",
            reason="released",
            audience=None,
        )

    db.write_now(life)
    before = db.read_now(pool_of)
    assert (before.loads("held"), before.loads("booked")) == (Load(), ONE)
    assert db.write_now(lambda c, _: rebuild(c)) == []

    pool = table_of(CapacityPool)
    db.write_now(lambda c, _: c.execute(sa.update(pool).values(booked_orders=4, held_work_s=7)) and None)
    assert db.write_now(lambda c, _: rebuild(c)) == [pool_id]
    after = db.read_now(pool_of)
    assert (after.loads("held"), after.loads("booked")) == (Load(), ONE)


def test_every_change_names_who_when_and_why(db: Database) -> None:
    pool_id = open_pool(db, orders=5)
    db.write_now(lambda c, n: held_by(c, n, pool_id, ONE, "hold-1"))
    entries = db.read_now(
        lambda c, _: rows(c, CapacityEntry, sa.select(table_of(CapacityEntry)).order_by("id"))
    )

    adjustment, held = entries
    assert adjustment.kind is EntryKind.ADJUSTMENT
    assert adjustment.sizes is not None
    assert adjustment.sizes["after"]["sell"]["orders"] == 5
    assert (held.actor, held.reference, held.reason) == ("test", "hold-1", "test")
    assert held.held_delta["work_s"] == 540


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control without the guard"])
def test_a_hundred_callers_for_seven_places(db: Database, guarded: bool) -> None:
    pool_id = open_pool(db, orders=7)

    def read_then_write() -> bool:
        pool = db.read_now(lambda c, _: by_id(c, CapacityPool, pool_id))
        assert pool is not None
        if pool.held_orders >= pool.sell_orders:
            return False
        update = sa.update(table_of(CapacityPool)).values(held_orders=pool.held_orders + 1)
        db.write_now(lambda c, _: c.execute(update) and None)
        return True

    def caller(number: int) -> bool:
        if guarded:
            return db.write_now(lambda c, n: held_by(c, n, pool_id, ONE, f"hold-{number}"))
        return read_then_write()

    with ThreadPoolExecutor(32) as threads:
        taken = sum(threads.map(caller, range(100)))

    if guarded:
        assert taken == 7
        assert db.read_now(pool_of).held_orders == 7
        assert db.write_now(lambda c, _: rebuild(c)) == []
    else:
        # Without the guard the same race oversells: the test is able to see the fault.
        assert taken > 7
