"""Several windows for a lower fee: one unit of one of them, decided later and told."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.confirm import confirm
from app.booking.errors import (
    BookingNotFlexible,
    CutoffPassed,
    FeeChanged,
    SlotFull,
    SlotNotFound,
    WindowsOfOneDay,
)
from app.booking.hold import HoldRequest
from app.booking.hold_flexible import hold_flexible
from app.booking.narrow import narrow
from app.booking.queries import history
from app.booking.reschedule import reschedule
from app.booking.seen import Flexible, seen_bookings
from app.booking.tables import DeliveryBooking, SlotHold
from app.customers.rules import CustomerFacts
from app.database.runner import Database
from app.engagement.letters import booking_confirmed
from app.errors import OperatorsOnly
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.money import Money
from app.values.window import Window
from app.values.wording import window_text
from tests.api import world_on
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import evening, make_basket, make_fee_rule, make_slot

HOUSE = Actor("", Role.OPERATOR, "clock")


def flexible_evening(db: Database, *, early: int = 10, late: int = 10) -> Evening:
    world = open_evening(db, early=early, late=late)
    facts = {"storefront_id": world.shop.actor.storefront_id, "flexible_minor": 60}
    db.write_now(lambda c, n: make_fee_rule(c, **facts, flexible_most_minor=150, valid_from=n))
    return world


def held(world: Evening, *slots: DeliverySlot, **told: Any) -> SlotHold:
    asked = HoldRequest(
        actor=world.shop.actor,
        slot_id="",
        place=world.shop.place,
        basket=make_basket(),
        customer=CustomerFacts(reference=told.pop("customer", "ana"), email="ana@example.com"),
        wish=None,
        expected_fee=told.pop("expected_fee", None),
        cart_reference="",
        key=told.pop("key", None) or new_id(),
    )
    ids = [slot.id for slot in slots or (world.early, world.late)]
    return world.db.write_now(lambda c, n: hold_flexible(c, now=n, slot_ids=ids, asked=asked))


def booked(world: Evening, **told: Any) -> DeliveryBooking:
    found, actor = held(world, **told), world.shop.actor
    return world.db.write_now(
        lambda c, n: confirm(c, now=n, actor=actor, hold_id=found.id, order_reference=found.id, key=new_id())
    )


def narrowed(world: Evening, booking: DeliveryBooking, slot: DeliverySlot | None = None) -> DeliveryBooking:
    slot_id = slot.id if slot else None
    return world.db.write_now(
        lambda c, n: narrow(c, now=n, actor=HOUSE, booking_id=booking.id, slot_id=slot_id)
    )


def flexible(world: Evening, booking: DeliveryBooking) -> Flexible:
    found = world.db.read_now(lambda c, n: seen_bookings(c, now=n, bookings=[booking]))[0].flexible
    assert found is not None
    return found


def test_it_costs_less_and_takes_one_unit_of_one_window(db: Database) -> None:
    world = flexible_evening(db)
    plain, bent = world.hold(customer="rui"), held(world)
    assert bent.fee == plain.fee - Money(60, "EUR")
    assert sum(world.taken(world.early)) + sum(world.taken(world.late)) == 2
    assert world.sound()


def test_when_one_window_is_full_the_other_serves_and_when_both_are_it_is_refused(db: Database) -> None:
    world = flexible_evening(db, early=1, late=1)
    first, second = held(world, customer="a"), held(world, customer="b")
    assert {first.slot_id, second.slot_id} == {world.early.id, world.late.id}
    with pytest.raises(SlotFull):
        held(world, customer="c")
    assert world.sound()


def test_until_it_is_narrowed_the_promise_is_all_of_its_windows(db: Database) -> None:
    world = flexible_evening(db)
    booking = booked(world)
    assert booking.window == Window(world.early.starts_at, world.late.ends_at)
    state = flexible(world, booking)
    assert [slot.id for slot in state.candidates] == [world.early.id, world.late.id]
    assert (state.narrow_by, state.narrowed_at) == (world.early.cutoff_at, None)
    letter = db.read_now(lambda c, n: booking_confirmed(c, n, {"booking_id": booking.id}, world_on(db)))
    both = [window_text(slot.window, letter.locale, slot.time_zone) for slot in (world.early, world.late)]
    assert letter.facts["window"] == " / ".join(both)


def test_narrowing_promises_the_window_that_is_planned_and_says_so_once(db: Database, clock: Clock) -> None:
    world = flexible_evening(db)
    booking = booked(world)
    clock.set(world.early.cutoff_at)
    after = narrowed(world, booking)
    assert after.window in (world.early.window, world.late.window)
    assert (after.fee, after.pool_id) == (booking.fee, booking.pool_id)
    assert flexible(world, after).narrowed_at == clock.now
    lines = db.read_now(lambda c, _: history(c, [booking.id]))[booking.id]
    assert lines[-1].reason == "narrowed to one of the windows that were chosen"
    with pytest.raises(BookingNotFlexible):
        narrowed(world, booking)
    assert world.sound()


def test_an_operator_narrows_to_a_window_that_the_plan_serves_and_nobody_else_does(db: Database) -> None:
    world = flexible_evening(db, late=0)
    booking = booked(world)
    with pytest.raises(SlotNotFound):
        narrowed(world, booking, world.late)
    with pytest.raises(OperatorsOnly):
        db.write_now(lambda c, n: narrow(c, now=n, actor=world.shop.actor, booking_id=booking.id))
    assert narrowed(world, booking, world.early).window == world.early.window


def test_its_customer_may_choose_one_of_the_windows_for_its_own_fee(db: Database) -> None:
    world = flexible_evening(db)
    booking, actor = booked(world), world.shop.actor
    moved = db.write_now(
        lambda c, n: reschedule(
            c, now=n, actor=actor, booking_id=booking.id, slot_id=booking.slot_id, key="k"
        )
    )
    assert moved.fee == booking.fee + Money(60, "EUR")
    assert flexible(world, moved).narrowed_at is not None
    with pytest.raises(BookingNotFlexible):
        narrowed(world, moved)


def test_what_cannot_be_held_so_is_refused(db: Database, clock: Clock) -> None:
    world = flexible_evening(db)
    with pytest.raises(WindowsOfOneDay):
        held(world, world.early)
    next_day = db.write_now(
        lambda c, _: make_slot(c, world.shop, evening(world.early.day + timedelta(days=1)))
    )
    with pytest.raises(WindowsOfOneDay):
        held(world, world.early, next_day)
    with pytest.raises(FeeChanged):
        held(world, expected_fee=Money(1, "EUR"))
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        held(world)
    assert world.taken(world.early) == (0, 0)


def test_the_same_key_holds_once(db: Database) -> None:
    world = flexible_evening(db)
    assert held(world, key="k") == held(world, key="k")
    choices = db.read_now(lambda c, _: c.execute(sa.text("SELECT count(*) FROM flexible_choice")).scalar())
    assert choices == 2
