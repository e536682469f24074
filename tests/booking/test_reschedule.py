"""Moving a booking: the new window first, one transaction, the difference settled once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.apply_promotion import apply_promotion
from app.booking.confirm import confirm
from app.booking.errors import (
    BookingNotFound,
    CutoffPassed,
    FeeDifferenceChanged,
    MoveLimitReached,
    SameWindow,
    SlotFull,
    SlotNotFound,
    VersionConflict,
)
from app.booking.move_offers import move_offers
from app.booking.queries import history
from app.booking.reschedule import reschedule
from app.booking.tables import DeliveryBooking
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Refusal
from app.jobs import Job
from app.promotions.tables import Promotion
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.money import Money
from tests.booking.world import Evening, open_evening, wide_slot
from tests.conftest import Clock
from tests.factories import HOME, make_fee_rule, make_promotion, make_shop, make_slot, set_policy


def moved(world: Evening, booking: DeliveryBooking, slot: DeliverySlot, **told: Any) -> DeliveryBooking:
    actor, key = told.pop("actor", world.shop.actor), told.pop("key", None) or new_id()
    return world.db.write_now(
        lambda c, n: reschedule(
            c, now=n, actor=actor, booking_id=booking.id, slot_id=slot.id, key=key, **told
        )
    )


def test_a_moved_booking_has_its_new_window_room_and_history(db: Database) -> None:
    world = open_evening(db)
    booking = world.booking()
    after = moved(world, booking, world.late, reason="back late")
    assert (after.window, after.moves, after.version) == (world.late.window, 1, 2)
    assert (world.taken(world.early), world.taken(world.late)) == ((0, 0), (0, 1))
    line = db.read_now(lambda c, _: history(c, [booking.id]))[booking.id][-1]
    assert (line.actor, line.reason) == ("test storefront", "back late")
    assert (line.before_starts_at, line.after_starts_at) == (world.early.starts_at, world.late.starts_at)
    kinds = [job.kind for job in db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))]
    assert kinds.count("engagement.booking_moved") == 1
    assert world.sound()


def test_a_taken_window_leaves_the_booking_where_it_is(db: Database) -> None:
    world = open_evening(db, late=1)
    world.booking(world.late, customer="rui")
    booking = world.booking()
    with pytest.raises(SlotFull):
        moved(world, booking, world.late)
    assert (world.taken(world.early), world.taken(world.late)) == ((0, 1), (0, 1))
    assert world.sound()


def test_a_window_served_by_the_same_vehicles_needs_no_second_unit(db: Database) -> None:
    world = open_evening(db, early=1)
    wide = wide_slot(world)
    booking = world.booking()
    after = moved(world, booking, wide)
    assert (after.window, after.pool_id) == (wide.window, booking.pool_id)
    assert world.taken(world.early) == (0, 1)
    assert world.sound()


def test_the_difference_is_shown_before_and_settled_once(db: Database) -> None:
    world = open_evening(db)
    wide = wide_slot(world)
    booking = world.booking()
    offers = db.read_now(lambda c, n: move_offers(c, now=n, actor=world.shop.actor, booking_id=booking.id))
    shown = {one.offer.slot.id: one.difference for one in offers}
    assert shown == {wide.id: Money(-100, "EUR"), world.late.id: Money(0, "EUR")}
    for _ in range(2):
        after = moved(world, booking, wide, key="k", expected_difference=shown[wide.id])
    assert after.fee == booking.fee + Money(-100, "EUR")
    lines = db.read_now(lambda c, _: history(c, [booking.id]))[booking.id]
    assert [line.fee_difference for line in lines] == [None, Money(-100, "EUR")]


def test_a_difference_that_changed_since_is_refused_with_the_new_one(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    booking = world.booking()
    dearer = {"storefront_id": booking.storefront_id, "base_minor": 500, "valid_from": clock.now}
    db.write_now(lambda c, _: make_fee_rule(c, **dearer))
    with pytest.raises(FeeDifferenceChanged) as refused:
        moved(world, booking, world.late, expected_difference=Money(0, "EUR"))
    assert refused.value.facts["now_minor"] == 200
    assert world.taken(world.late) == (0, 0)


def test_a_promotion_stays_where_it_applies_and_is_lost_where_it_does_not(db: Database) -> None:
    world = open_evening(db)
    noon = world.early.starts_at - timedelta(hours=6)

    def work(conn: sa.Connection, _now: object) -> DeliverySlot:
        make_promotion(conn, world.shop, evening_only=True)
        window = type(world.early.window)(noon, noon + timedelta(hours=8))
        return make_slot(conn, world.shop, window, cutoff_at=world.early.cutoff_at - timedelta(hours=6))

    long_one = db.write_now(work)
    held = world.hold()
    actor = world.shop.actor
    db.write_now(
        lambda c, n: apply_promotion(c, now=n, actor=actor, hold_id=held.id, code="BEMVINDO", key="p")
    )
    booking = db.write_now(
        lambda c, n: confirm(c, now=n, actor=actor, hold_id=held.id, order_reference="o", key="k")
    )
    moved(world, booking, world.late)
    (promotion,) = db.read_now(lambda c, _: rows(c, Promotion, sa.select(table_of(Promotion))))
    assert (promotion.used, promotion.spent_minor) == (1, 200)
    moved(world, booking, long_one)
    (promotion,) = db.read_now(lambda c, _: rows(c, Promotion, sa.select(table_of(Promotion))))
    assert (promotion.used, promotion.spent_minor) == (0, 0)
    lines = db.read_now(lambda c, _: history(c, [booking.id]))[booking.id]
    assert [line.after_fee_minor for line in lines] == [250, 250, 300]


def test_moves_are_counted_and_limited(db: Database) -> None:
    world = open_evening(db)
    db.write_now(lambda c, _: set_policy(c, world.shop, move_limit=1))
    booking = world.booking()
    moved(world, booking, world.late)
    with pytest.raises(MoveLimitReached):
        moved(world, booking, world.early)


def test_what_cannot_be_moved_so_is_refused_and_stays(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    booking = world.booking()
    with pytest.raises(SameWindow):
        moved(world, booking, world.early)
    with pytest.raises(VersionConflict):
        moved(world, booking, world.late, expected_version=7)
    with pytest.raises(BookingNotFound):
        moved(world, booking, world.late, actor=Actor(new_id(), Role.STOREFRONT, "stranger"))
    elsewhere = db.write_now(
        lambda c, _: make_slot(c, make_shop(c, point=type(HOME)(HOME.latitude + 0.1, HOME.longitude)))
    )
    with pytest.raises(SlotNotFound):
        moved(world, booking, elsewhere)
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        moved(world, booking, world.late)
    assert world.taken(world.early) == (0, 1)


def test_two_customers_who_swap_windows_at_once_never_take_more_than_there_is(db: Database) -> None:
    world = open_evening(db, early=4, late=4)
    there = [world.booking(world.early, customer=f"e{i}") for i in range(3)]
    back = [world.booking(world.late, customer=f"l{i}") for i in range(3)]

    def attempt(pair: tuple[DeliveryBooking, DeliverySlot]) -> bool:
        try:
            moved(world, *pair)
        except Refusal:
            return False
        return True

    pairs = [(b, world.late) for b in there] + [(b, world.early) for b in back]
    with ThreadPoolExecutor(6) as threads:
        assert any(threads.map(attempt, pairs))
    assert sum(world.taken(world.early)) + sum(world.taken(world.late)) == 6
    assert world.sound()
