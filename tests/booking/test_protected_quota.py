"""A kept part as shoppers meet it: closed for others with the instant of its release, open for the group."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.errors import ProtectedQuota, SlotFull
from app.booking.offer import offer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.booking.rules import SlotClosedReason
from app.booking.slot_offer import SlotOffer
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.quota_rules import QuotaDraft
from app.capacity.save_quota import save_quota
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.slots.queries import slots_between
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
from tests.conftest import Clock
from tests.factories import (
    ROOM,
    Shop,
    evening,
    make_basket,
    make_hold,
    make_pools,
    make_shop,
    make_slot,
    pool_plan,
)
from tests.ledger import assert_ledger_equals_counters
from tests.patience import patiently

OLGA = Actor("house", Role.OPERATOR, "Olga")
RELEASE = evening().start - timedelta(hours=3)


def opened(db: Database, orders: int = 3, kept: int = 2) -> tuple[Shop, DeliverySlot]:
    def work(conn: Connection, now: datetime) -> tuple[Shop, DeliverySlot]:
        shop = make_shop(conn)
        buckets = [evening(start=18, end=19), evening(start=20, end=21)]
        room = replace(ROOM, orders=orders, work_s=ROOM.work_s * 10)
        make_pools(conn, *(pool_plan(shop, bucket, sell=room) for bucket in buckets))
        slot = make_slot(conn, shop)
        make_slot(conn, shop, evening(start=20, end=22))
        draft = QuotaDraft(key="gold", audience="gold", orders=kept, release_min=60)
        save_quota(conn, now=now, actor=OLGA, draft=draft, reason="loyal customers")
        return shop, slot

    return db.write_now(work)


def held(db: Database, shop: Shop, slot: DeliverySlot, name: str, group: str | None = None) -> SlotHold:
    return db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer=name, group=group))


def seen(db: Database, shop: Shop, customer: str | None = None) -> SlotOffer:
    day = evening().start.date()
    found = db.read_now(
        lambda c, n: offer(
            c,
            now=n,
            actor=shop.actor,
            place=shop.place,
            basket=make_basket(),
            first=day,
            last=day,
            customer_reference=customer,
        )
    )
    return found.days[0].offers[0]


def kept_left(db: Database) -> int:
    return kept_by_pool(db)[0]


def kept_by_pool(db: Database) -> list[int]:
    pool = table_of(CapacityPool)
    found = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(pool).order_by(pool.c.starts_at)))
    return [one.protected_orders - one.protected_used for one in found]


def test_others_see_the_window_closed_until_the_release_and_the_group_sees_it_open(db: Database) -> None:
    shop, slot = opened(db)
    held(db, shop, slot, "gina", "gold")
    held(db, shop, slot, "ana")
    closed = seen(db, shop).closed
    assert closed is not None
    assert closed.reason is SlotClosedReason.PROTECTED_QUOTA
    assert "2026-11-25T15:00:00+00:00" in closed.message
    assert seen(db, shop, "gina").available
    with pytest.raises(ProtectedQuota) as refused:
        held(db, shop, slot, "berta")
    assert "2026-11-25T15:00:00+00:00" in refused.value.message
    assert held(db, shop, slot, "grete", "gold").customer_group == "gold"
    assert seen(db, shop, "grete").closed is not None
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_at_the_second_of_release_it_is_open_to_all_without_any_job(db: Database, clock: Clock) -> None:
    shop, slot = opened(db, orders=2, kept=2)
    clock.set(RELEASE - timedelta(seconds=1))
    assert not seen(db, shop).available
    with pytest.raises(ProtectedQuota):
        held(db, shop, slot, "ana")
    clock.set(RELEASE)
    assert seen(db, shop).available
    held(db, shop, slot, "ana")
    held(db, shop, slot, "berta")
    with pytest.raises(SlotFull) as full:
        held(db, shop, slot, "carla")
    assert full.value.code == "SLOT_FULL"


def test_a_full_window_is_full_and_not_kept(db: Database) -> None:
    shop, slot = opened(db)
    held(db, shop, slot, "ana")
    for name in ("gina", "grete"):
        held(db, shop, slot, name, "gold")
    closed = seen(db, shop).closed
    assert closed is not None
    assert closed.reason is SlotClosedReason.FULL


def test_release_and_expiry_keep_the_place_again_and_a_booking_does_not(db: Database, clock: Clock) -> None:
    shop, slot = opened(db)
    first = held(db, shop, slot, "gina", "gold")
    assert kept_left(db) == 1
    db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=first.id))
    assert kept_left(db) == 2

    second = held(db, shop, slot, "gina", "gold")
    clock.forward(timedelta(hours=1))
    held(db, shop, slot, "ana")
    # Her hold has ended, so its place is kept again, whether it was tidied or not.
    assert not seen(db, shop).available
    with pytest.raises(ProtectedQuota):
        held(db, shop, slot, "berta")
    assert second.customer_group == "gold"
    db.write_now(lambda c, n: reclaim(c, now=n))
    assert kept_left(db) == 2

    third = held(db, shop, slot, "grete", "gold")
    booking = db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=third.id, order_reference="o", key="k")
    )
    assert (kept_left(db), booking.customer_group) == (1, "gold")
    db.write_now(lambda c, n: cancel(c, now=n, actor=shop.actor, booking_id=booking.id, key="c"))
    assert kept_left(db) == 2
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_moving_away_keeps_the_place_again(db: Database) -> None:
    shop, slot = opened(db)
    day = slot.day
    (_, later) = db.read_now(lambda c, _: slots_between(c, zone_id=shop.zone_id, first=day, last=day))
    third = held(db, shop, slot, "grete", "gold")

    def work(conn: Connection, now: datetime) -> DeliveryBooking:
        booked = confirm(conn, now=now, actor=shop.actor, hold_id=third.id, order_reference="o", key="k")
        return reschedule(
            conn, now=now, actor=shop.actor, booking_id=booked.id, slot_id=later.id, key=new_id()
        )

    moved = db.write_now(work)
    assert moved.slot_id == later.id
    assert kept_by_pool(db) == [2, 1]
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_shoppers_of_two_groups_at_once_never_get_more_than_there_is(db: Database) -> None:
    shop, slot = opened(db, orders=12, kept=5)

    def shopper(number: int) -> str:
        group = "gold" if number % 5 == 0 else None
        try:
            patiently(lambda: held(db, shop, slot, f"c{number}", group))
        except SlotFull:
            return "refused"
        return group or "other"

    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(shopper, range(40)))
    assert done.count("gold") + done.count("other") == 12
    assert 5 <= done.count("gold") <= 8
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_the_ended_holds_of_others_are_not_kept_for_anybody(db: Database, clock: Clock) -> None:
    shop, slot = opened(db, orders=3, kept=2)
    held(db, shop, slot, "ana")
    assert not seen(db, shop).available
    clock.forward(timedelta(hours=1))
    assert seen(db, shop).available
    held(db, shop, slot, "berta")


def test_an_ended_hold_frees_its_place_where_nothing_is_kept(db: Database, clock: Clock) -> None:
    shop, slot = opened(db, orders=1, kept=0)
    held(db, shop, slot, "ana")
    assert not seen(db, shop).available
    clock.forward(timedelta(hours=1))
    assert seen(db, shop).available
