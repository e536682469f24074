"""A week is skipped, moved or paused without losing the series; what is booked stays."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.booking.cancel import cancel
from app.booking.errors import CutoffPassed, FeeDifferenceChanged, SameWindow, SlotFull, SlotNotFound
from app.booking.release import release
from app.booking.update_hold import update_hold
from app.database.runner import Database
from app.errors import Refusal
from app.standing.errors import (
    InvalidPause,
    NotAnOccurrence,
    OccurrenceConfirmed,
    OccurrenceEnded,
    OtherWeek,
    StandingSlotEnded,
    StandingSlotNotFound,
)
from app.standing.move_offers import standing_move_offers
from app.standing.rules import StandingStatus
from app.standing.series import Series
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.values.money import Money
from tests.conftest import Clock
from tests.factories import evening, make_basket, make_slot, set_policy
from tests.standing.world import FRIDAY, SECOND, THIRD, open_fridays

BOOKED = "BOOKED_AHEAD"
THURSDAY = FRIDAY - timedelta(days=1)


def test_a_skipped_week_gives_its_room_back_and_the_series_goes_on(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    skipped = world.skip(series, FRIDAY)
    assert world.skip(series, FRIDAY).occurrences == skipped.occurrences
    assert world.states(series) == {FRIDAY: "SKIPPED", SECOND: BOOKED}
    assert world.taken(world.early) == (0, 0)
    clock.forward(timedelta(days=5))
    world.round()
    assert world.states(series) == {FRIDAY: "SKIPPED", SECOND: BOOKED, THIRD: BOOKED}
    assert world.sound()


def test_a_week_beyond_the_horizon_can_be_skipped_before_it_is_booked(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    world.skip(series, THIRD)
    clock.forward(timedelta(days=5))
    world.round()
    assert world.states(series)[THIRD] == "SKIPPED"
    assert world.taken(world.slots[THIRD]) == (0, 0)


def test_a_week_moves_within_itself_with_its_goods_and_the_difference(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    held = world.held(series)
    grown = make_basket(ambient_ml=30_000)
    actor = world.shop.actor
    db.write_now(lambda c, n: update_hold(c, now=n, actor=actor, hold_id=held.id, basket=grown, key="u"))
    wide = world.open(THURSDAY, 12, 14)
    with pytest.raises(FeeDifferenceChanged) as wrong:
        world.move(series, FRIDAY, wide, expected_difference=Money(0, "EUR"))
    assert wrong.value.facts["now_minor"] == -150
    assert world.held(series).id == held.id
    moved = world.move(series, FRIDAY, wide, expected_difference=Money(-150, "EUR"), key="m")
    week = world.week(series)
    assert (str(week.state), week.slot, week.fee_difference) == ("MOVED", wide, Money(-150, "EUR"))
    assert week.hold is not None
    assert (week.hold.basket.ambient_ml, week.hold.fee.total.minor) == (30_000, 300)
    assert week.submit_by == wide.cutoff_at - timedelta(days=1)
    assert world.taken(world.early) == (0, 0)
    assert world.states(series)[SECOND] == BOOKED
    assert world.move(series, FRIDAY, wide, expected_difference=Money(-150, "EUR"), key="m") == moved
    assert world.sound()


def test_a_moved_week_comes_back_at_the_agreed_fee(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    world.move(series, FRIDAY, world.late)
    world.move(series, FRIDAY, world.early)
    assert world.held(series).fee_parts == series.row.fee_parts
    assert (world.taken(world.early), world.taken(world.late)) == ((1, 0), (0, 0))


def test_a_move_that_cannot_be_had_keeps_what_was_held(db: Database, clock: Clock) -> None:
    world = open_fridays(db, orders=1)
    series = world.create()
    before = world.held(series)
    world.hold(world.late, customer="rui")
    with pytest.raises(SlotFull):
        world.move(series, FRIDAY, world.late)
    elsewhere = db.write_now(lambda c, _: make_slot(c, world.shop, evening(SECOND, 10, 11)))
    with pytest.raises(OtherWeek):
        world.move(series, FRIDAY, elsewhere)
    with pytest.raises(SameWindow):
        world.move(series, FRIDAY, world.early)
    unknown = elsewhere.model_copy(update={"id": new_id()})
    with pytest.raises(SlotNotFound):
        world.move(series, FRIDAY, unknown)
    clock.set(world.late.cutoff_at - timedelta(days=1))
    with pytest.raises(CutoffPassed):
        world.move(series, FRIDAY, world.late)
    assert world.held(series) == before
    assert world.sound()


def test_a_window_that_the_same_vehicle_serves_needs_no_second_room(db: Database) -> None:
    world = open_fridays(db, orders=1)
    series = world.create()
    wide = db.write_now(lambda c, _: make_slot(c, world.shop, evening(FRIDAY, 18, 20)))
    world.move(series, FRIDAY, wide)
    assert world.taken(world.early) == (1, 0)
    assert world.sound()


def test_what_moving_costs_is_shown_before(db: Database) -> None:
    world = open_fridays(db, orders=1)
    series = world.create()
    wide = world.open(FRIDAY - timedelta(days=2), 12, 14)
    world.hold(world.late, customer="rui")
    actor, key = world.shop.actor, series.row.id
    offers = db.read_now(
        lambda c, n: standing_move_offers(c, now=n, actor=actor, standing_id=key, day=FRIDAY)
    )
    shown = {one.offer.slot.id: one.difference for one in offers}
    assert shown == {wide.id: Money(-150, "EUR"), world.late.id: None}


def test_a_missed_week_finds_another_window_by_moving(db: Database) -> None:
    world = open_fridays(db, orders=1)
    world.hold(world.early, customer="rui")
    series = world.create()
    assert world.states(series)[FRIDAY] == "MISSED"
    world.move(series, FRIDAY, world.late)
    assert world.states(series)[FRIDAY] == "MOVED"
    assert world.week(series).closed is None


def test_a_pause_rests_and_resuming_books_again(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    paused = world.pause(series, FRIDAY, SECOND)
    assert world.states(paused) == {FRIDAY: "PAUSED", SECOND: "PAUSED"}
    assert world.seen(series).status is StandingStatus.ACTIVE
    clock.set(datetime(2026, 11, 27, 8, tzinfo=UTC))
    assert world.seen(series).status is StandingStatus.PAUSED
    clock.forward(timedelta(days=1))
    world.round()
    assert world.states(series) == {FRIDAY: "PAUSED", SECOND: "PAUSED", THIRD: BOOKED}
    resumed = world.resume(series, key="r")
    assert world.states(series) == {FRIDAY: "PAUSED", SECOND: BOOKED, THIRD: BOOKED}
    assert world.resume(series, key="r") == resumed
    assert world.taken(world.slots[SECOND]) == (1, 0)
    assert world.sound()


def test_a_pause_without_an_end_lasts_until_it_is_resumed(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    world.pause(series, SECOND)
    clock.forward(timedelta(days=11))
    world.round()
    rest = dict.fromkeys([SECOND, THIRD, THIRD + timedelta(days=7)], "PAUSED")
    assert world.states(series) == {FRIDAY: "RELEASED", **rest}
    assert world.seen(series).status is StandingStatus.PAUSED


def test_another_pause_takes_the_place_of_the_first(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    world.pause(series, FRIDAY)
    world.pause(series, SECOND)
    world.round()
    assert world.states(series) == {FRIDAY: BOOKED, SECOND: "PAUSED"}
    with pytest.raises(InvalidPause):
        world.pause(series, SECOND, FRIDAY)


def test_a_week_skipped_by_the_customer_stays_so_after_a_pause(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    world.skip(series, FRIDAY)
    world.pause(series, FRIDAY)
    world.resume(series)
    assert world.states(series) == {FRIDAY: "SKIPPED", SECOND: BOOKED}


def test_the_end_gives_up_what_is_held_and_keeps_what_is_booked(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    world.confirm(world.held(series))
    ended = world.end(series)
    assert world.states(series) == {FRIDAY: "CONFIRMED", SECOND: "RELEASED"}
    assert world.seen(series).status is StandingStatus.ENDED
    assert world.end(series).row == ended.row
    assert (world.taken(world.early), world.taken(world.slots[SECOND])) == ((0, 1), (0, 0))
    clock.forward(timedelta(days=5))
    assert world.round() == 0
    with pytest.raises(StandingSlotEnded):
        world.skip(series, SECOND)
    with pytest.raises(StandingSlotEnded):
        world.move(series, SECOND, world.late)
    with pytest.raises(StandingSlotEnded):
        world.pause(series, SECOND)
    with pytest.raises(StandingSlotEnded):
        world.resume(series)
    assert world.sound()


def test_what_is_booked_is_changed_as_a_booking(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    booking = world.confirm(world.held(series))
    assert world.states(series)[FRIDAY] == "CONFIRMED"
    with pytest.raises(OccurrenceConfirmed):
        world.skip(series, FRIDAY)
    with pytest.raises(OccurrenceConfirmed):
        world.move(series, FRIDAY, world.late)
    world.pause(series, FRIDAY)
    assert world.states(series)[FRIDAY] == "CONFIRMED"
    actor = world.shop.actor
    db.write_now(lambda c, n: cancel(c, now=n, actor=actor, booking_id=booking.id, key="c"))
    assert world.states(series)[FRIDAY] == "CANCELLED"
    with pytest.raises(OccurrenceEnded):
        world.skip(series, FRIDAY)
    assert world.sound()


def test_a_hold_given_back_by_itself_is_a_released_week(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    actor, held = world.shop.actor, world.held(series)
    db.write_now(lambda c, n: release(c, now=n, actor=actor, hold_id=held.id))
    assert world.states(series)[FRIDAY] == "RELEASED"
    with pytest.raises(OccurrenceEnded):
        world.skip(series, FRIDAY)
    world.move(series, FRIDAY, world.early)
    assert world.states(series)[FRIDAY] == "MOVED"


def test_only_days_of_the_rule_and_only_the_storefronts_own(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    with pytest.raises(NotAnOccurrence) as other:
        world.skip(series, date(2026, 11, 28))
    assert other.value.facts["next_day"] == SECOND.isoformat()
    with pytest.raises(NotAnOccurrence):
        world.skip(series, FRIDAY - timedelta(days=7))
    world.shop = replace(world.shop, actor=Actor(new_id(), Role.STOREFRONT, "stranger"))
    with pytest.raises(StandingSlotNotFound):
        world.skip(series, FRIDAY)


def test_skipping_and_confirming_at_once_gives_one_of_the_two(db: Database) -> None:
    world = open_fridays(db, orders=20)
    db.write_now(lambda c, _: set_policy(c, world.shop, standing_submit_min=0))
    many = [world.create(f"c{i}") for i in range(6)]
    holds = {series.row.id: world.held(series) for series in many}

    def one_of_two(series: Series) -> list[Refusal | None]:
        def attempt(how: int) -> Refusal | None:
            try:
                if how:
                    world.confirm(holds[series.row.id])
                else:
                    world.skip(series, FRIDAY)
            except Refusal as refusal:
                return refusal
            return None

        with ThreadPoolExecutor(2) as pair:
            return list(pair.map(attempt, (0, 1)))

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(one_of_two, many))
    assert all([bool(a), bool(b)].count(False) == 1 for a, b in results)
    states = [world.states(series)[FRIDAY] for series in many]
    assert set(states) <= {"SKIPPED", "CONFIRMED"}
    assert world.taken(world.early) == (0, states.count("CONFIRMED"))
    assert world.sound()


def test_the_hold_of_a_skipped_week_books_nothing(db: Database) -> None:
    world = open_fridays(db)
    series = world.create()
    held = world.held(series)
    world.skip(series, FRIDAY)
    assert world.week(series).hold is None
    with pytest.raises(Refusal):
        world.confirm(held)
