"""What a shopper sees: open windows with price and grams, closed ones with their reason."""

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event as sa_event

from app.booking.errors import TooManyDays
from app.booking.offer import Availability, offer
from app.booking.rules import SlotClosedReason, SlotOpeningKind
from app.database.runner import Database
from app.handover.rules import HandoverMode, HandoverRefusal
from app.places.errors import OutOfZone
from app.places.rules import Place
from app.slots.rules import SlotLabel
from app.values.basket import Basket, GoodsTrait
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window
from tests.conftest import Clock
from tests.factories import (
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


def open_evening(db: Database, *, orders: int = 10, **reach: int) -> Shop:
    """18-19, 19-20, 18-20 and 20-21 tomorrow; pools for the first two hours only."""

    def work(conn: sa.Connection, _now: object) -> Shop:
        shop = make_shop(conn)
        room = Load(orders, ROOM.work_s, ROOM.volume_ml, ROOM.weight_g, ROOM.chilled_ml, ROOM.frozen_ml)
        make_pools(
            conn,
            pool_plan(shop, evening(start=18, end=19), sell=room, **reach),
            pool_plan(shop, evening(start=19, end=20), sell=ROOM, cost_minor=90, grams=30),
        )
        for start, end in ((18, 19), (19, 20), (18, 20), (20, 21)):
            make_slot(conn, shop, evening(start=start, end=end))
        return shop

    return db.write_now(work)


def offered(db: Database, shop: Shop, basket: Basket | None = None, **changes: Any) -> Availability:
    goods = basket or make_basket()
    return db.read_now(
        lambda c, n: offer(c, now=n, actor=shop.actor, place=shop.place, basket=goods, **changes)
    )


def hours(window: Window) -> tuple[int, int]:
    return window.start.hour, window.end.hour


def test_open_windows_carry_price_and_grams_and_closed_ones_their_reason(db: Database) -> None:
    shop = open_evening(db)
    (day,) = [d for d in offered(db, shop).days if d.day == date(2026, 11, 25)]
    by_hours = {hours(o.slot.window): o for o in day.offers}

    assert list(by_hours) == [(18, 19), (18, 20), (19, 20), (20, 21)]
    first, wide, second = by_hours[18, 19], by_hours[18, 20], by_hours[19, 20]
    assert first.quote is not None
    assert first.quote.total.minor == sum(part.minor for part in first.quote.parts) == 450
    assert wide.quote is not None
    assert wide.quote.total.minor == 350
    assert first.emissions is not None
    assert second.emissions is not None
    assert (first.emissions.grams, second.emissions.grams) == (12, 30)
    closed = by_hours[20, 21]
    assert not closed.available
    assert closed.closed is not None
    assert closed.closed.reason is SlotClosedReason.FLEET_CAPACITY
    assert closed.quote is None
    assert {SlotLabel.EVENING, SlotLabel.NEXT_DAY} <= set(first.labels)
    assert SlotLabel.CHEAPEST in wide.labels
    assert SlotLabel.GREENEST in first.labels
    assert SlotLabel.GREENEST not in second.labels


def test_a_full_window_says_so_and_points_to_a_wider_one(db: Database) -> None:
    shop = open_evening(db, orders=1)
    availability = offered(db, shop)
    slot = next(o.slot for d in availability.days for o in d.offers if hours(o.slot.window) == (18, 19))
    db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))
    after = offered(db, shop, customer_reference="ana")

    full = next(o for d in after.days for o in d.offers if o.slot.id == slot.id)
    assert full.closed is not None
    assert full.closed.reason is SlotClosedReason.FULL
    assert full.held_by_customer
    (opening,) = full.closed.opens_with
    assert opening.kind is SlotOpeningKind.WIDER_WINDOW
    assert opening.slot is not None
    assert hours(opening.slot.window) == (18, 20)
    assert after.inventory_version != availability.inventory_version


def test_an_expired_hold_is_free_again_without_any_job(db: Database, clock: Clock) -> None:
    shop = open_evening(db, orders=1)
    slot = next(o.slot for d in offered(db, shop).days for o in d.offers if hours(o.slot.window) == (18, 19))
    held = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))

    def open_now() -> bool:
        return next(o.available for d in offered(db, shop).days for o in d.offers if o.slot.id == slot.id)

    clock.set(held.expires_at - timedelta(seconds=1))
    assert not open_now()
    clock.set(held.expires_at)
    assert open_now()


def test_past_the_cut_off_a_window_is_closed_for_that_reason(db: Database, clock: Clock) -> None:
    shop = open_evening(db)
    first = offered(db, shop).days[0].offers[0]
    clock.set(first.slot.cutoff_at)
    now_closed = offered(db, shop).days[0].offers[0]
    assert now_closed.closed is not None
    assert now_closed.closed.reason is SlotClosedReason.CUTOFF_PASSED


def test_a_basket_that_only_fits_in_half_is_told_so(db: Database) -> None:
    shop = open_evening(db)
    basket = make_basket(ambient_ml=300_000, chilled_ml=0, frozen_ml=0)
    first = offered(db, shop, basket=basket).days[0].offers[0]
    assert first.closed is not None
    assert first.closed.reason is SlotClosedReason.FLEET_CAPACITY
    assert first.closed.opens_with[0].kind is SlotOpeningKind.SMALLER_BASKET


def test_alcohol_leaves_only_the_handover_in_person(db: Database) -> None:
    shop = open_evening(db)
    basket = make_basket(traits=frozenset({GoodsTrait.AGE_RESTRICTED}))
    options = {o.mode: o for o in offered(db, shop, basket=basket).days[0].offers[0].handover_options}
    assert options[HandoverMode.ATTENDED].allowed
    for mode in (HandoverMode.SAFE_PLACE, HandoverMode.NEIGHBOUR):
        assert not options[mode].allowed
        assert options[mode].reason is HandoverRefusal.AGE_CHECK_REQUIRES_HANDOVER


def test_a_place_nobody_serves_is_refused(db: Database) -> None:
    shop = open_evening(db)
    sea = Place("the sea", Point(41.1, -9.5))
    with pytest.raises(OutOfZone):
        db.read_now(lambda c, n: offer(c, now=n, actor=shop.actor, place=sea, basket=make_basket()))


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 11, 24), date(2026, 12, 8)), (date(2026, 11, 25), date(2026, 11, 24))],
    ids=["fifteen days", "backwards"],
)
def test_a_range_that_cannot_be_shown_is_refused(db: Database, first: date, last: date) -> None:
    shop = open_evening(db)
    with pytest.raises(TooManyDays):
        offered(db, shop, first=first, last=last)


def test_the_number_of_statements_does_not_grow_with_the_slots(db: Database) -> None:
    shop = open_evening(db)

    def statements() -> int:
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sa_event.listen(db.engine, "before_cursor_execute", counted)
        try:
            offered(db, shop)
        finally:
            sa_event.remove(db.engine, "before_cursor_execute", counted)
        return count

    before = statements()

    def more(conn: sa.Connection, _now: object) -> None:
        for day in range(26, 30):
            for start in range(8, 20):
                make_slot(conn, shop, evening(date(2026, 11, day), start=start, end=start + 1))

    db.write_now(more)
    assert statements() == before
