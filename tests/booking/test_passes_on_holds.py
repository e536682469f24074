"""A delivery pass on offers, holds and bookings: shown, locked, reserved, redeemed, given back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.apply_promotion import apply_promotion
from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.errors import FeeChanged, HoldExpired
from app.booking.hold import HoldRequest
from app.booking.hold_many import hold_many
from app.booking.offer import offer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.booking.seen import seen_holds
from app.booking.tables import SlotHold
from app.customers.rules import CustomerFacts
from app.database.idempotency import IdempotencyKeyReused
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.pricing.rules import FeePartKind
from app.promotions.end_pass import end_pass
from app.promotions.errors import InvalidPass, PassNotFound
from app.promotions.grant_pass import grant_pass
from app.promotions.pass_rules import PassTerms, PassWindows
from app.promotions.rules import RedemptionState
from app.promotions.tables import DeliveryPass, PassUse
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.money import Money
from tests.conftest import Clock
from tests.factories import (
    ROOM,
    Shop,
    evening,
    make_basket,
    make_booking,
    make_hold,
    make_pools,
    make_promotion,
    make_shop,
    make_slot,
    pool_plan,
)
from tests.patience import patiently

TERMS = PassTerms(
    label="Delivery pass",
    valid_from=datetime(2026, 11, 1, tzinfo=UTC),
    valid_until=datetime(2027, 11, 1, tzinfo=UTC),
    currency="EUR",
    covers_minor=300,
)
# A two-hour evening window costs 3.50, of which the pass pays 3.00.
ANA = CustomerFacts(reference="ana")


def opened(db: Database, **changes: Any) -> tuple[Shop, DeliverySlot, DeliverySlot, DeliveryPass]:
    """An evening and a morning window, and Ana with a pass."""

    def work(conn: Connection, now: datetime) -> tuple[Shop, DeliverySlot, DeliverySlot, DeliveryPass]:
        shop = make_shop(conn)
        room = replace(ROOM, orders=50, work_s=ROOM.work_s * 10)
        room = replace(room, volume_ml=10**8, weight_g=10**8, chilled_ml=10**8, frozen_ml=10**8)
        hours = [evening(start=18, end=19), evening(start=10, end=11)]
        make_pools(conn, *(pool_plan(shop, bucket, sell=room) for bucket in hours))
        late, early = make_slot(conn, shop), make_slot(conn, shop, evening(start=10, end=12))
        terms = replace(TERMS, **changes)
        granted = grant_pass(conn, now=now, actor=shop.actor, customer=ANA, terms=terms, key="grant")
        return shop, late, early, granted

    return db.write_now(work)


def held(db: Database, shop: Shop, slot: DeliverySlot, **changes: Any) -> SlotHold:
    return db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, **changes))


def the_pass(db: Database) -> DeliveryPass:
    return db.read_now(lambda c, _: rows(c, DeliveryPass, sa.select(table_of(DeliveryPass))))[0]


def states(db: Database) -> list[RedemptionState]:
    use = table_of(PassUse)
    return [
        one.state for one in db.read_now(lambda c, _: rows(c, PassUse, sa.select(use).order_by(use.c.id)))
    ]


def booked(db: Database, shop: Shop, hold: SlotHold, order: str = "o") -> Any:
    return db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=hold.id, order_reference=order, key=new_id())
    )


def parts(hold: Any) -> dict[str, int]:
    return {part["kind"]: part["minor"] for part in hold.fee_parts}


def test_offers_show_what_the_pass_pays_to_its_customer_alone(db: Database) -> None:
    shop, *_ = opened(db)
    day = evening().start.date()

    def fees(customer: str | None) -> list[int]:
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
        return [one.quote.total.minor for one in found.days[0].offers if one.quote]

    assert fees("ana") == [0, 50]
    assert fees("berta") == fees(None) == [300, 350]


def test_a_hold_locks_what_the_pass_pays_and_its_booking_redeems_it(db: Database) -> None:
    shop, late, *_ = opened(db, max_deliveries=2)
    hold = held(db, shop, late, expected_fee=Money(50, "EUR"))
    assert (hold.fee_minor, parts(hold)[FeePartKind.PASS]) == (50, -300)
    assert (the_pass(db).used, states(db)) == (1, [RedemptionState.RESERVED])
    booking = booked(db, shop, hold)
    assert (booking.fee_minor, states(db)) == (50, [RedemptionState.REDEEMED])


def test_a_promotion_applies_to_what_the_pass_leaves(db: Database) -> None:
    shop, late, *_ = opened(db)
    hold = held(db, shop, late)

    def work(conn: Connection, now: datetime) -> int:
        make_promotion(conn, shop)
        again = apply_promotion(conn, now=now, actor=shop.actor, hold_id=hold.id, code="BEMVINDO", key="p")
        (seen,) = seen_holds(conn, now=now, holds=[again])
        assert [part.minor for part in seen.fee.parts if part.kind is FeePartKind.PROMOTION] == [-50]
        return seen.fee.total.minor

    assert db.write_now(work) == 0


@pytest.mark.parametrize("how", ["released", "ended", "another window", "cancelled"])
def test_a_delivery_comes_back_with_the_hold_or_booking(db: Database, clock: Clock, how: str) -> None:
    shop, late, early, _ = opened(db, max_deliveries=1)
    hold = held(db, shop, late)
    if how == "released":
        db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=hold.id))
    elif how == "ended":
        clock.forward(timedelta(hours=1))
        db.write_now(lambda c, n: reclaim(c, now=n))
    elif how == "another window":
        second = held(db, shop, early)
        assert (second.fee_minor, the_pass(db).used) == (0, 1)
        db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=second.id))
    else:
        booking = booked(db, shop, hold)
        db.write_now(lambda c, n: cancel(c, now=n, actor=shop.actor, booking_id=booking.id, key="c"))
    assert the_pass(db).used == 0
    assert held(db, shop, late).fee_minor == 50


def test_what_an_ended_hold_reserved_is_free_although_nobody_tidied(db: Database, clock: Clock) -> None:
    shop, late, early, _ = opened(db, max_deliveries=1)
    held(db, shop, late, cart_reference="one")
    assert held(db, shop, early, cart_reference="two").fee_minor == 300
    clock.forward(timedelta(hours=1))
    assert held(db, shop, late, cart_reference="three").fee_minor == 50
    assert the_pass(db).used == 1


def test_a_fee_that_was_shown_with_the_last_delivery_is_refused_when_it_is_gone(db: Database) -> None:
    shop, late, early, _ = opened(db, max_deliveries=1)
    held(db, shop, late, cart_reference="one")
    with pytest.raises(FeeChanged):
        held(db, shop, early, cart_reference="two", expected_fee=Money(0, "EUR"))


def test_a_late_confirmation_takes_the_delivery_again(db: Database, clock: Clock) -> None:
    shop, late, *_ = opened(db, max_deliveries=1)
    first = held(db, shop, late, cart_reference="one")
    clock.forward(timedelta(minutes=61))
    db.write_now(lambda c, n: reclaim(c, now=n))
    assert booked(db, shop, first).fee_minor == 50
    assert (the_pass(db).used, states(db)[-1]) == (1, RedemptionState.REDEEMED)


def test_a_late_confirmation_whose_delivery_is_gone_books_nothing(db: Database, clock: Clock) -> None:
    shop, late, early, _ = opened(db, max_deliveries=1)
    first = held(db, shop, late, cart_reference="one")
    clock.forward(timedelta(minutes=61))
    held(db, shop, early, cart_reference="two")
    with pytest.raises(HoldExpired):
        booked(db, shop, first)


def test_a_move_keeps_the_pass_where_it_is_good_and_gives_it_back_where_not(db: Database) -> None:
    shop, late, early, _ = opened(db, max_deliveries=1, windows=PassWindows.OFF_PEAK)
    booking = booked(db, shop, held(db, shop, early))
    assert (booking.fee_minor, the_pass(db).used) == (0, 1)

    def moved(slot: DeliverySlot) -> Any:
        return db.write_now(
            lambda c, n: reschedule(
                c, now=n, actor=shop.actor, booking_id=booking.id, slot_id=slot.id, key=new_id()
            )
        )

    assert moved(late).fee_minor == 350
    assert the_pass(db).used == 0


def test_a_move_with_a_pass_for_all_windows_costs_what_is_beyond_it(db: Database) -> None:
    shop, late, early, _ = opened(db, max_deliveries=1)
    booking = booked(db, shop, held(db, shop, early))
    moved = db.write_now(
        lambda c, n: reschedule(
            c, now=n, actor=shop.actor, booking_id=booking.id, slot_id=late.id, key=new_id()
        )
    )
    assert (moved.fee_minor, the_pass(db).used, states(db)) == (50, 1, [RedemptionState.REDEEMED])


def test_an_ended_pass_pays_for_nothing_new_and_for_all_that_is_held(db: Database) -> None:
    shop, late, early, granted = opened(db)
    hold = held(db, shop, late, cart_reference="one")
    ended = db.write_now(lambda c, n: end_pass(c, now=n, actor=shop.actor, pass_id=granted.id))
    again = db.write_now(lambda c, n: end_pass(c, now=n, actor=shop.actor, pass_id=granted.id))
    assert (ended.ended_by, again) == (shop.actor.name, ended)
    assert held(db, shop, early, cart_reference="two").fee_minor == 300
    assert booked(db, shop, hold).fee_minor == 50


def test_a_pass_is_granted_once_under_its_key_and_belongs_to_its_storefront(db: Database) -> None:
    shop, _, _, granted = opened(db)

    def grant(terms: PassTerms, key: str = "grant") -> DeliveryPass:
        return db.write_now(
            lambda c, n: grant_pass(c, now=n, actor=shop.actor, customer=ANA, terms=terms, key=key)
        )

    assert grant(TERMS).id == granted.id
    with pytest.raises(IdempotencyKeyReused):
        grant(replace(TERMS, covers_minor=200))
    with pytest.raises(InvalidPass):
        grant(replace(TERMS, covers_minor=0), "other")
    stranger = Actor("another", Role.STOREFRONT, "other")
    with pytest.raises(PassNotFound):
        db.write_now(lambda c, n: end_pass(c, now=n, actor=stranger, pass_id=granted.id))


def test_twenty_carts_at_once_use_a_pass_for_three_deliveries_three_times(db: Database) -> None:
    shop, late, _, _ = opened(db, max_deliveries=3)

    def shopper(number: int) -> int:
        return patiently(lambda: held(db, shop, late, cart_reference=f"cart-{number}")).fee_minor

    with ThreadPoolExecutor(12) as threads:
        fees = sorted(threads.map(shopper, range(20)))
    assert fees == [50] * 3 + [350] * 17
    assert the_pass(db).used == 3


def test_many_holds_at_once_leave_a_customer_with_a_pass_to_the_single_path(db: Database) -> None:
    shop, late, _, _ = opened(db)

    def request(name: str) -> HoldRequest:
        return HoldRequest(
            actor=shop.actor,
            slot_id=late.id,
            place=shop.place,
            basket=make_basket(),
            customer=CustomerFacts(reference=name),
            wish=None,
            expected_fee=None,
            cart_reference="",
            key=new_id(),
        )

    first, second = db.write_now(
        lambda c, n: hold_many(c, now=n, requests=[request("ana"), request("berta")])
    )
    assert first is None
    assert second is not None
    assert second.fee_minor == 350


def test_a_booking_without_a_pass_is_moved_without_one(db: Database) -> None:
    shop, late, early, _ = opened(db)
    booking = db.write_now(lambda c, n: make_booking(c, shop, early, now=n, customer="berta"))
    moved = db.write_now(
        lambda c, n: reschedule(
            c, now=n, actor=shop.actor, booking_id=booking.id, slot_id=late.id, key=new_id()
        )
    )
    assert moved.fee_minor == 350
