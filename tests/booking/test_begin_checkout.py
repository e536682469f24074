"""Paying for a hold: extended once, never past the ceiling."""

from datetime import datetime, timedelta

import pytest

from app.booking.begin_checkout import begin_checkout
from app.booking.errors import CutoffPassed, HoldEnded
from app.booking.tables import SlotHold
from app.database.runner import Database
from app.promotions.queries import applied
from app.promotions.reserve import reserve
from app.values.ids import new_id
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import make_promotion, set_policy


def begun(world: Evening, held: SlotHold, key: str | None = None) -> SlotHold:
    actor = world.shop.actor
    return world.db.write_now(
        lambda c, n: begin_checkout(c, now=n, actor=actor, hold_id=held.id, key=key or new_id())
    )


def test_paying_late_leaves_ten_minutes_and_paying_early_changes_nothing(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    early, late = world.hold(customer="ana"), world.hold(customer="rui")
    assert begun(world, early).expires_at == early.expires_at
    clock.set(late.expires_at - timedelta(minutes=2))
    assert begun(world, late).expires_at == clock.now + timedelta(minutes=10)


def test_a_hold_is_extended_once(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    held = world.hold()
    clock.set(held.expires_at - timedelta(minutes=2))
    first = begun(world, held)
    clock.forward(timedelta(minutes=5))
    assert begun(world, held) == first


def test_no_hold_lasts_longer_than_the_ceiling(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    db.write_now(lambda c, _: set_policy(c, world.shop, hold_min=118))
    held = world.hold()
    clock.set(held.expires_at - timedelta(minutes=1))
    assert begun(world, held).expires_at == held.created_at + timedelta(minutes=120)


def test_the_promotions_of_the_hold_are_reserved_as_long(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    held = world.hold()

    def use(conn, now: datetime) -> None:  # type: ignore[no-untyped-def]  # a closure of this test
        make_promotion(conn, world.shop)
        reserve(
            conn,
            now=now,
            storefront_id=held.storefront_id,
            customer_id=held.customer_id,
            hold_id=held.id,
            zone_id=held.zone_id,
            window=world.early.window,
            zone=world.early.time_zone,
            fee=held.fee,
            code="BEMVINDO",
            reserved_until=held.expires_at,
        )

    db.write_now(use)
    clock.set(held.expires_at - timedelta(minutes=2))
    longer = begun(world, held)
    clock.set(longer.expires_at - timedelta(seconds=1))
    assert [p.code for p in db.read_now(lambda c, _: applied(c, [held.id]))[held.id]] == ["BEMVINDO"]


def test_an_ended_hold_and_a_closed_window_are_not_paid_for(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    held = world.hold()
    clock.set(held.expires_at)
    with pytest.raises(HoldEnded):
        begun(world, held)
    clock.set(world.early.cutoff_at - timedelta(minutes=1))
    late = world.hold(customer="rui")
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        begun(world, late)
