"""A payment that arrives after the hold has ended: the window at the held fee, or three others and no booking."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.apply_promotion import apply_promotion
from app.booking.confirm import confirm
from app.booking.errors import HoldExpired
from app.booking.reclaim import reclaim
from app.booking.seen import seen_bookings
from app.booking.tables import DeliveryBooking, SlotHold
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.slots.tables import DeliverySlot
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import evening, make_fee_rule, make_promotion, make_slot


def confirmed(world: Evening, held: SlotHold, key: str = "k") -> DeliveryBooking:
    actor = world.shop.actor
    return world.db.write_now(
        lambda c, n: confirm(c, now=n, actor=actor, hold_id=held.id, order_reference=held.id, key=key)
    )


@pytest.mark.parametrize("noticed", [False, True])
def test_the_window_is_taken_again_at_the_held_fee(db: Database, clock: Clock, noticed: bool) -> None:
    world = open_evening(db, early=1)
    held = world.hold()
    dearer = {"storefront_id": held.storefront_id, "base_minor": 900, "valid_from": clock.now}
    db.write_now(lambda c, _: make_fee_rule(c, **dearer))
    clock.set(held.expires_at + timedelta(minutes=5))
    if noticed:
        assert db.write_now(lambda c, n: reclaim(c, now=n)) == 1
        assert world.taken(world.early) == (0, 0)
    booking = confirmed(world, held)
    assert (booking.fee, booking.window) == (held.fee, world.early.window)
    assert world.taken(world.early) == (0, 1)
    assert world.sound()


def test_a_taken_window_books_nothing_and_names_three_others(db: Database, clock: Clock) -> None:
    world = open_evening(db, early=1)
    others = [(20, 21)] + [(18, 20), (18, 21), (19, 21)]
    db.write_now(lambda c, _: [make_slot(c, world.shop, evening(start=a, end=b)) for a, b in others[1:]])
    held = world.hold()
    clock.set(held.expires_at)
    world.hold(customer="rui")
    with pytest.raises(HoldExpired) as refused:
        confirmed(world, held)
    assert len(refused.value.facts["alternatives"]) == 3
    assert db.read_now(lambda c, _: rows(c, DeliveryBooking, sa.select(table_of(DeliveryBooking)))) == []
    assert world.taken(world.early) == (1, 0)
    with pytest.raises(HoldExpired):
        confirmed(world, held)


def test_a_promotion_that_lapsed_with_the_hold_counts_again(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    db.write_now(lambda c, _: make_promotion(c, world.shop))
    held = world.hold()
    actor = world.shop.actor
    db.write_now(
        lambda c, n: apply_promotion(c, now=n, actor=actor, hold_id=held.id, code="BEMVINDO", key="p")
    )
    clock.set(held.expires_at)
    db.write_now(lambda c, n: reclaim(c, now=n))
    booking = confirmed(world, held)
    (seen,) = db.read_now(lambda c, n: seen_bookings(c, now=n, bookings=[booking]))
    assert seen.fee.total.minor == held.fee_minor - 200


def test_a_promotion_that_is_gone_meanwhile_books_nothing(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    db.write_now(lambda c, _: make_promotion(c, world.shop, max_uses=1))
    actor = world.shop.actor

    def use(held: SlotHold) -> None:
        db.write_now(
            lambda c, n: apply_promotion(c, now=n, actor=actor, hold_id=held.id, code="BEMVINDO", key=held.id)
        )

    held = world.hold()
    use(held)
    clock.set(held.expires_at)
    use(world.hold(customer="rui"))
    with pytest.raises(HoldExpired):
        confirmed(world, held)


def test_a_window_that_is_no_more_is_not_taken_again(db: Database, clock: Clock) -> None:
    world = open_evening(db, early=1)
    held = world.hold()
    clock.set(held.expires_at)
    assert db.write_now(lambda c, n: reclaim(c, now=n)) == 1
    table = table_of(DeliverySlot)
    gone = sa.update(table).where(table.c.id == held.slot_id)
    db.write_now(lambda c, n: c.execute(gone.values(withdrawn_at=n)))
    with pytest.raises(HoldExpired):
        confirmed(world, held)
    assert world.taken(world.early) == (0, 0)
