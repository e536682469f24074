"""Capacity lowered after bookings exist: never rejected, never silent, and nobody is moved by it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.change_capacity import change_capacity
from app.booking.confirm import confirm
from app.booking.errors import SlotFull
from app.booking.lift_override import lift_override
from app.booking.overcommitment import preview_change
from app.booking.repromise import SeenProposal, proposals_of
from app.booking.resized import ChangedCapacity
from app.booking.rules import BookingStatus, RepromiseState, least_harm_first, misfits
from app.booking.tables import DeliveryBooking
from app.capacity.errors import Overcommitted
from app.capacity.rules import OvercommitChoice, PoolSelector, SizeChange
from app.capacity.tables import CapacityPool
from app.database.idempotency import IdempotencyKeyReused
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import NotAllowed
from app.events import Cursor, since
from app.slots.tables import DeliverySlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
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
from tests.ledger import assert_ledger_equals_counters
from tests.patience import patiently

BIG = Load(40, 9_000_000, 2_000_000_000, 800_000_000, 600_000_000, 300_000_000)


def opened(db: Database, booked: int = 36, held: int = 0) -> tuple[Shop, DeliverySlot]:
    """A window with 40 places, so many of them booked and held, and open ones after it."""

    def work(conn: Connection, _now: datetime) -> tuple[Shop, DeliverySlot]:
        shop = make_shop(conn)
        first = evening().start
        buckets = [
            Window(first + timedelta(hours=h), first + timedelta(hours=h + 1)) for h in (0, 2, 3, 4, 5)
        ]
        make_pools(conn, *(pool_plan(shop, bucket, sell=BIG) for bucket in buckets))
        slots = [make_slot(conn, shop, bucket) for bucket in buckets]
        make_slot(conn, shop, evening())
        for number in range(booked + held):
            made = make_hold(
                conn, shop, slots[0], now=NOW - timedelta(minutes=50 - number), customer=f"c{number}"
            )
            if number < booked:
                at = NOW - timedelta(minutes=50 - number)
                confirm(
                    conn,
                    now=at,
                    actor=shop.actor,
                    hold_id=made.id,
                    order_reference=f"o{number}",
                    key=new_id(),
                )
        return shop, slots[0]

    return db.write_now(work)


def operator(shop: Shop) -> Actor:
    return Actor(shop.actor.storefront_id, Role.OPERATOR, "Olga")


def the_pool(db: Database) -> CapacityPool:
    pool = table_of(CapacityPool)
    return db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(pool).order_by(pool.c.starts_at)))[0]


def bookings(db: Database) -> list[DeliveryBooking]:
    booking = table_of(DeliveryBooking)
    return db.read_now(
        lambda c, _: rows(c, DeliveryBooking, sa.select(booking).order_by(booking.c.created_at))
    )


def changed(
    db: Database,
    shop: Shop,
    to: SizeChange,
    choice: OvercommitChoice | None = None,
    key: str | None = None,
) -> ChangedCapacity:
    which = PoolSelector(pool_id=the_pool(db).id)
    return db.write_now(
        lambda c, n: change_capacity(
            c,
            now=n,
            actor=operator(shop),
            which=which,
            to=to,
            choice=choice,
            reason="two bikes are in repair",
            key=key or new_id(),
        )
    )


def proposals(db: Database, actor: Actor, state: RepromiseState | None = None) -> list[SeenProposal]:
    return db.read_now(lambda c, n: proposals_of(c, now=n, actor=actor, state=state, limit=100))


def test_lowering_from_40_to_30_with_36_booked_previews_the_six_newest_and_writes_nothing(
    db: Database,
) -> None:
    shop, _ = opened(db)
    which, to = PoolSelector(pool_id=the_pool(db).id), SizeChange(sell_orders=30)
    (one,) = db.read_now(lambda c, n: preview_change(c, now=n, actor=operator(shop), which=which, to=to))

    assert (one.edit.before.orders, one.edit.after.orders, one.edit.booked.orders) == (40, 30, 36)
    assert [claim.id for claim in one.misfits] == [b.id for b in bookings(db)[:-7:-1]]
    assert the_pool(db).sell_orders == 40


def test_saving_needs_a_choice_and_the_refusal_names_the_number(db: Database) -> None:
    shop, _ = opened(db)
    with pytest.raises(Overcommitted) as refused:
        changed(db, shop, SizeChange(sell_orders=30))
    assert "6" in refused.value.message
    assert the_pool(db).sell_orders == 40

    done = changed(db, shop, SizeChange(sell_orders=30), OvercommitChoice.KEEP_OVERBOOKED)
    assert (done.misfits, done.proposals) == (6, ())
    assert the_pool(db).sell_orders == 30
    assert {b.status for b in bookings(db)} == {BookingStatus.CONFIRMED}
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_nothing_is_sold_until_usage_is_below_the_new_figure(db: Database) -> None:
    shop, slot = opened(db, booked=3, held=2)
    changed(db, shop, SizeChange(sell_orders=4), OvercommitChoice.KEEP_OVERBOOKED)

    def attempt(customer: str, at: datetime) -> bool:
        try:
            db.write_now(lambda c, _: make_hold(c, shop, slot, now=at, customer=customer) and None)
        except SlotFull:
            return False
        return True

    assert not attempt("late", NOW)
    # The holds end 13 and 14 minutes from now: four left is not below four, three is.
    assert not attempt("late", NOW + timedelta(minutes=13))
    assert attempt("late", NOW + timedelta(minutes=14))
    assert not attempt("later", NOW + timedelta(minutes=14))
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_repromise_proposes_three_windows_to_the_six_harmed_least_and_moves_nobody(db: Database) -> None:
    shop, slot = opened(db)
    before = bookings(db)
    done = changed(db, shop, SizeChange(sell_orders=30), OvercommitChoice.START_REPROMISE)

    made = proposals(db, operator(shop))
    assert [one.id for one in done.proposals] == [one.row.id for one in made]
    assert {one.row.booking_id for one in made} == {b.id for b in before[-6:]}
    assert all(len(one.alternatives) == 3 for one in made)
    assert all(slot.id not in one.row.alternatives for one in made)
    assert bookings(db) == before
    words = db.read_now(lambda c, _: [e.kind for e in since(c, cursor=Cursor())])
    assert words.count("booking.repromise_proposed") == 6
    assert words.count("capacity.changed") == 1


def test_lowering_further_asks_only_those_who_were_not_asked_yet(db: Database) -> None:
    shop, _ = opened(db)
    changed(db, shop, SizeChange(sell_orders=30), OvercommitChoice.START_REPROMISE)
    again = changed(db, shop, SizeChange(sell_orders=28), OvercommitChoice.START_REPROMISE)
    assert len(again.proposals) == 2
    assert len(proposals(db, operator(shop), RepromiseState.OPEN)) == 8


def test_a_proposal_is_settled_when_its_booking_has_left_the_pool(db: Database) -> None:
    shop, _ = opened(db)
    changed(db, shop, SizeChange(sell_orders=35), OvercommitChoice.START_REPROMISE)
    newest = bookings(db)[-1]
    booking = table_of(DeliveryBooking)
    away = sa.update(booking).where(booking.c.id == newest.id).values(status=BookingStatus.CANCELLED)
    db.write_now(lambda c, _: c.execute(away) and None)

    assert proposals(db, operator(shop), RepromiseState.OPEN) == []
    (one,) = proposals(db, operator(shop), RepromiseState.SETTLED)
    assert one.state is RepromiseState.SETTLED


def test_lifting_withdraws_the_proposals_and_sells_by_the_plan_again(db: Database) -> None:
    shop, _ = opened(db)
    done = changed(db, shop, SizeChange(sell_orders=30), OvercommitChoice.START_REPROMISE)
    lifted = db.write_now(
        lambda c, n: lift_override(
            c,
            now=n,
            actor=operator(shop),
            override_id=done.override.id,
            choice=None,
            reason="repaired",
            key="k",
        )
    )
    assert (lifted.misfits, the_pool(db).sell_orders) == (0, 40)
    assert len(proposals(db, operator(shop), RepromiseState.WITHDRAWN)) == 6
    assert proposals(db, operator(shop), RepromiseState.OPEN) == []


def test_lifting_what_let_more_be_sold_needs_the_choice_too(db: Database) -> None:
    shop, slot = opened(db, booked=0)
    done = changed(db, shop, SizeChange(factor_bp=12_000))
    assert the_pool(db).sell_orders == 48

    def fill(conn: Connection, now: datetime) -> None:
        for number in range(42):
            make_hold(conn, shop, slot, now=now, customer=f"x{number}")

    db.write_now(fill)

    def lifted(choice: OvercommitChoice | None) -> ChangedCapacity:
        return db.write_now(
            lambda c, n: lift_override(
                c,
                now=n,
                actor=operator(shop),
                override_id=done.override.id,
                choice=choice,
                reason="gone",
                key=new_id(),
            )
        )

    with pytest.raises(Overcommitted):
        lifted(None)
    assert lifted(OvercommitChoice.KEEP_OVERBOOKED).misfits == 2
    assert the_pool(db).sell_orders == 40


def test_closing_counts_holds_and_raising_needs_no_choice(db: Database) -> None:
    shop, _ = opened(db, booked=2, held=3)
    with pytest.raises(Overcommitted) as refused:
        changed(db, shop, SizeChange(factor_bp=0))
    assert refused.value.facts["count"] == 5
    assert changed(db, shop, SizeChange(sell_orders=44)).misfits == 0


def test_the_same_key_gives_the_same_payload_and_is_reused_for_nothing_else(db: Database) -> None:
    shop, _ = opened(db)
    keep = OvercommitChoice.KEEP_OVERBOOKED
    first = changed(db, shop, SizeChange(sell_orders=30), keep, key="one")
    assert changed(db, shop, SizeChange(sell_orders=30), keep, key="one") == first
    with pytest.raises(IdempotencyKeyReused):
        changed(db, shop, SizeChange(sell_orders=29), keep, key="one")


def test_only_operators_change_capacity_and_a_storefront_sees_its_own_proposals(db: Database) -> None:
    shop, _ = opened(db)
    which, to = PoolSelector(pool_id=the_pool(db).id), SizeChange(sell_orders=30)
    attempts: list[Callable[[Connection, datetime], object]] = [
        lambda c, n: preview_change(c, now=n, actor=shop.actor, which=which, to=to),
        lambda c, n: change_capacity(
            c, now=n, actor=shop.actor, which=which, to=to, choice=None, reason="r", key="k"
        ),
        lambda c, n: lift_override(
            c, now=n, actor=shop.actor, override_id="x", choice=None, reason="r", key="k"
        ),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            db.write_now(attempt)
    changed(db, shop, to, OvercommitChoice.START_REPROMISE)
    assert len(proposals(db, shop.actor)) == 6
    assert proposals(db, Actor("another", Role.STOREFRONT, "other")) == []


def test_claims_and_a_change_at_once_never_sell_beyond_the_new_size(db: Database) -> None:
    shop, slot = opened(db, booked=0)

    def shopper(number: int) -> bool:
        def attempt(conn: Connection, now: datetime) -> None:
            make_hold(conn, shop, slot, now=now, customer=f"c{number}")

        try:
            patiently(lambda: db.write_now(attempt))
        except SlotFull:
            return False
        return True

    def work(number: int) -> int:
        if number == 15:
            keep = OvercommitChoice.KEEP_OVERBOOKED
            done = patiently(lambda: changed(db, shop, SizeChange(sell_orders=10), keep))
            return done.pools[0].edit.held.orders
        return shopper(number)

    with ThreadPoolExecutor(12) as threads:
        done = list(threads.map(work, range(45)))

    at_the_change, sold = done[15], sum(n for place, n in enumerate(done) if place != 15)
    assert sold == max(10, at_the_change)
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_who_is_asked_first_is_a_pure_rule(clock: Clock) -> None:
    start = evening().start

    def made(name: str, hours: int, minute: int, cutoff: datetime) -> DeliveryBooking:
        return DeliveryBooking.model_construct(
            id=name,
            starts_at=start,
            ends_at=start + timedelta(hours=hours),
            created_at=NOW + timedelta(minutes=minute),
            cutoff_at=cutoff,
        )

    ahead, gone = NOW + timedelta(hours=1), NOW
    found = [
        made("narrow and late", 1, 9, ahead),
        made("wide and early", 4, 1, ahead),
        made("wide and late", 4, 2, ahead),
        made("locked", 4, 3, gone),
    ]
    assert [b.id for b in least_harm_first(found, clock.now)] == [
        "wide and late",
        "wide and early",
        "narrow and late",
        "locked",
    ]


def test_a_claim_that_takes_nothing_of_what_is_short_stays(db: Database) -> None:
    shop, slot = opened(db, booked=0)

    def two(conn: Connection, now: datetime) -> None:
        make_hold(conn, shop, slot, now=now, customer="frozen", basket=make_basket(frozen_ml=4_000))
        make_hold(
            conn, shop, slot, now=now + timedelta(seconds=1), customer="dry", basket=make_basket(frozen_ml=0)
        )

    db.write_now(two)
    which = PoolSelector(pool_id=the_pool(db).id)
    tiny = SizeChange(factor_bp=0)
    (one,) = db.read_now(lambda c, n: preview_change(c, now=n, actor=operator(shop), which=which, to=tiny))
    assert len(one.misfits) == 2
    no_frozen = Load(40, ROOM.work_s, ROOM.volume_ml, ROOM.weight_g, ROOM.chilled_ml, 0)
    assert [claim.basket.frozen_ml for claim in misfits(one.misfits, no_frozen)] == [4_000]
