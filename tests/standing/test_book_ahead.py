"""Booked ahead to the horizon, once, whoever does it and whatever the clocks do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.errors import BasketTooLarge, BeyondHorizon, CutoffPassed, MinOrderValue, SlotNotFound
from app.booking.rules import HoldOrigin, SlotClosedReason
from app.database.rows import add, table_of
from app.database.runner import Database
from app.places.rules import NodeKind
from app.places.tables import FulfilmentNode
from app.slots.tables import BookingHorizon, SlotCutoff
from app.standing.book_ahead import book_ahead
from app.standing.errors import AlreadyStanding
from app.standing.queries import due_to_book
from app.standing.rules import StandingStatus
from app.values.ids import new_id
from tests.booking.world import room
from tests.conftest import Clock
from tests.factories import (
    evening,
    make_basket,
    make_fee_rule,
    make_pools,
    make_shop,
    make_slot,
    pool_plan,
    set_policy,
)
from tests.standing.world import FRIDAY, SECOND, THIRD, open_fridays

BOOKED = "BOOKED_AHEAD"


def test_every_friday_is_booked_ahead_to_the_horizon_at_the_agreed_fee(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    assert world.states(series) == {FRIDAY: BOOKED, SECOND: BOOKED}
    week = world.week(series)
    assert week.hold is not None
    assert (week.hold.origin, week.slot) == (HoldOrigin.STANDING, world.early)
    # The window closes at five; the storefront wants to know a day before that.
    assert week.submit_by == datetime(2026, 11, 26, 17, tzinfo=UTC)
    assert week.hold.fee == series.row.fee
    assert series.row.fee.total.minor == 450
    assert (series.row.rrule, series.row.starts_local, series.row.ends_local) == (
        "FREQ=WEEKLY;BYDAY=FR",
        "19:00",
        "20:00",
    )
    assert world.seen(series).status is StandingStatus.ACTIVE
    assert world.taken(world.early) == (1, 0)
    assert world.told() == []
    assert world.sound()


def test_the_next_day_is_booked_when_it_enters_the_horizon_and_only_once(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    assert world.round() == 0
    clock.set(datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC))
    assert world.round() == 0
    clock.forward(timedelta(seconds=1))
    assert world.round() == 1
    assert world.round() == 0
    assert world.states(series)[THIRD] == BOOKED
    assert world.taken(world.slots[THIRD]) == (1, 0)


def test_the_horizon_is_that_of_the_address_and_not_of_utc(db: Database, clock: Clock) -> None:
    clock.set(datetime(2027, 3, 28, 12, tzinfo=UTC))
    first = date(2027, 4, 2)
    world = open_fridays(db, weeks=1)
    slot = world.open(first)
    world.open(first + timedelta(days=14))
    series = world.create(slot_id=slot.id)
    # Lisbon is an hour before UTC in summer: its Saturday the 3rd begins at 23 UTC.
    clock.set(datetime(2027, 4, 2, 22, 59, tzinfo=UTC))
    assert world.round() == 0
    clock.set(datetime(2027, 4, 2, 23, 0, tzinfo=UTC))
    assert world.round() == 1
    assert world.states(series)[first + timedelta(days=14)] == BOOKED


def test_several_workers_book_a_day_once(db: Database, clock: Clock) -> None:
    world = open_fridays(db, orders=20)
    many = [world.create(f"c{i}") for i in range(4)]
    clock.forward(timedelta(days=5))
    due = db.read_now(lambda c, n: due_to_book(c, now=n))
    assert len(due) == 4
    with ThreadPoolExecutor(8) as threads:
        work = [
            threads.submit(db.write_now, lambda c, n, key=key: book_ahead(c, now=n, standing_id=key))
            for key in due * 4
        ]
        for one in work:
            one.result()
    assert world.taken(world.slots[THIRD]) == (4, 0)
    assert all(world.states(series)[THIRD] == BOOKED for series in many)
    assert world.sound()


def test_the_last_room_goes_to_one_of_two_and_the_other_is_told(db: Database, clock: Clock) -> None:
    world = open_fridays(db, orders=20)
    first, second = world.create("ana"), world.create("rui")
    db.write_now(
        lambda c, n: make_pools(c, pool_plan(world.shop, world.slots[THIRD].window, sell=room(1)), now=n)
    )
    clock.forward(timedelta(days=5))
    due = db.read_now(lambda c, n: due_to_book(c, now=n))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda key: db.write_now(lambda c, n: book_ahead(c, now=n, standing_id=key)), due))
    states = sorted([world.states(first)[THIRD], world.states(second)[THIRD]])
    assert states == [BOOKED, "MISSED"]
    missed = next(w for w in (world.week(first, THIRD), world.week(second, THIRD)) if w.hold is None)
    assert missed.closed is not None
    assert (missed.closed.reason, missed.slot) == (SlotClosedReason.FULL, world.slots[THIRD])
    assert world.told() == ["missed"]
    assert world.sound()


def test_a_day_waits_until_its_capacity_is_planned(db: Database) -> None:
    world = open_fridays(db, weeks=1)
    series = world.create()
    assert world.states(series) == {FRIDAY: BOOKED}
    db.write_now(lambda c, _: make_slot(c, world.shop, evening(SECOND, 19, 20)))
    assert world.round() == 1
    assert world.states(series) == {FRIDAY: BOOKED}
    db.write_now(
        lambda c, n: make_pools(c, pool_plan(world.shop, evening(SECOND, 19, 20), sell=room(1)), now=n)
    )
    assert world.round() == 1
    assert world.states(series) == {FRIDAY: BOOKED, SECOND: BOOKED}


def test_a_day_without_its_window_is_skipped_and_the_customer_is_told(db: Database) -> None:
    world = open_fridays(db, weeks=1)
    # On the second Friday there is another timetable.
    window = evening(SECOND, 10, 12)

    def work(conn: Connection, now: datetime) -> None:
        make_pools(conn, pool_plan(world.shop, window, sell=room(5)), now=now)
        make_slot(conn, world.shop, window)

    db.write_now(work)
    series = world.create()
    week = world.week(series, SECOND)
    assert (str(week.state), week.hold, week.closed and week.closed.reason) == (
        "SKIPPED",
        None,
        SlotClosedReason.BLACKOUT,
    )
    assert world.told() == ["closed"]


@pytest.mark.parametrize(
    ("changes", "utc_hours"), [(date(2027, 3, 28), [11, 10]), (date(2027, 10, 31), [10, 11])]
)
def test_the_window_stays_at_its_wall_time_across_both_clock_changes(
    db: Database, clock: Clock, changes: date, utc_hours: list[int]
) -> None:
    clock.set(datetime(changes.year, changes.month, changes.day, tzinfo=UTC) - timedelta(days=9))
    world = open_fridays(db, weeks=1)
    days = [changes - timedelta(days=7), changes]
    slots = [world.open(day, 11, 12) for day in days]
    assert [slot.starts_at.hour for slot in slots] == utc_hours
    series = world.create(slot_id=slots[0].id)
    assert [world.week(series, day).slot for day in days] == slots
    assert world.states(series) == dict.fromkeys(days, BOOKED)


def test_a_window_in_the_hour_that_the_clocks_skip_is_skipped_that_week(db: Database, clock: Clock) -> None:
    changes = date(2027, 3, 28)
    clock.set(datetime(2027, 3, 19, tzinfo=UTC))
    world = open_fridays(db, weeks=1)
    slot = world.open(changes - timedelta(days=7), 1, 2)
    world.open(changes, 9, 10)
    series = world.create(slot_id=slot.id)
    assert world.states(series) == {changes - timedelta(days=7): BOOKED, changes: "SKIPPED"}
    assert world.told() == ["closed"]


def test_the_hour_that_happens_twice_is_its_first(db: Database, clock: Clock) -> None:
    changes = date(2027, 10, 31)
    clock.set(datetime(2027, 10, 22, tzinfo=UTC))
    world = open_fridays(db, weeks=1)
    slots = [world.open(day, 1, 2) for day in (changes - timedelta(days=7), changes)]
    series = world.create(slot_id=slots[0].id)
    assert world.states(series) == {changes - timedelta(days=7): BOOKED, changes: BOOKED}


def test_a_week_that_is_too_late_to_order_for_is_left_out(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    clock.set(datetime(2026, 11, 26, 17, tzinfo=UTC))
    series = world.create()
    assert world.states(series) == {SECOND: BOOKED}
    assert world.told() == []


def test_the_same_key_creates_once_and_answers_alike_whatever_happens_later(
    db: Database, clock: Clock
) -> None:
    world = open_fridays(db)
    first = world.create(key="k")
    world.confirm(world.held(first))
    clock.forward(timedelta(days=5))
    world.round()
    assert world.create(key="k") == first
    assert world.taken(world.early) == (0, 1)


def test_a_customer_keeps_a_window_once(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    with pytest.raises(AlreadyStanding):
        world.create()
    with ThreadPoolExecutor(4) as threads:
        tries = [threads.submit(world.create, "rui") for _ in range(4)]
        made = [one for one in tries if not one.exception()]
    assert len(made) == 1
    world.end(series)
    assert world.create().row.id != series.row.id
    assert world.sound()


def test_what_cannot_be_kept_is_refused(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    elsewhere = db.write_now(
        lambda c, _: make_slot(c, make_shop(c, point=type(world.shop.point)(41.3, -8.6)))
    )
    with pytest.raises(SlotNotFound):
        world.create(slot_id=elsewhere.id)
    with pytest.raises(BasketTooLarge):
        world.create(basket=make_basket(ambient_ml=900_000))
    with pytest.raises(BeyondHorizon):
        world.create(slot_id=world.slots[THIRD].id)
    shop = world.shop.actor.storefront_id
    valid = datetime(2026, 11, 1, tzinfo=UTC)
    db.write_now(lambda c, _: make_fee_rule(c, storefront_id=shop, valid_from=valid, min_order_minor=9_000))
    with pytest.raises(MinOrderValue):
        world.create()
    clock.set(world.early.cutoff_at)
    with pytest.raises(CutoffPassed):
        world.create(basket=make_basket())


def test_the_deadline_is_what_the_storefront_says(db: Database) -> None:
    world = open_fridays(db)
    db.write_now(lambda c, _: set_policy(c, world.shop, standing_submit_min=90))
    series = world.create()
    assert world.week(series).submit_by == world.early.cutoff_at - timedelta(minutes=90)


def test_a_group_with_a_longer_horizon_is_booked_further_ahead(db: Database, clock: Clock) -> None:
    world = open_fridays(db)

    def longer(conn: Connection, _now: datetime) -> None:
        shop = world.shop.actor.storefront_id
        add(conn, BookingHorizon(key="gold", storefront_id=shop, customer_group="gold", days=21))

    db.write_now(longer)
    series = world.create("ana", group="gold")
    assert world.states(series) == {FRIDAY: BOOKED, SECOND: BOOKED, THIRD: BOOKED}
    usual = world.create("rui")
    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    assert world.round() == 2
    fourth = THIRD + timedelta(days=7)
    assert (fourth in world.states(series), fourth in world.states(usual)) == (True, False)


def test_the_deadline_is_that_of_the_node_that_serves_and_a_node_that_closes_too_soon_is_passed_over(
    db: Database, clock: Clock
) -> None:
    world = open_fridays(db)
    early = world.early.cutoff_at - timedelta(days=1)

    def work(conn: Connection, now: datetime) -> str:
        mine = table_of(FulfilmentNode).c.id == world.shop.node_id
        city = conn.execute(sa.select(table_of(FulfilmentNode).c.city_id).where(mine)).scalar_one()
        store = FulfilmentNode(
            city_id=city,
            key=f"store-{new_id()}",
            name="Store",
            kind=NodeKind.STORE,
            latitude=41.15,
            longitude=-8.6,
            door_orders_per_h=60,
            driver_hours_per_week=400,
        )
        add(conn, store)
        # The cheaper node closes a day earlier.
        add(conn, SlotCutoff(slot_id=world.early.id, node_id=world.shop.node_id, cutoff_at=early))
        cheap = pool_plan(world.shop, world.early.window, sell=room(5), cost_minor=10)
        dear = pool_plan(world.shop, world.early.window, sell=room(5), cost_minor=90, node_id=store.id)
        make_pools(conn, cheap, dear, now=now)
        return store.id

    db.write_now(work)
    day = timedelta(days=1)
    assert world.week(world.create("ana")).submit_by == early - day
    clock.set(early - day)
    assert world.week(world.create("rui")).submit_by == world.early.cutoff_at - day
