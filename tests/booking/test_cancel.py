"""Cancelling: free before the cut-off, by policy after it, and never on the way."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.advance import advance
from app.booking.apply_promotion import apply_promotion
from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.errors import (
    BookingEnded,
    BookingOnItsWay,
    CutoffPassed,
    MoveNotAllowed,
    VersionConflict,
)
from app.booking.prefer import prefer
from app.booking.queries import history
from app.booking.rules import BOOKING_MOVES, BookingStatus, LateCancellation
from app.booking.tables import DeliveryBooking
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import OperatorsOnly
from app.events import Cursor, since
from app.handover.rules import DropWish, HandoverMode
from app.promotions.tables import Promotion
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.money import Money
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import make_promotion, set_policy

OPERATOR = Actor("the house", Role.OPERATOR, "operations")


def cancelled(world: Evening, booking: DeliveryBooking, **told: Any) -> DeliveryBooking:
    actor, key = world.shop.actor, told.pop("key", None) or new_id()
    return world.db.write_now(
        lambda c, n: cancel(c, now=n, actor=actor, booking_id=booking.id, key=key, **told)
    )


def advanced(world: Evening, booking: DeliveryBooking, *statuses: BookingStatus) -> DeliveryBooking:
    def step(status: BookingStatus) -> DeliveryBooking:
        return world.db.write_now(
            lambda c, n: advance(c, now=n, actor=OPERATOR, booking_id=booking.id, status=status)
        )

    return [step(status) for status in statuses][-1]


def test_before_the_cut_off_it_is_free_and_the_room_is_there_at_once(db: Database) -> None:
    world = open_evening(db, early=1)
    booking = world.booking()
    after = cancelled(world, booking, reason="away")
    assert (after.status, after.fee) == (BookingStatus.CANCELLED, Money(0, "EUR"))
    assert world.taken(world.early) == (0, 0)
    line = db.read_now(lambda c, _: history(c, [booking.id]))[booking.id][-1]
    assert (line.reason, line.after_starts_at, line.fee_difference) == ("away", None, -booking.fee)
    assert world.booking(customer="rui").status is BookingStatus.CONFIRMED
    assert world.sound()


def test_its_promotion_goes_back_to_the_customer_once(db: Database) -> None:
    world = open_evening(db)
    db.write_now(lambda c, _: make_promotion(c, world.shop))
    held, actor = world.hold(), world.shop.actor
    db.write_now(
        lambda c, n: apply_promotion(c, now=n, actor=actor, hold_id=held.id, code="BEMVINDO", key="p")
    )
    booking = db.write_now(
        lambda c, n: confirm(c, now=n, actor=actor, hold_id=held.id, order_reference="o", key="k")
    )
    for _ in range(2):
        cancelled(world, booking, key="again")
    (promotion,) = db.read_now(lambda c, _: rows(c, Promotion, sa.select(table_of(Promotion))))
    assert (promotion.used, promotion.spent_minor) == (0, 0)


def test_after_the_cut_off_the_policy_asks_a_fee_and_goods_go_back_into_stock(
    db: Database, clock: Clock
) -> None:
    world = open_evening(db)
    terms = {"late_cancellation": LateCancellation.FEE, "late_cancellation_minor": 490}
    db.write_now(lambda c, _: set_policy(c, world.shop, **terms))
    booking = world.booking()
    clock.set(world.early.cutoff_at)
    after = cancelled(world, booking)
    assert (after.status, after.fee) == (BookingStatus.CANCELLED, Money(490, "EUR"))
    kinds = [event.kind for event in db.read_now(lambda c, _: since(c, cursor=Cursor()))]
    assert kinds[-2:] == ["booking.cancelled", "booking.restock"]
    with pytest.raises(CutoffPassed):
        world.hold(customer="rui")


def test_after_the_cut_off_the_policy_may_refuse(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    booking = world.booking()
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        cancelled(world, booking)
    assert world.taken(world.early) == (0, 1)


def test_on_its_way_it_is_refused_at_the_door_and_afterwards_there_is_nothing_left(db: Database) -> None:
    world = open_evening(db)
    out = advanced(world, world.booking(), BookingStatus.IN_FULFILMENT, BookingStatus.OUT_FOR_DELIVERY)
    with pytest.raises(BookingOnItsWay):
        cancelled(world, out)
    done = advanced(world, out, BookingStatus.DELIVERED)
    with pytest.raises(BookingEnded, match="delivered"):
        cancelled(world, done)


def test_a_cancelled_booking_cannot_be_changed_or_cancelled_again(db: Database) -> None:
    world = open_evening(db)
    booking = world.booking()
    with pytest.raises(VersionConflict):
        cancelled(world, booking, expected_version=9)
    cancelled(world, booking)
    with pytest.raises(BookingEnded):
        cancelled(world, booking)
    wish, actor = DropWish(HandoverMode.SAFE_PLACE, place="the porch"), world.shop.actor
    with pytest.raises(BookingEnded):
        db.write_now(lambda c, n: prefer(c, now=n, actor=actor, wish=wish, booking_id=booking.id))
    assert world.sound()


def test_a_booking_moves_along_the_table_only_and_by_operators_only(db: Database) -> None:
    world = open_evening(db)
    booking = world.booking()
    with pytest.raises(OperatorsOnly):
        db.write_now(
            lambda c, n: advance(
                c,
                now=n,
                actor=world.shop.actor,
                booking_id=booking.id,
                status=BookingStatus.IN_FULFILMENT,
            )
        )
    with pytest.raises(MoveNotAllowed, match="IN_FULFILMENT"):
        advanced(world, booking, BookingStatus.DELIVERED)
    with pytest.raises(MoveNotAllowed):
        advanced(world, booking, BookingStatus.CANCELLED)
    failed = advanced(
        world,
        booking,
        BookingStatus.IN_FULFILMENT,
        BookingStatus.OUT_FOR_DELIVERY,
        BookingStatus.FAILED,
        BookingStatus.RETURNED,
    )
    assert failed.version == 5


def test_every_status_has_its_moves_and_none_leads_back_to_the_promise() -> None:
    assert set(BOOKING_MOVES) == set(BookingStatus)
    assert all(BookingStatus.CONFIRMED not in after for after in BOOKING_MOVES.values())
