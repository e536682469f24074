"""Changing the handover of a hold or a booking: goods, minutes at the door, cut-off, versions."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.confirm import confirm
from app.booking.errors import CutoffPassed, HoldEnded, SlotFull, VersionConflict
from app.booking.prefer import prefer
from app.booking.tables import SlotHold
from app.capacity.rebuild import rebuild
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.handover.errors import AgeCheckRequiresHandover
from app.handover.rules import DropWish, HandoverMode
from app.slots.tables import DeliverySlot
from app.values.basket import GoodsTrait
from app.values.load import Load
from app.values.window import Window
from tests.conftest import Clock
from tests.factories import (
    NOW,
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

PORCH = DropWish(HandoverMode.SAFE_PLACE, place="the porch", note="behind the bench")


def open_world(
    db: Database, *, work_s: int = 36_000, wine: bool = False
) -> tuple[Shop, DeliverySlot, SlotHold]:
    def work(conn: sa.Connection, _now: object) -> tuple[Shop, DeliverySlot, SlotHold]:
        shop = make_shop(conn)
        window = evening()
        bucket = Window(window.start, window.start + timedelta(hours=1))
        room = Load(10, work_s, ROOM.volume_ml, ROOM.weight_g, ROOM.chilled_ml, ROOM.frozen_ml)
        make_pools(conn, pool_plan(shop, bucket, sell=room))
        slot = make_slot(conn, shop, window)
        traits = frozenset({GoodsTrait.AGE_RESTRICTED}) if wine else frozenset()
        return shop, slot, make_hold(conn, shop, slot, now=NOW, basket=make_basket(traits=traits))

    return db.write_now(work)


def test_a_safe_place_gives_minutes_back_and_a_longer_handover_takes_them(db: Database) -> None:
    shop, _, held = open_world(db)
    porch = db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=PORCH, hold_id=held.id))
    assert held.work_s - porch.work_s == 120
    slow = DropWish(HandoverMode.ATTENDED, extra_min=5)
    stairs = db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=slow, hold_id=held.id))
    assert stairs.work_s - held.work_s == 300
    (pool,) = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    assert pool.held_work_s == stairs.work_s
    assert stairs.version == 3
    assert db.write_now(lambda c, _: rebuild(c)) == []


def test_minutes_that_the_pool_does_not_have_are_refused(db: Database) -> None:
    shop, _, held = open_world(db, work_s=600)
    slow = DropWish(HandoverMode.ATTENDED, extra_min=10)
    with pytest.raises(SlotFull):
        db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=slow, hold_id=held.id))


def test_alcohol_is_handed_over_in_person_only(db: Database) -> None:
    shop, _, held = open_world(db, wine=True)
    with pytest.raises(AgeCheckRequiresHandover):
        db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=PORCH, hold_id=held.id))


def test_a_booking_may_be_changed_until_the_cut_off(db: Database, clock: Clock) -> None:
    shop, slot, held = open_world(db)
    booking = db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=held.id, order_reference="o", key="k")
    )
    clock.set(slot.cutoff_at - timedelta(seconds=1))
    changed = db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=PORCH, booking_id=booking.id))
    assert changed.drop_preference_id != booking.drop_preference_id
    clock.set(slot.cutoff_at)
    with pytest.raises(CutoffPassed):
        db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=PORCH, booking_id=booking.id))


def test_a_change_on_an_old_version_is_refused(db: Database) -> None:
    shop, _, held = open_world(db)
    with pytest.raises(VersionConflict):
        db.write_now(
            lambda c, n: prefer(c, now=n, actor=shop.actor, wish=PORCH, hold_id=held.id, expected_version=7)
        )


def test_an_ended_hold_cannot_be_changed(db: Database, clock: Clock) -> None:
    shop, _, held = open_world(db)
    clock.set(held.expires_at)
    with pytest.raises(HoldEnded):
        db.write_now(lambda c, n: prefer(c, now=n, actor=shop.actor, wish=PORCH, hold_id=held.id))
