"""Waiting: the offer is a hold, in order of priority and time, and freed room goes to those who wait first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.errors import (
    CutoffPassed,
    SlotFull,
    SlotNotFound,
    TooManyWindows,
    WaitlistEntryEnded,
    WaitlistEntryNotFound,
)
from app.booking.join_waitlist import join_waitlist
from app.booking.leave_waitlist import leave_waitlist
from app.booking.offer import offer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.booking.rules import HoldOrigin, HoldStatus, WaitlistStatus
from app.booking.seen_waitlist import SeenEntry, seen_entries
from app.booking.tables import DeliveryBooking, SlotHold, WaitlistEntry
from app.customers.rules import CustomerFacts
from app.database.rows import by_id, rows, table_of
from app.database.runner import Database
from app.jobs import Job
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.basket import Basket
from app.values.ids import new_id
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import make_basket, make_shop, make_slot, set_policy


def joined(
    world: Evening, customer: str, *slots: DeliverySlot, basket: Basket | None = None, **told: Any
) -> WaitlistEntry:
    chosen = [slot.id for slot in slots or (world.early,)]

    def work(conn: sa.Connection, now: Any) -> WaitlistEntry:
        joined = join_waitlist(
            conn,
            now=now,
            actor=world.shop.actor,
            place=world.shop.place,
            basket=basket or make_basket(),
            customer=CustomerFacts(reference=customer, name=customer, email=f"{customer}@example.com"),
            **{"key": new_id(), "slot_ids": chosen, **told},
        )
        return joined.entry

    return world.db.write_now(work)


def seen(world: Evening, entry: WaitlistEntry) -> SeenEntry:
    def look(conn: sa.Connection, now: Any) -> SeenEntry:
        row = by_id(conn, WaitlistEntry, entry.id)
        assert row is not None
        return seen_entries(conn, now=now, entries=[row])[0]

    return world.db.read_now(look)


def statuses(world: Evening, *entries: WaitlistEntry) -> list[WaitlistStatus]:
    return [seen(world, entry).status for entry in entries]


def give_up(world: Evening, booking: DeliveryBooking) -> None:
    actor = world.shop.actor
    world.db.write_now(lambda c, n: cancel(c, now=n, actor=actor, booking_id=booking.id, key=new_id()))


def test_a_cancelled_booking_becomes_an_offer_in_the_same_transaction(db: Database, clock: Clock) -> None:
    world = open_evening(db, early=1)
    booking = world.booking()
    first, second = joined(world, "ana"), joined(world, "rui")
    assert statuses(world, first, second) == [WaitlistStatus.WAITING, WaitlistStatus.WAITING]
    give_up(world, booking)
    assert statuses(world, first, second) == [WaitlistStatus.OFFERED, WaitlistStatus.WAITING]
    offered = seen(world, first).offer
    assert offered is not None
    assert (offered.row.origin, offered.expires_at) == (
        HoldOrigin.WAITLIST,
        clock.now + timedelta(minutes=30),
    )
    with pytest.raises(SlotFull):
        world.hold(customer="zoe")
    kinds = [job.kind for job in db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))]
    assert kinds.count("engagement.waitlist_offered") == 1
    assert world.sound()


def test_an_offer_is_confirmed_like_any_hold(db: Database) -> None:
    world = open_evening(db, early=1)
    booking = world.booking()
    entry = joined(world, "ana")
    give_up(world, booking)
    held = seen(world, entry).offer
    assert held is not None
    actor = world.shop.actor
    db.write_now(
        lambda c, n: confirm(c, now=n, actor=actor, hold_id=held.row.id, order_reference="o", key="k")
    )
    assert statuses(world, entry) == [WaitlistStatus.ACCEPTED]
    assert world.taken(world.early) == (0, 1)


@pytest.mark.parametrize("how", ["leave", "release", "expire"])
def test_what_is_declined_or_not_taken_goes_to_the_next(db: Database, clock: Clock, how: str) -> None:
    world = open_evening(db, early=1)
    booking = world.booking()
    first, second = joined(world, "ana"), joined(world, "rui")
    give_up(world, booking)
    held = seen(world, first).offer
    assert held is not None
    actor = world.shop.actor
    if how == "leave":
        db.write_now(lambda c, n: leave_waitlist(c, now=n, actor=actor, entry_id=first.id))
    elif how == "release":
        db.write_now(lambda c, n: release(c, now=n, actor=actor, hold_id=held.row.id))
    else:
        clock.set(held.expires_at)
        assert statuses(world, first) == [WaitlistStatus.EXPIRED]
        db.write_now(lambda c, n: reclaim(c, now=n))
    ended = WaitlistStatus.EXPIRED if how == "expire" else WaitlistStatus.DECLINED
    assert statuses(world, first, second) == [ended, WaitlistStatus.OFFERED]
    assert world.taken(world.early) == (1, 0)
    assert world.sound()


def test_priority_goes_before_time_and_time_before_all_else(db: Database, clock: Clock) -> None:
    world = open_evening(db, early=3)
    bookings = [world.booking(customer=f"c{i}") for i in range(3)]
    entries = []
    for customer, priority in (("ana", 0), ("rui", 0), ("zoe", 5)):
        entries.append(joined(world, customer, priority=priority))
        clock.forward(timedelta(seconds=1))
    order = []
    for booking in bookings:
        give_up(world, booking)
        order.append([s is WaitlistStatus.OFFERED for s in statuses(world, *entries)])
    assert order == [[False, False, True], [True, False, True], [True, True, True]]


def test_a_basket_that_does_not_fit_is_passed_over_and_keeps_its_place(db: Database) -> None:
    world = open_evening(db, early=2)
    small, bulky = world.booking(customer="s"), world.booking(customer="b")
    too_big = joined(world, "ana", basket=make_basket(ambient_ml=500_000))
    fits = joined(world, "rui")
    give_up(world, small)
    assert statuses(world, too_big, fits) == [WaitlistStatus.WAITING, WaitlistStatus.OFFERED]
    give_up(world, bulky)
    assert statuses(world, too_big) == [WaitlistStatus.WAITING]


def test_the_most_wanted_window_is_offered_first(db: Database) -> None:
    world = open_evening(db, early=1, late=1)
    early, late = world.booking(world.early), world.booking(world.late, customer="rui")
    entry = joined(world, "zoe", world.late, world.early)
    give_up(world, early)
    offered = seen(world, entry).offer
    assert offered is not None
    assert offered.slot.id == world.early.id
    give_up(world, late)
    again = seen(world, entry).offer
    assert again is not None
    assert again.row.id == offered.row.id


def test_an_offer_is_shorter_near_the_cut_off_and_none_is_made_when_too_little_is_left(
    db: Database, clock: Clock
) -> None:
    world = open_evening(db, early=2)
    first, second = world.booking(customer="a"), world.booking(customer="b")
    ana, rui = joined(world, "ana"), joined(world, "rui")
    clock.set(world.early.cutoff_at - timedelta(minutes=20))
    give_up(world, first)
    offered = seen(world, ana).offer
    assert offered is not None
    assert offered.expires_at == world.early.cutoff_at
    clock.set(world.early.cutoff_at - timedelta(minutes=9))
    give_up(world, second)
    assert statuses(world, rui) == [WaitlistStatus.WAITING]


def test_two_units_freed_at_once_give_two_different_offers(db: Database) -> None:
    world = open_evening(db, early=2)
    bookings = [world.booking(customer="a"), world.booking(customer="b")]
    entries = [joined(world, name) for name in ("ana", "rui", "zoe")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda booking: give_up(world, booking), bookings))
    assert sorted(statuses(world, *entries)) == sorted(
        [WaitlistStatus.OFFERED, WaitlistStatus.OFFERED, WaitlistStatus.WAITING]
    )
    assert world.taken(world.early) == (2, 0)
    assert world.sound()


def test_room_that_an_ended_hold_leaves_is_theirs_who_wait(db: Database, clock: Clock) -> None:
    world = open_evening(db, early=1)
    held = world.hold(customer="slow")
    entry = joined(world, "ana")
    clock.set(held.expires_at)

    def available() -> bool:
        found = db.read_now(
            lambda c, n: offer(c, now=n, actor=world.shop.actor, place=world.shop.place, basket=make_basket())
        )
        return next(o.available for day in found.days for o in day.offers if o.slot.id == world.early.id)

    assert not available()
    with pytest.raises(SlotFull):
        world.hold(customer="quick")
    # The refusal rolled its own look back; the clock's round makes the offer.
    db.write_now(lambda c, n: reclaim(c, now=n))
    assert statuses(world, entry) == [WaitlistStatus.OFFERED]


def test_room_that_a_move_leaves_is_offered(db: Database) -> None:
    world = open_evening(db, early=1)
    booking = world.booking()
    entry = joined(world, "ana")
    actor, late = world.shop.actor, world.late.id
    db.write_now(lambda c, n: reschedule(c, now=n, actor=actor, booking_id=booking.id, slot_id=late, key="k"))
    assert statuses(world, entry) == [WaitlistStatus.OFFERED]


def test_joining_a_window_with_room_gives_the_offer_at_once_and_the_same_key_joins_once(
    db: Database,
) -> None:
    world = open_evening(db)
    first = joined(world, "ana", key="k")
    assert first.status is WaitlistStatus.OFFERED
    assert joined(world, "ana", key="k") == first
    assert world.taken(world.early) == (1, 0)


def test_who_waits_no_longer_is_passed_over(db: Database) -> None:
    world = open_evening(db, early=1)
    booking = world.booking()
    first, second = joined(world, "ana"), joined(world, "rui")
    actor = world.shop.actor
    db.write_now(lambda c, n: leave_waitlist(c, now=n, actor=actor, entry_id=first.id))
    give_up(world, booking)
    assert statuses(world, first, second) == [WaitlistStatus.CANCELLED, WaitlistStatus.OFFERED]
    offered = seen(world, second).offer
    assert offered is not None
    db.write_now(
        lambda c, n: confirm(c, now=n, actor=actor, hold_id=offered.row.id, order_reference="o", key="k")
    )
    with pytest.raises(WaitlistEntryEnded):
        db.write_now(lambda c, n: leave_waitlist(c, now=n, actor=actor, entry_id=second.id))


def test_what_cannot_be_waited_for_is_refused(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    with pytest.raises(TooManyWindows):
        joined(world, "ana", slot_ids=[])
    elsewhere = db.write_now(
        lambda c, _: make_slot(c, make_shop(c, point=type(world.shop.point)(41.3, -8.6)))
    )
    with pytest.raises(SlotNotFound):
        joined(world, "ana", elsewhere)
    stranger = Actor(new_id(), Role.STOREFRONT, "stranger")
    entry = joined(world, "ana")
    with pytest.raises(WaitlistEntryNotFound):
        db.write_now(lambda c, n: leave_waitlist(c, now=n, actor=stranger, entry_id=entry.id))
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        joined(world, "rui")


def test_every_offer_is_backed_by_capacity_when_many_leave_and_many_wait(db: Database) -> None:
    world = open_evening(db, early=6)
    db.write_now(lambda c, _: set_policy(c, world.shop, offer_min=60))
    bookings = [world.booking(customer=f"b{i}") for i in range(6)]
    entries = [joined(world, f"w{i}") for i in range(9)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda booking: give_up(world, booking), bookings))
    assert statuses(world, *entries).count(WaitlistStatus.OFFERED) == 6
    holds = db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold))))
    alive = [held for held in holds if held.status is HoldStatus.ACTIVE]
    assert len({held.customer_id for held in alive}) == 6
    assert world.taken(world.early) == (6, 0)
    assert world.sound()


def withdrawn(world: Evening, slot: DeliverySlot) -> None:
    """The calendar has the window no more; who holds or booked it keeps it."""
    table = table_of(DeliverySlot)
    gone = sa.update(table).where(table.c.id == slot.id)
    world.db.write_now(lambda c, n: c.execute(gone.values(withdrawn_at=n)))


def test_nobody_waits_for_a_window_that_is_no_more(db: Database) -> None:
    world = open_evening(db, early=1)
    withdrawn(world, world.early)
    with pytest.raises(SlotNotFound):
        joined(world, "ana", world.late, world.early)


def test_room_that_is_freed_in_a_window_that_is_no_more_is_offered_to_nobody(db: Database) -> None:
    world = open_evening(db, early=1)
    booking = world.booking(customer="rui")
    entry = joined(world, "ana")
    withdrawn(world, world.early)
    give_up(world, booking)
    assert statuses(world, entry) == [WaitlistStatus.WAITING]
    assert world.taken(world.early) == (0, 0)
