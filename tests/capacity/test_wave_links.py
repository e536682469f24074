"""A picking wave bounds the orders of all its pools together, and never loses or invents one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.capacity.give_back import give_back
from app.capacity.ledger import post
from app.capacity.promise import promise
from app.capacity.rebuild import rebuild
from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool, PickLoad
from app.capacity.wave_links import link_waves
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.slots.tables import PickWave
from app.values.load import Load
from tests.factories import Shop, evening, make_pools, make_shop, pool_plan

ONE = Load(1, 540, 25_000, 8_000, 4_000, 1_000)
ROOM = Load(50, 900_000, 90_000_000, 90_000_000, 9_000_000, 9_000_000)


def open_wave(db: Database, capacity: int | None) -> tuple[Shop, list[str]]:
    """Two pools of one wave, and one that begins after it."""

    def work(conn: Connection, _now: datetime) -> tuple[Shop, list[str]]:
        shop = make_shop(conn)
        wave = PickWave(
            key="late", node_id=shop.node_id, name="Late", starts_from="18:00", starts_until="20:00",
            weekdays="1234567", pick_by="17:00", capacity_orders=capacity,
        )  # fmt: skip
        add(conn, wave)
        plans = [pool_plan(shop, evening(start=hour, end=hour + 1), sell=ROOM) for hour in (18, 19, 20)]
        make_pools(conn, *plans)
        pools = rows(conn, CapacityPool, sa.select(table_of(CapacityPool)).order_by("starts_at"))
        return shop, [pool.id for pool in pools]

    return db.write_now(work)


def take(db: Database, pool_id: str, reference: str = "a") -> bool:
    return db.write_now(
        lambda c, n: post(
            c, now=n, actor="test", kind=EntryKind.HOLD, pool_id=pool_id, held=ONE, reference=reference, reason="test"
        )
    )  # fmt: skip


def load_of(db: Database) -> PickLoad:
    (load,) = db.read_now(lambda c, _: rows(c, PickLoad, sa.select(table_of(PickLoad))))
    return load


def pools_of(db: Database) -> list[CapacityPool]:
    query = sa.select(table_of(CapacityPool)).order_by("starts_at")
    return db.read_now(lambda c, _: rows(c, CapacityPool, query))


def test_pools_of_one_wave_share_its_orders_and_a_refusal_leaves_no_trace(db: Database) -> None:
    _, (first, second, after) = open_wave(db, capacity=2)
    assert [take(db, first), take(db, second), take(db, first)] == [True, True, False]
    assert take(db, after)
    assert [pool.loads("held").orders for pool in pools_of(db)] == [1, 1, 1]
    assert pools_of(db)[0].loads("held") == ONE
    assert len(db.read_now(lambda c, _: rows(c, CapacityEntry, sa.select(table_of(CapacityEntry))))) == 3 + 3
    assert (load_of(db).held_orders, load_of(db).booked_orders) == (2, 0)


def test_booking_keeps_the_order_and_giving_back_frees_it(db: Database) -> None:
    _, (first, second, _) = open_wave(db, capacity=1)
    assert take(db, first)
    db.write_now(lambda c, n: promise(c, now=n, actor="t", pool_id=first, load=ONE, reference="a"))
    assert (load_of(db).held_orders, load_of(db).booked_orders) == (0, 1)
    assert not take(db, second)
    db.write_now(
        lambda c, n: give_back(
            c,
            now=n,
            actor="t",
            pool_id=first,
            booked=ONE,
            reference="a",
            reason="cancelled",
            audience=None,
        )
    )
    assert take(db, second)


def test_thirty_at_once_for_the_last_orders_of_a_wave(db: Database) -> None:
    _, (first, second, _) = open_wave(db, capacity=7)
    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(lambda n: take(db, (first, second)[n % 2], f"r{n}"), range(30)))
    assert sum(taken) == 7
    assert load_of(db).held_orders == 7
    assert sum(pool.held_orders for pool in pools_of(db)) == 7


def test_the_database_itself_refuses_a_wave_beyond_its_size(db: Database) -> None:
    open_wave(db, capacity=2)
    load = table_of(PickLoad)
    with pytest.raises(IntegrityError):
        db.write_now(lambda c, _: c.execute(sa.update(load).values(held_orders=3)) and None)


def test_rebuilding_from_the_ledger_mends_the_waves_too(db: Database) -> None:
    _, (first, second, _) = open_wave(db, capacity=5)
    assert take(db, first)
    assert take(db, second)
    load = table_of(PickLoad)
    db.write_now(lambda c, _: c.execute(sa.update(load).values(held_orders=0, booked_orders=4)) and None)
    db.write_now(lambda c, _: rebuild(c))
    assert (load_of(db).held_orders, load_of(db).booked_orders) == (2, 0)


def test_a_new_plan_keeps_the_links_and_a_wave_may_lose_its_bound(db: Database) -> None:
    shop, (first, _, _) = open_wave(db, capacity=1)
    assert take(db, first)
    plans = [pool_plan(shop, evening(start=hour, end=hour + 1), sell=ROOM) for hour in (18, 19, 20)]
    db.write_now(lambda c, _: make_pools(c, *plans))
    assert not take(db, first)

    wave, day = table_of(PickWave), evening().start.date()

    def unbound(conn: Connection, _now: datetime) -> None:
        conn.execute(sa.update(wave).values(capacity_orders=None))
        link_waves(conn, first=day, last=day)

    db.write_now(unbound)
    assert take(db, first)
    assert {pool.pick_load_id for pool in pools_of(db)} == {None}
    assert load_of(db).held_orders == 0


def test_a_wave_without_a_bound_counts_nothing(db: Database) -> None:
    _, (first, *_) = open_wave(db, capacity=None)
    assert take(db, first)
    assert db.read_now(lambda c, _: rows(c, PickLoad, sa.select(table_of(PickLoad)))) == []
