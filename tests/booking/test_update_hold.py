"""Changing the goods of a hold: in place where they fit, in conflict where they do not, never an overload."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.booking.confirm import confirm
from app.booking.errors import CutoffPassed, HoldConflicted, VersionConflict
from app.booking.rules import HoldStatus, SlotClosedReason
from app.booking.tables import SlotHold
from app.booking.update_hold import update_hold
from app.database.runner import Database
from app.handover.errors import AgeCheckRequiresHandover
from app.handover.rules import DropWish, HandoverMode
from app.values.basket import Basket, GoodsTrait
from app.values.ids import new_id
from app.values.money import Money
from tests.booking.world import Evening, open_evening, room
from tests.conftest import Clock
from tests.factories import evening, make_basket, make_fee_rule, make_pools, make_vehicle_class, pool_plan

PORCH = DropWish(HandoverMode.SAFE_PLACE, place="the porch")
MORE = make_basket(ambient_ml=60_000, weight_g=30_000)
TOO_MUCH = make_basket(ambient_ml=900_000)


def updated(world: Evening, held: SlotHold, basket: Basket | None = None, **told: Any) -> SlotHold:
    actor, key = world.shop.actor, told.pop("key", None) or new_id()
    return world.db.write_now(
        lambda c, n: update_hold(c, now=n, actor=actor, hold_id=held.id, basket=basket, key=key, **told)
    )


def test_a_basket_that_still_fits_is_updated_in_place_at_the_locked_fee(db: Database) -> None:
    world = open_evening(db)
    held = world.hold()
    after = updated(world, held, MORE)
    assert (after.status, after.basket, after.fee, after.version) == (HoldStatus.ACTIVE, MORE, held.fee, 2)
    assert world.pool(world.early).held_volume_ml == MORE.volume_ml
    assert world.sound()


def test_a_basket_that_no_vehicle_carries_leaves_the_hold_in_conflict(db: Database) -> None:
    world = open_evening(db)
    held = world.hold()
    after = updated(world, held, TOO_MUCH)
    assert (after.status, after.conflict) == (HoldStatus.CONFLICTED, SlotClosedReason.FLEET_CAPACITY)
    assert after.load == held.load
    actor = world.shop.actor
    with pytest.raises(HoldConflicted):
        db.write_now(
            lambda c, n: confirm(c, now=n, actor=actor, hold_id=held.id, order_reference="o", key="k")
        )
    assert world.sound()


def test_undoing_the_change_ends_the_conflict(db: Database) -> None:
    world = open_evening(db)
    held = world.hold()
    updated(world, held, TOO_MUCH)
    back = updated(world, held, held.basket)
    assert (back.status, back.conflict, back.wanted) == (HoldStatus.ACTIVE, None, None)
    assert back.load == held.load


def test_a_full_pool_is_a_conflict_and_not_an_overload(db: Database) -> None:
    world = open_evening(db, early=2)
    sell = replace(room(2), volume_ml=60_000)
    db.write_now(lambda c, _: make_pools(c, pool_plan(world.shop, world.early.window, sell=sell)))
    held = world.hold()
    after = updated(world, held, make_basket(ambient_ml=80_000))
    assert after.conflict is SlotClosedReason.FULL
    assert world.sound()


def test_goods_that_the_vehicle_cannot_carry_move_to_another_of_the_same_window(db: Database) -> None:
    world = open_evening(db)

    def add_van(conn: Any, _now: object) -> None:
        van = make_vehicle_class(conn, volume_ml=2_000_000, weight_g=900_000)
        window = evening(start=18, end=19)
        bike = pool_plan(world.shop, window, sell=room(10))
        make_pools(conn, bike, pool_plan(world.shop, window, vehicle_class_id=van.id, cost_minor=900))

    db.write_now(add_van)
    held = world.hold()
    after = updated(world, held, make_basket(ambient_ml=500_000, weight_g=200_000))
    assert after.status is HoldStatus.ACTIVE
    assert after.pool_id != held.pool_id
    assert world.sound()


def test_wine_does_not_go_to_the_porch_that_was_chosen_before(db: Database) -> None:
    world = open_evening(db)
    held = world.hold(wish=PORCH)
    wine = make_basket(traits=frozenset({GoodsTrait.AGE_RESTRICTED}))
    assert updated(world, held, wine).conflict is SlotClosedReason.HANDOVER_RULE
    with pytest.raises(AgeCheckRequiresHandover):
        updated(world, held, wine, wish=PORCH)
    at_the_door = updated(world, held, wine, wish=DropWish(HandoverMode.ATTENDED))
    assert at_the_door.status is HoldStatus.ACTIVE


def test_a_basket_below_the_least_value_is_a_conflict(db: Database) -> None:
    world = open_evening(db)
    facts = {"storefront_id": world.shop.actor.storefront_id, "min_order_minor": 4_000}
    held = world.hold()
    db.write_now(lambda c, n: make_fee_rule(c, **facts, valid_from=n))
    after = updated(world, held, make_basket(value=Money(3_999, "EUR")))
    assert after.conflict is SlotClosedReason.MIN_ORDER_VALUE


def test_a_hold_in_conflict_ends_in_its_time_and_gives_all_back(db: Database, clock: Clock) -> None:
    world = open_evening(db, early=1)
    held = world.hold()
    updated(world, held, TOO_MUCH)
    clock.set(held.expires_at)
    assert world.hold(customer="rui").status is HoldStatus.ACTIVE
    assert world.taken(world.early) == (1, 0)
    assert world.sound()


def test_the_same_key_changes_once_and_an_old_version_is_refused(db: Database) -> None:
    world = open_evening(db)
    held = world.hold()
    first = updated(world, held, MORE, key="k")
    assert updated(world, held, MORE, key="k") == first
    with pytest.raises(VersionConflict):
        updated(world, held, held.basket, expected_version=1)


def test_a_hold_changes_until_the_cut_off(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    clock.set(world.early.cutoff_at - timedelta(minutes=1))
    held = world.hold()
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        updated(world, held, MORE)
