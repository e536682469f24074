"""What operators say about pools: over the plan, until it is lifted, and never silently undone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.errors import InvalidChange, OverrideNotFound, PoolNotFound, ReasonMissing
from app.capacity.lift import lift
from app.capacity.override import override
from app.capacity.overrides import Foreseen
from app.capacity.rules import PoolSelector, SizeChange, concerns, in_force, sold_under
from app.capacity.tables import CapacityOverride, CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.fleet.rules import VehicleKind
from app.values.load import Load
from app.values.window import Window
from tests.factories import NOW, ROOM, Shop, evening, make_pools, make_shop, pool_plan
from tests.ledger import assert_ledger_equals_counters

DAY = evening().start.date()


def hours(*starts: int) -> list[Window]:
    first = evening().start
    return [Window(first + timedelta(hours=h), first + timedelta(hours=h + 1)) for h in starts]


def opened(db: Database) -> Shop:
    def work(conn: Connection, _now: datetime) -> Shop:
        shop = make_shop(conn)
        make_pools(conn, *(pool_plan(shop, window) for window in hours(0, 1)))
        return shop

    return db.write_now(work)


def pools(db: Database) -> list[CapacityPool]:
    pool = table_of(CapacityPool)
    return db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(pool).order_by(pool.c.starts_at)))


def said(db: Database, which: PoolSelector, to: SizeChange, reason: str = "a van broke down") -> Foreseen:
    return db.write_now(lambda c, n: override(c, now=n, actor="Olga", which=which, to=to, reason=reason))


def replanned(db: Database, shop: Shop, orders: int) -> None:
    bigger = Load(orders, ROOM.work_s, ROOM.volume_ml, ROOM.weight_g, ROOM.chilled_ml, ROOM.frozen_ml)
    plans = [pool_plan(shop, window, sell=bigger) for window in hours(0, 1)]
    db.write_now(lambda c, _: make_pools(c, *plans))


def test_a_plan_published_later_keeps_to_what_an_operator_said(db: Database) -> None:
    shop = opened(db)
    first, second = pools(db)
    said(db, PoolSelector(pool_id=first.id), SizeChange(sell_orders=3))
    replanned(db, shop, orders=14)

    first, second = pools(db)
    assert (first.sell_orders, second.sell_orders) == (3, 14)
    assert first.planned is not None
    assert first.planned["orders"] == 14
    assert second.planned is None
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_a_lifted_override_lets_the_newest_plan_decide_again(db: Database) -> None:
    shop = opened(db)
    done = said(db, PoolSelector(pool_id=pools(db)[0].id), SizeChange(sell_orders=3))
    replanned(db, shop, orders=14)
    lifted = db.write_now(
        lambda c, n: lift(c, now=n, actor="Olga", override_id=done.override.id, reason="repaired")
    )

    assert [pool.sell_orders for pool in pools(db)] == [14, 14]
    assert pools(db)[0].planned is None
    assert (lifted.override.lifted_by, lifted.override.lift_reason) == ("Olga", "repaired")
    with pytest.raises(OverrideNotFound):
        db.write_now(lambda c, n: lift(c, now=n, actor="Olga", override_id=done.override.id, reason="again"))
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_a_pool_that_a_later_plan_adds_is_under_the_override_of_its_day(db: Database) -> None:
    shop = opened(db)
    said(db, PoolSelector(day=DAY, node_id=shop.node_id), SizeChange(factor_bp=5_000))
    plans = [pool_plan(shop, window) for window in hours(0, 1, 2)]
    db.write_now(lambda c, _: make_pools(c, *plans))

    assert [pool.sell_orders for pool in pools(db)] == [5, 5, 5]
    assert [pool.sell_work_s for pool in pools(db)] == [ROOM.work_s // 2] * 3
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_the_newest_override_counts_and_the_next_one_comes_back_when_it_is_lifted(db: Database) -> None:
    opened(db)
    said(db, PoolSelector(day=DAY), SizeChange(factor_bp=5_000))
    closed = said(db, PoolSelector(pool_id=pools(db)[0].id), SizeChange(factor_bp=0), "road works")
    assert [pool.sell_orders for pool in pools(db)] == [0, 5]

    db.write_now(lambda c, n: lift(c, now=n, actor="Olga", override_id=closed.override.id, reason="done"))
    assert [pool.sell_orders for pool in pools(db)] == [5, 5]
    assert [(pool.planned or {})["orders"] for pool in pools(db)] == [10, 10]


def test_an_operator_may_sell_more_than_the_plan_and_that_much_exists_then(db: Database) -> None:
    opened(db)
    said(db, PoolSelector(day=DAY), SizeChange(factor_bp=15_000), "a hired van")
    assert [(pool.sell_orders, pool.cap_orders) for pool in pools(db)] == [(15, 15)] * 2
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_a_plan_that_sends_nobody_is_not_sold_whatever_was_said(db: Database) -> None:
    shop = opened(db)
    said(db, PoolSelector(day=DAY), SizeChange(sell_orders=20))
    db.write_now(lambda c, _: make_pools(c, pool_plan(shop, hours(0)[0])))
    assert [pool.sell_orders for pool in pools(db)] == [20, 0]


@pytest.mark.parametrize(
    "to",
    [
        SizeChange(),
        SizeChange(sell_orders=-1),
        SizeChange(factor_bp=-1),
        SizeChange(factor_bp=100_001),
        SizeChange(sell_orders=1_000_001),
        SizeChange(sell_orders=1, factor_bp=1),
    ],
)
def test_a_change_that_means_nothing_is_refused(db: Database, to: SizeChange) -> None:
    opened(db)
    with pytest.raises(InvalidChange):
        said(db, PoolSelector(day=DAY), to)


def test_a_change_names_its_pools_and_its_reason(db: Database) -> None:
    opened(db)
    with pytest.raises(PoolNotFound):
        said(db, PoolSelector(day=DAY + timedelta(days=1)), SizeChange(sell_orders=1))
    with pytest.raises(PoolNotFound):
        said(db, PoolSelector(day=DAY, vehicle_kind=VehicleKind.VAN), SizeChange(sell_orders=1))
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(ReasonMissing):
            said(db, PoolSelector(day=DAY), SizeChange(sell_orders=1), reason)
    assert [pool.sell_orders for pool in pools(db)] == [10, 10]


def test_what_narrows_an_override_is_a_pure_rule() -> None:
    pool = CapacityPool(
        node_id="n", vehicle_class_id="c", day=DAY, starts_at=hours(0)[0].start, ends_at=hours(0)[0].end
    )

    def about(**narrowed: Any) -> CapacityOverride:
        return CapacityOverride(day=DAY, factor_bp=0, reason="r", actor="a", created_at=NOW, **narrowed)

    kind = VehicleKind.CARGO_BIKE
    fits = [
        about(),
        about(node_id="n", vehicle_kind=kind),
        about(starts_at=pool.starts_at, ends_at=pool.ends_at),
        about(pool_id=pool.id),
    ]
    others = [
        about(node_id="other"),
        about(vehicle_kind=VehicleKind.VAN),
        about(starts_at=pool.starts_at + timedelta(minutes=1)),
        about(ends_at=pool.ends_at - timedelta(minutes=1)),
        about(pool_id="another"),
    ]
    assert all(concerns(one, pool, kind) for one in fits)
    assert not any(concerns(one, pool, kind) for one in others)
    assert in_force([*others, *fits], pool, kind) == fits
    assert in_force(others, pool, kind) == []


def test_what_is_sold_under_an_override_rounds_down() -> None:
    planned = Load(9, 1_001, 10, 10, 10, 10)
    half = CapacityOverride(day=DAY, factor_bp=5_000, reason="r", actor="a", created_at=NOW)
    assert sold_under([half], planned, 1) == Load(4, 500, 5, 5, 5, 5)
    assert sold_under([], planned, 1) == planned
    assert sold_under([half], Load(), 1) == Load()
