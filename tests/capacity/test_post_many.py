"""Many claims in one statement count as the same claims one by one, and never more than there is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from random import Random

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.ledger import post
from app.capacity.post_many import Claim, post_many
from app.capacity.quota_rules import QuotaDraft
from app.capacity.rebuild import rebuild
from app.capacity.rules import EntryKind
from app.capacity.save_quota import save_quota
from app.capacity.tables import CapacityPool, PickLoad
from app.database.rows import add, rows, table_of
from app.database.runner import Database
from app.slots.tables import PickWave
from app.values.actor import Actor, Role
from app.values.load import Load
from tests.factories import evening, make_pools, make_shop, make_slot, pool_plan
from tests.ledger import assert_ledger_equals_counters

ONE = Load(1, 540, 25_000, 8_000, 4_000, 1_000)
OLGA = Actor("house", Role.OPERATOR, "Olga")


def opened(db: Database, *, orders: int = 10, wave: int | None = None, kept: int = 0) -> list[str]:
    """Three hours with a pool each; a wave that picks for all of them, a part kept for 'gold'."""

    def work(conn: Connection, now: datetime) -> list[str]:
        shop = make_shop(conn)
        if wave is not None:
            bounded = PickWave(
                key="late", node_id=shop.node_id, name="Late", starts_from="18:00", starts_until="22:00",
                weekdays="1234567", pick_by="17:00", capacity_orders=wave,
            )  # fmt: skip
            add(conn, bounded)
        windows = [evening(start=hour, end=hour + 1) for hour in (18, 19, 20)]
        sell = Load(orders, *(90_000, 9_000_000, 9_000_000, 900_000, 900_000))
        make_pools(conn, *(pool_plan(shop, window, sell=sell) for window in windows))
        for window in windows:
            make_slot(conn, shop, window)
        if kept:
            gold = QuotaDraft(key="gold", audience="gold", orders=kept, release_min=60)
            save_quota(conn, now=now, actor=OLGA, draft=gold, reason="loyal customers")
        query = sa.select(table_of(CapacityPool)).order_by("starts_at")
        return [pool.id for pool in rows(conn, CapacityPool, query)]

    return db.write_now(work)


def counted(db: Database, *claims: Claim, kind: EntryKind = EntryKind.HOLD) -> set[str]:
    return db.write_now(lambda c, n: post_many(c, now=n, kind=kind, reason="test", claims=claims))


def claim(pool_id: str, reference: str, audience: str | None = None, held: Load = ONE) -> Claim:
    return Claim(pool_id, reference, "test", audience, held=held)


def pools(db: Database) -> dict[str, CapacityPool]:
    found = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    return {pool.id: pool for pool in found}


def picked(db: Database) -> tuple[int, int]:
    (load,) = db.read_now(lambda c, _: rows(c, PickLoad, sa.select(table_of(PickLoad))))
    return load.held_orders, load.booked_orders


def explained(db: Database) -> None:
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))
    assert db.write_now(lambda c, _: rebuild(c)) == []


@pytest.mark.parametrize("seed", range(6))
def test_they_count_as_one_by_one(db: Database, seed: int) -> None:
    chance = Random(seed)
    pool_ids = opened(db, wave=1_000 if seed % 2 else None, kept=2)
    load = [
        Load(1, chance.randrange(600), 0, chance.choice((0, 9_000)), chance.randrange(3) * 500, 0)
        for _ in range(12)
    ]
    groups = (None, "gold", "silver")
    claims = [
        claim(chance.choice(pool_ids), f"r{n}", chance.choice(groups), one) for n, one in enumerate(load)
    ]
    assert counted(db, *claims) == {one.reference for one in claims}
    at_once = {pool_id: vars(pool) for pool_id, pool in pools(db).items()}
    explained(db)

    def back_and_alone(conn: Connection, now: datetime) -> None:
        for back in claims:
            assert posted(conn, now, back, back=True)
        for again in claims:
            assert posted(conn, now, again)

    def posted(conn: Connection, now: datetime, one: Claim, *, back: bool = False) -> bool:
        return post(
            conn, now=now, actor="test", kind=EntryKind.RELEASE if back else EntryKind.HOLD,
            pool_id=one.pool_id, held=-one.held if back else one.held, reference=one.reference,
            reason="test", audience=one.audience,
        )  # fmt: skip

    db.write_now(back_and_alone)
    one_by_one = {pool_id: vars(pool) for pool_id, pool in pools(db).items()}
    for both in (*at_once.values(), *one_by_one.values()):
        both.pop("entries")
        both.pop("_sa_instance_state")
    assert at_once == one_by_one
    explained(db)


def test_a_pool_takes_all_that_is_claimed_of_it_or_nothing(db: Database) -> None:
    first, second, _ = opened(db, orders=2)
    claims = [claim(first, "a"), claim(first, "b"), claim(first, "c"), claim(second, "d")]
    assert counted(db, *claims) == {"d"}
    assert counted(db, *claims[:2]) == {"a", "b"}
    explained(db)


def test_each_dimension_can_refuse(db: Database) -> None:
    first, *_ = opened(db)
    too_much = [Load(1, 90_001), Load(1, 0, 9_000_001), Load(1, 0, 0, 9_000_001)]
    too_much += [Load(1, 0, 0, 0, 900_001), Load(1, 0, 0, 0, 0, 900_001)]
    assert [counted(db, claim(first, "a", held=load)) for load in too_much] == [set()] * 5
    assert counted(db, claim(first, "a", held=Load(1, 90_000, 9_000_000, 9_000_000, 900_000, 900_000)))


def test_what_is_kept_for_a_group_is_left_for_claims_alone(db: Database) -> None:
    first, *_ = opened(db, orders=3, kept=2)
    assert counted(db, claim(first, "a", "gold"), claim(first, "b", "gold")) == set()
    assert counted(db, claim(first, "a", "gold")) == {"a"}
    assert pools(db)[first].protected_used == 1
    explained(db)


def test_a_full_wave_refuses_all_its_pools_and_one_that_is_refused_gives_its_wave_back(db: Database) -> None:
    first, second, third = opened(db, orders=2, wave=3)
    assert counted(db, *(claim(p, f"{p}{n}") for p in (first, second) for n in range(2))) == set()
    assert picked(db) == (0, 0)
    one = [claim(first, "a"), *(claim(second, f"b{n}", held=Load(1, 50_000)) for n in range(2))]
    assert counted(db, *one) == {"a"}
    assert picked(db) == (1, 0)
    assert counted(db, claim(third, "c"), claim(first, "d")) == {"c", "d"}
    assert picked(db) == (3, 0)
    explained(db)


def test_what_is_held_becomes_booked_in_pools_that_are_full(db: Database) -> None:
    first, second, _ = opened(db, orders=2, wave=4)
    held = [claim(p, f"{p}{n}") for p in (first, second) for n in range(2)]
    assert len(counted(db, *held)) == 4
    sold = [Claim(one.pool_id, one.reference, "test", None, held=-ONE, booked=ONE) for one in held]
    assert counted(db, *sold, kind=EntryKind.BOOKING) == {one.reference for one in held}
    assert picked(db) == (0, 4)
    assert {(p.held_orders, p.booked_orders) for p in pools(db).values()} == {(0, 2), (0, 0)}
    explained(db)


def test_unknown_pools_and_no_claims_count_nothing(db: Database) -> None:
    opened(db)
    assert counted(db) == set()
    assert counted(db, claim("nowhere", "a")) == set()


def test_batches_that_want_the_same_pools_in_other_orders_never_cross_and_never_oversell(
    db: Database,
) -> None:
    pool_ids = opened(db, orders=40, wave=100)

    def batch(number: int) -> int:
        chance = Random(number)
        taken = 0
        for turn in range(8):
            wanted = chance.sample(pool_ids, k=chance.randrange(1, 4))
            taken += len(counted(db, *(claim(p, f"{number}.{turn}.{p}") for p in wanted)))
        return taken

    with ThreadPoolExecutor(8) as threads:
        taken = sum(threads.map(batch, range(8)))
    held = sum(pool.held_orders for pool in pools(db).values())
    assert held == taken == picked(db)[0] <= 100
    assert all(pool.held_orders <= 40 for pool in pools(db).values())
    explained(db)
