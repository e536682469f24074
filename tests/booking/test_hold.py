"""Holding a slot: capacity, price lock, expiry, retries, refusals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.errors import (
    BasketTooLarge,
    BeyondHorizon,
    CutoffPassed,
    FeeChanged,
    MinOrderValue,
    SlotFull,
    SlotNotFound,
)
from app.booking.rules import HoldStatus
from app.booking.tables import SlotHold
from app.capacity.rebuild import rebuild
from app.capacity.tables import CapacityPool
from app.database.idempotency import IdempotencyKeyReused
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Busy, Refusal
from app.handover.errors import AgeCheckRequiresHandover
from app.handover.rules import DropWish, HandoverMode
from app.places.errors import OutOfZone
from app.places.rules import Place
from app.slots.tables import DeliverySlot
from app.values.basket import GoodsTrait
from app.values.ids import new_id
from app.values.load import Load
from app.values.money import Money
from app.values.point import Point
from tests.conftest import Clock
from tests.factories import (
    NOW,
    ROOM,
    Shop,
    evening,
    make_basket,
    make_fee_rule,
    make_hold,
    make_open_slot,
    make_pools,
    make_shop,
    make_slot,
    pool_plan,
)

type World = tuple[Shop, DeliverySlot]


def open_world(db: Database, orders: int = 10) -> World:
    def work(conn: sa.Connection, _now: object) -> World:
        shop = make_shop(conn)
        return shop, make_open_slot(conn, shop, orders=orders)

    return db.write_now(work)


def held_now(conn: sa.Connection, now: datetime, *, shop: Shop, slot: DeliverySlot) -> SlotHold:
    return make_hold(conn, shop, slot, now=now)


def held_by(conn: sa.Connection, now: datetime, *, shop: Shop, slot: DeliverySlot, customer: str) -> SlotHold:
    return make_hold(conn, shop, slot, now=now, customer=customer)


def pools(db: Database) -> list[CapacityPool]:
    return db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))


def test_a_hold_locks_price_and_capacity_for_an_hour(db: Database, clock: Clock) -> None:
    shop, slot = open_world(db)
    held = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))

    assert held.status is HoldStatus.ACTIVE
    assert held.expires_at == clock.now + timedelta(minutes=60)
    assert held.fee == Money(350, "EUR")
    assert sum(part["minor"] for part in held.fee_parts) == 350
    assert held.work_s == 300 + 240
    (pool,) = pools(db)
    assert pool.loads("held") == held.load
    assert held.grams == 12


def test_the_last_unit_belongs_to_its_holder_until_the_second_it_expires(db: Database, clock: Clock) -> None:
    shop, slot = open_world(db, orders=1)
    first = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="ana"))

    clock.set(first.expires_at - timedelta(seconds=1))
    with pytest.raises(SlotFull):
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))

    clock.set(first.expires_at)
    second = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))
    assert second.status is HoldStatus.ACTIVE
    (pool,) = pools(db)
    assert pool.held_orders == 1
    assert db.write_now(lambda c, _: rebuild(c)) == []


def test_a_hundred_shoppers_for_seven_places_get_exactly_seven(db: Database) -> None:
    shop, slot = open_world(db, orders=7)

    def shopper(number: int) -> str:
        wanted = partial(held_by, shop=shop, slot=slot, customer=f"shopper-{number}")
        try:
            in_the_end(partial(db.write_now, wanted))
        except SlotFull as refusal:
            return refusal.code
        return "HELD"

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(shopper, range(100)))

    assert answers.count("HELD") == 7
    assert answers.count("SLOT_FULL") == 93
    (pool,) = pools(db)
    assert pool.held_orders == 7
    assert db.write_now(lambda c, _: rebuild(c)) == []


def deadlocks(db: Database) -> int:
    """How many PostgreSQL has met in this database; connections tell of theirs when they end."""
    if db.engine.dialect.name == "sqlite":
        return 0
    db.engine.dispose()
    counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return db.read_now(lambda c, _: int(c.exec_driver_sql(counted).scalar_one()))


def in_the_end[T](work: Callable[[], T]) -> T:
    """As a client does who is told BUSY: on a slow machine a hot row may take longer than the lock timeout."""
    while True:
        try:
            return work()
        except Busy:
            continue


def test_shoppers_who_change_their_mind_both_ways_never_wait_for_each_other(db: Database) -> None:
    def two_windows(conn: sa.Connection, _now: object) -> tuple[Shop, list[DeliverySlot]]:
        shop, windows = make_shop(conn), [evening(start=18, end=19), evening(start=20, end=21)]
        make_pools(
            conn,
            *(
                pool_plan(shop, window, sell=Load(*(amount * 20 for amount in astuple(ROOM))))
                for window in windows
            ),
        )
        return shop, [make_slot(conn, shop, window) for window in windows]

    shop, slots = db.write_now(two_windows)
    before = deadlocks(db)

    def shopper(number: int) -> None:
        for turn in range(8):
            slot = slots[(number + turn) % 2]
            wanted = partial(held_by, shop=shop, slot=slot, customer=f"shopper-{number}")
            in_the_end(partial(db.write_now, wanted))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(shopper, range(16)))
    assert deadlocks(db) == before
    assert sum(pool.held_orders for pool in pools(db)) == 16
    assert db.write_now(lambda c, _: rebuild(c)) == []


def test_the_same_key_and_input_give_the_same_hold_once(db: Database, clock: Clock) -> None:
    shop, slot = open_world(db)
    key = new_id()
    first = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, key=key))
    clock.forward(timedelta(minutes=59))
    again = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, key=key))

    assert again.model_dump() == first.model_dump()
    assert pools(db)[0].held_orders == 1


def test_the_same_key_with_another_basket_is_refused(db: Database) -> None:
    shop, slot = open_world(db)
    key = new_id()
    db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, key=key))
    with pytest.raises(IdempotencyKeyReused):
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, key=key, basket=make_basket(weight_g=1)))


def test_a_refusal_is_an_answer_too_and_is_repeated(db: Database) -> None:
    shop, slot = open_world(db, orders=1)
    first = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="ana"))
    key = new_id()
    answers = []
    for _ in range(2):
        with pytest.raises(SlotFull) as refused:
            db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui", key=key))
        answers.append(refused.value.facts)
    assert first.status is HoldStatus.ACTIVE
    assert answers[0] == answers[1]


def test_a_full_window_names_the_nearest_open_ones(db: Database) -> None:
    shop, slot = open_world(db, orders=1)

    def more(conn: sa.Connection, _now: object) -> list[str]:
        later = make_slot(conn, shop, evening(start=19, end=20))
        wide = make_slot(conn, shop, evening(start=18, end=22))
        return [later.id, wide.id]

    db.write_now(more)
    db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="ana"))
    with pytest.raises(SlotFull) as refused:
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))
    # The only pool of the zone is taken, so nothing else is open either.
    assert refused.value.facts["alternatives"] == []


def test_holding_another_window_gives_the_first_back(db: Database) -> None:
    shop, slot = open_world(db, orders=1)
    other = db.write_now(lambda c, _: make_slot(c, shop, evening(start=18, end=22)))
    first = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))
    second = db.write_now(lambda c, n: make_hold(c, shop, other, now=n))

    holds = db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold))))
    assert {h.id: h.status for h in holds} == {
        first.id: HoldStatus.RELEASED,
        second.id: HoldStatus.ACTIVE,
    }
    assert pools(db)[0].held_orders == 1


def test_the_cut_off_is_kept_to_the_second(db: Database, clock: Clock) -> None:
    shop, slot = open_world(db)
    clock.set(slot.cutoff_at - timedelta(seconds=1))
    db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="ana"))
    clock.set(slot.cutoff_at)
    with pytest.raises(CutoffPassed):
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))


def test_a_price_that_changed_since_it_was_shown_is_refused_with_the_new_one(db: Database) -> None:
    shop, slot = open_world(db)
    with pytest.raises(FeeChanged) as refused:
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, expected_fee=Money(300, "EUR")))
    assert refused.value.facts["now_minor"] == 350
    assert pools(db)[0].held_orders == 0


@pytest.mark.parametrize(
    "wish",
    [
        DropWish(HandoverMode.SAFE_PLACE, place="the porch"),
        DropWish(HandoverMode.NEIGHBOUR, neighbour="Rui", neighbour_line1="number 14"),
    ],
    ids=["safe place", "neighbour"],
)
def test_a_handover_that_costs_less_than_was_shown_is_held_at_its_lower_fee(
    db: Database, wish: DropWish
) -> None:
    """Offers are priced for a handover in person; where minutes are dear, a quicker one is cheaper."""
    shop, slot = open_world(db)
    dear = {
        "storefront_id": shop.actor.storefront_id,
        "pass_on_bp": 10_000,
        "step_minor": 1,
        "valid_from": NOW,
    }
    db.write_now(lambda c, _: make_fee_rule(c, usual_cost_minor=100, **dear))
    worth = sa.update(table_of(CapacityPool)).values(minute_worth_micro=50_000_000)
    db.write_now(lambda c, _: c.execute(worth) and None)
    in_person = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="ana"))

    shown = in_person.fee
    quicker = db.write_now(
        lambda c, n: make_hold(c, shop, slot, now=n, customer="rui", wish=wish, expected_fee=shown)
    )
    assert quicker.fee.minor < shown.minor

    slower = DropWish(HandoverMode.ATTENDED, extra_min=10)
    with pytest.raises(FeeChanged) as refused:
        db.write_now(
            lambda c, n: make_hold(c, shop, slot, now=n, customer="eva", wish=slower, expected_fee=shown)
        )
    assert refused.value.facts["now_minor"] > shown.minor


def test_a_new_price_table_does_not_touch_what_is_held(db: Database, clock: Clock) -> None:
    shop, slot = open_world(db)
    held = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))
    dearer = {"storefront_id": shop.actor.storefront_id, "base_minor": 900, "valid_from": clock.now}
    db.write_now(lambda c, _: make_fee_rule(c, **dearer))

    again = db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold))))
    assert again[0].fee == held.fee


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"basket": make_basket(weight_g=10_000_000)}, BasketTooLarge),
        ({"basket": make_basket(traits=frozenset({GoodsTrait.BULKY}))}, BasketTooLarge),
        ({"place": Place("the sea", Point(41.1, -9.5))}, OutOfZone),
        (
            {
                "basket": make_basket(traits=frozenset({GoodsTrait.AGE_RESTRICTED})),
                "wish": DropWish(HandoverMode.SAFE_PLACE, place="behind the gate"),
            },
            AgeCheckRequiresHandover,
        ),
    ],
    ids=["too heavy", "too bulky", "out of zone", "alcohol in a safe place"],
)
def test_what_cannot_be_delivered_is_refused_and_leaves_nothing(
    db: Database, changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    shop, slot = open_world(db)
    with pytest.raises(refusal):
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, **changes))
    assert pools(db)[0].held_orders == 0
    assert db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold)))) == []


def test_an_unknown_slot_and_one_of_another_zone_are_not_found(db: Database) -> None:
    shop, slot = open_world(db)
    beside = Point(41.1600, -8.6300)
    other_slot = db.write_now(lambda c, _: make_slot(c, make_shop(c, beside)))
    ghost = DeliverySlot(**{**slot.model_dump(), "id": new_id()})
    for wrong in (ghost, other_slot):
        with pytest.raises(SlotNotFound):
            db.write_now(partial(held_now, shop=shop, slot=wrong))


def test_a_basket_below_the_least_value_is_refused_with_the_amount(db: Database) -> None:
    shop, slot = open_world(db)
    rule = {"storefront_id": shop.actor.storefront_id, "min_order_minor": 5_000, "valid_from": NOW}
    db.write_now(lambda c, _: make_fee_rule(c, **rule))
    with pytest.raises(MinOrderValue, match=r"50\.00 EUR"):
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))


def test_a_window_beyond_the_horizon_is_not_yet_open(db: Database, clock: Clock) -> None:
    shop, slot = open_world(db)
    clock.set(NOW - timedelta(days=20))
    with pytest.raises(BeyondHorizon):
        db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))
