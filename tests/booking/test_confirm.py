"""Confirming a hold: the promise is made once, at the held price, in time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.confirm import confirm
from app.booking.errors import (
    CutoffPassed,
    HoldAlreadyConfirmed,
    HoldExpired,
    HoldNotFound,
    HoldReleased,
    OrderAlreadyBooked,
)
from app.booking.queries import history, hold_of
from app.booking.release import release
from app.booking.rules import BookingStatus, HoldStatus
from app.booking.tables import BookingPolicy, DeliveryBooking, SlotHold
from app.capacity.rebuild import rebuild
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.events import Cursor, since
from app.jobs import Job
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.load import Load
from tests.conftest import Clock
from tests.factories import NOW, Shop, make_fee_rule, make_hold, make_open_slot, make_shop


def open_world(db: Database, orders: int = 10) -> tuple[Shop, DeliverySlot, SlotHold]:
    def work(conn: sa.Connection, _now: object) -> tuple[Shop, DeliverySlot, SlotHold]:
        shop = make_shop(conn)
        slot = make_open_slot(conn, shop, orders=orders)
        return shop, slot, make_hold(conn, shop, slot, now=NOW)

    return db.write_now(work)


def confirmed(
    db: Database, shop: Shop, held: SlotHold, *, key: str = "k", order: str = "o-1"
) -> DeliveryBooking:
    return db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=held.id, order_reference=order, key=key)
    )


def pool(db: Database) -> CapacityPool:
    return db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))[0]


def test_a_confirmed_hold_is_a_promise_with_its_history_job_and_event(db: Database) -> None:
    shop, slot, held = open_world(db)
    booking = confirmed(db, shop, held)

    assert booking.status is BookingStatus.CONFIRMED
    assert booking.window == slot.window
    assert booking.fee == held.fee
    assert (pool(db).loads("held"), pool(db).loads("booked")) == (Load(), held.load)
    (line,) = db.read_now(lambda c, _: history(c, [booking.id]))[booking.id]
    assert (line.actor, line.reason, line.after_starts_at) == ("test storefront", "booked", slot.starts_at)
    (job,) = db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))
    assert (job.kind, job.payload) == ("engagement.booking_confirmed", {"booking_id": booking.id})
    (event,) = db.read_now(lambda c, _: since(c, cursor=Cursor()))
    assert (event.topic, event.kind) == (f"booking:{booking.id}", "booking.confirmed")
    after = db.read_now(lambda c, _: hold_of(c, actor=shop.actor, hold_id=held.id))
    assert after is not None
    assert after.status is HoldStatus.CONFIRMED
    assert db.write_now(lambda c, _: rebuild(c)) == []


def test_thirty_twins_make_one_booking_and_get_one_answer(db: Database) -> None:
    shop, _, held = open_world(db)
    with ThreadPoolExecutor(8) as threads:
        bookings = list(threads.map(lambda _: confirmed(db, shop, held), range(30)))
    assert len({booking.id for booking in bookings}) == 1
    assert pool(db).booked_orders == 1


def test_another_key_for_the_same_hold_is_told_so(db: Database) -> None:
    shop, _, held = open_world(db)
    confirmed(db, shop, held)
    with pytest.raises(HoldAlreadyConfirmed):
        confirmed(db, shop, held, key="another", order="o-2")


def test_an_order_is_booked_once(db: Database) -> None:
    shop, slot, held = open_world(db)
    confirmed(db, shop, held)
    second = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))
    with pytest.raises(OrderAlreadyBooked):
        confirmed(db, shop, second, key="another")
    assert pool(db).held_orders == 1


def test_the_held_price_is_charged_whatever_the_table_says_now(db: Database, clock: Clock) -> None:
    shop, _, held = open_world(db)
    dearer = {"storefront_id": shop.actor.storefront_id, "base_minor": 900, "valid_from": clock.now}
    db.write_now(lambda c, _: make_fee_rule(c, **dearer))
    clock.forward(timedelta(minutes=30))
    assert confirmed(db, shop, held).fee == held.fee


def test_long_after_expiry_the_refusal_states_the_old_and_the_new_price(db: Database, clock: Clock) -> None:
    shop, _, held = open_world(db)
    dearer = {"storefront_id": shop.actor.storefront_id, "base_minor": 600, "valid_from": clock.now}
    db.write_now(lambda c, _: make_fee_rule(c, **dearer))
    clock.set(held.expires_at + timedelta(minutes=120))
    with pytest.raises(HoldExpired, match=r"3\.50 EUR.*6\.50 EUR") as refused:
        confirmed(db, shop, held)
    assert (refused.value.facts["held_minor"], refused.value.facts["now_minor"]) == (350, 650)
    assert db.read_now(lambda c, _: rows(c, DeliveryBooking, sa.select(table_of(DeliveryBooking)))) == []


def test_after_expiry_a_taken_window_is_called_taken(db: Database, clock: Clock) -> None:
    shop, slot, held = open_world(db, orders=1)
    clock.set(held.expires_at)
    db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))
    with pytest.raises(HoldExpired, match="now taken"):
        confirmed(db, shop, held)


def test_a_hold_is_not_confirmed_past_the_cut_off(db: Database, clock: Clock) -> None:
    shop, slot, _ = open_world(db)
    clock.set(slot.cutoff_at - timedelta(minutes=5))
    late = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))
    clock.set(slot.cutoff_at)
    with pytest.raises(CutoffPassed):
        confirmed(db, shop, late)


def test_a_stated_grace_lets_a_hold_be_confirmed_a_little_past_the_cut_off(
    db: Database, clock: Clock
) -> None:
    shop, slot, _ = open_world(db)
    policy = table_of(BookingPolicy)
    db.write_now(lambda c, _: c.execute(sa.update(policy).values(grace_min=5)) and None)
    clock.set(slot.cutoff_at - timedelta(minutes=5))
    first = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="rui"))
    second = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer="eva"))
    clock.set(slot.cutoff_at + timedelta(minutes=5) - timedelta(seconds=1))
    assert confirmed(db, shop, first, key="k1", order="o1").cutoff_at == slot.cutoff_at
    clock.set(slot.cutoff_at + timedelta(minutes=5))
    with pytest.raises(CutoffPassed):
        confirmed(db, shop, second, key="k2", order="o2")


def test_a_released_hold_frees_its_capacity_and_cannot_be_confirmed(db: Database) -> None:
    shop, _, held = open_world(db)
    for _ in range(2):
        released = db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=held.id))
        assert released.status is HoldStatus.RELEASED
    assert pool(db).loads("held") == Load()
    with pytest.raises(HoldReleased):
        confirmed(db, shop, held)


def test_a_confirmed_hold_cannot_be_released(db: Database) -> None:
    shop, _, held = open_world(db)
    confirmed(db, shop, held)
    with pytest.raises(HoldAlreadyConfirmed):
        db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=held.id))


def test_another_storefront_sees_and_changes_nothing(db: Database) -> None:
    _, _, held = open_world(db)
    stranger = Actor(new_id(), Role.STOREFRONT, "stranger")
    assert db.read_now(lambda c, _: hold_of(c, actor=stranger, hold_id=held.id)) is None
    for attempt in (
        lambda c, n: confirm(c, now=n, actor=stranger, hold_id=held.id, order_reference="x", key="k"),
        lambda c, n: release(c, now=n, actor=stranger, hold_id=held.id),
    ):
        with pytest.raises(HoldNotFound):
            db.write_now(attempt)
    assert pool(db).held_orders == 1
