"""The clock's round, told as the weeks of a customer: reminded, released, closed, told of prices."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.booking.cancel import cancel
from app.booking.change_calendar import change_calendar
from app.booking.reclaim import reclaim
from app.booking.rules import SlotClosedReason
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage
from app.jobs import Job, JobState, later
from app.slots.drafts import BlackoutDraft
from app.slots.tables import DeliverySlot
from app.standing.settle import settle
from app.standing.tables import StandingSlot
from app.values.actor import Actor, Role
from app.worker.schedule import SCHEDULE
from tests.api import client_on, worked, world_on
from tests.conftest import Clock
from tests.factories import make_fee_rule, set_policy
from tests.standing.world import FRIDAY, SECOND, THIRD, Fridays, open_fridays

BOOKED = "BOOKED_AHEAD"


def tended(db: Database) -> None:
    """A round of the clock now, with the messages that it leaves word for."""
    db.write_now(lambda c, n: later(c, now=n, kind="standing.tend", payload={}))
    world = world_on(db)
    while worked(world):
        pass
    dead = db.read_now(
        lambda c, _: rows(c, Job, sa.select(table_of(Job)).where(table_of(Job).c.last_error.is_not(None)))
    )
    assert [job.last_error for job in dead] == []


def mails(db: Database) -> list[str]:
    """The subjects of what was sent, oldest first."""
    query = sa.select(table_of(MailboxMessage)).order_by("received_at", "message_id")
    return [mail.subject for mail in db.read_now(lambda c, _: rows(c, MailboxMessage, query))]


def text_of(db: Database, subject: str) -> str:
    """The text of the mail with this subject."""
    query = sa.select(table_of(MailboxMessage))
    return next(
        m.text for m in db.read_now(lambda c, _: rows(c, MailboxMessage, query)) if m.subject == subject
    )


def withdrawn(world: Fridays, slot: DeliverySlot) -> None:
    """The calendar no longer has this window."""
    table = table_of(DeliverySlot)
    gone = sa.update(table).where(table.c.id == slot.id)
    world.db.write_now(lambda c, n: c.execute(gone.values(withdrawn_at=n)))


def blacked_out(world: Fridays, slot: DeliverySlot) -> None:
    """An operator closes the evening."""
    storm = BlackoutDraft(key="storm", starts_at=slot.starts_at, ends_at=slot.ends_at, reason="Storm warning")
    actor = Actor(world.shop.actor.storefront_id, Role.OPERATOR, "operations")
    world.db.write_now(lambda c, n: change_calendar(c, now=n, actor=actor, reason="a storm", draft=storm))


def test_the_customer_is_reminded_the_day_before_and_the_window_is_released_at_the_deadline(
    db: Database, clock: Clock
) -> None:
    world = open_fridays(db)
    series = world.create()
    deadline = world.week(series).submit_by
    assert deadline == datetime(2026, 11, 26, 17, tzinfo=UTC)
    clock.set(deadline - timedelta(days=1, seconds=1))
    tended(db)
    assert mails(db) == []
    clock.forward(timedelta(seconds=1))
    tended(db)
    tended(db)
    reminder = "Order by Thursday 26 November, 17:00 to keep Friday 27 November, 19:00–20:00"
    assert [subject.replace(",", "") for subject in mails(db)] == [reminder.replace(",", "")]
    link = re.search(r"http://testserver(/holds/\S+)", text_of(db, mails(db)[0]))
    assert link is not None
    with client_on(db) as client:
        page = client.get(link[1], headers={"Accept-Language": "en"}).text
    assert "Held until Thursday" in page
    assert "countdown" not in page

    clock.set(deadline - timedelta(seconds=1))
    tended(db)
    assert world.states(series)[FRIDAY] == BOOKED
    clock.set(deadline)
    # Others can have it at once, before any worker has looked.
    assert world.states(series)[FRIDAY] == "RELEASED"
    for customer in range(10):
        world.hold(world.early, customer=f"c{customer}")
    tended(db)
    tended(db)
    assert len(mails(db)) == 2
    assert mails(db)[1].startswith("Released: ")
    assert world.states(series) == {FRIDAY: "RELEASED", SECOND: BOOKED}
    assert world.sound()


def test_who_has_ordered_is_neither_reminded_nor_released(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    booking = world.confirm(world.held(series))
    clock.set(datetime(2026, 11, 26, 18, tzinfo=UTC))
    tended(db)
    assert world.told() == []
    assert world.states(series)[FRIDAY] == "CONFIRMED"
    actor = world.shop.actor
    db.write_now(lambda c, n: cancel(c, now=n, actor=actor, booking_id=booking.id, key="c"))
    assert world.states(series)[FRIDAY] == "CANCELLED"


def test_a_skipped_week_is_told_of_no_more(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    world.skip(series, FRIDAY)
    clock.set(datetime(2026, 11, 26, 18, tzinfo=UTC))
    tended(db)
    assert mails(db) == []


def test_a_moved_week_is_reminded_of_its_new_deadline(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    clock.set(datetime(2026, 11, 24, 18, tzinfo=UTC))
    tended(db)
    assert mails(db) == []
    world.move(series, FRIDAY, world.late)
    tended(db)
    assert [mail[:20] for mail in mails(db)] == ["Order by Wednesday 2"]


def test_a_payment_that_arrives_late_books_a_released_week(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    held = world.held(series)
    clock.set(held.expires_at + timedelta(minutes=5))
    tended(db)
    assert world.states(series)[FRIDAY] == "RELEASED"
    booking = world.confirm(held)
    assert booking.fee_minor == held.fee_minor
    assert world.states(series)[FRIDAY] == "CONFIRMED"
    assert world.sound()


def test_released_room_goes_to_those_who_wait(db: Database, clock: Clock) -> None:
    world = open_fridays(db, orders=1)
    series = world.create()
    clock.set(world.held(series).expires_at)
    db.write_now(lambda c, n: reclaim(c, now=n))
    world.hold(world.early, customer="rui")
    assert db.write_now(lambda c, n: settle(c, now=n)) == 1
    assert db.write_now(lambda c, n: settle(c, now=n)) == 0


def test_a_missed_week_is_told_with_the_nearest_windows(db: Database) -> None:
    world = open_fridays(db, orders=1)
    world.hold(world.early, customer="rui")
    world.create()
    tended(db)
    (subject,) = mails(db)
    assert subject.startswith("Not this week: Friday 27 November")
    text = text_of(db, subject)
    assert "this week: Full." in text
    assert "- Thursday 26 November, 20:00–21:00" in text
    assert "waitlist" in text


@pytest.mark.parametrize("close", [withdrawn, blacked_out])
def test_a_window_that_closes_later_is_skipped_and_told_and_a_booking_stays(
    db: Database, close: Callable[[Fridays, DeliverySlot], None]
) -> None:
    world = open_fridays(db)
    kept, booked, resting = world.create("ana"), world.create("rui"), world.create("zoe")
    world.confirm(world.held(booked))
    world.pause(resting, FRIDAY, FRIDAY)
    close(world, world.early)
    tended(db)
    tended(db)
    closed = [mail for mail in mails(db) if mail.startswith("No delivery on")]
    assert [mail.replace(",", "") for mail in closed] == ["No delivery on Friday 27 November 19:00–20:00"]
    assert "Friday, 4 December" in text_of(db, closed[0]) or "Friday 4 December" in text_of(db, closed[0])
    week = world.week(kept)
    assert week.closed is not None
    assert (str(week.state), week.closed.reason) == ("SKIPPED", SlotClosedReason.BLACKOUT)
    assert [world.states(one)[FRIDAY] for one in (booked, resting)] == ["CONFIRMED", "PAUSED"]
    assert world.states(kept)[SECOND] == BOOKED
    assert world.taken(world.early) == (0, 1)
    world.resume(resting)
    assert world.states(resting)[FRIDAY] == "SKIPPED"
    assert world.sound()


@pytest.mark.parametrize("close", [withdrawn, blacked_out])
def test_a_window_that_is_closed_before_is_skipped_when_its_day_comes(
    db: Database, clock: Clock, close: Callable[[Fridays, DeliverySlot], None]
) -> None:
    world = open_fridays(db)
    series = world.create()
    close(world, world.slots[THIRD])
    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    tended(db)
    assert world.states(series)[THIRD] == "SKIPPED"
    assert [mail for mail in mails(db) if mail.startswith("No delivery on")] != []
    clock.forward(timedelta(days=7))
    tended(db)
    assert world.states(series)[THIRD + timedelta(days=7)] == BOOKED


def test_a_new_price_is_told_once_and_only_what_is_booked_after_that_takes_it(
    db: Database, clock: Clock
) -> None:
    world = open_fridays(db)
    series = world.create()
    shop = world.shop.actor.storefront_id
    starts = datetime(2026, 11, 26, tzinfo=UTC)
    db.write_now(lambda c, _: make_fee_rule(c, storefront_id=shop, valid_from=starts, base_minor=340))
    tended(db)
    assert mails(db) == []
    # The third Friday enters the horizon in the same round in which the price is first seen to be another.
    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    tended(db)
    tended(db)
    price = [mail for mail in mails(db) if "costs" in mail]
    assert price == ["From Friday 18 December on, 19:00–20:00 costs €4.90"]
    assert "from €4.50 to €4.90" in text_of(db, price[0])
    fourth = THIRD + timedelta(days=7)
    clock.forward(timedelta(days=7))
    tended(db)
    fees = {day: world.held(series, day).fee_minor for day in (SECOND, THIRD, fourth)}
    assert fees == {SECOND: 450, THIRD: 450, fourth: 490}
    (notice,) = world.seen(series).notices
    assert (notice.before.minor, notice.after.minor, notice.from_day) == (450, 490, fourth)


def test_a_new_table_with_the_same_fee_is_no_news(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    series = world.create()
    shop = world.shop.actor.storefront_id
    rule = db.write_now(lambda c, n: make_fee_rule(c, storefront_id=shop, valid_from=n, four_hour_minor=-200))
    clock.forward(timedelta(minutes=10))
    tended(db)
    assert mails(db) == []
    assert world.seen(series).row.fee_rule_id == rule.id


def test_demand_moves_the_offers_and_not_the_fee_of_a_standing_slot(db: Database) -> None:
    world = open_fridays(db)
    shop = world.shop.actor.storefront_id
    busy = {
        "usual_cost_minor": 0,
        "pass_on_bp": 10_000,
        "step_minor": 10,
        "green_grams": 30,
        "green_discount_minor": 50,
    }
    db.write_now(lambda c, n: make_fee_rule(c, storefront_id=shop, valid_from=n, **busy))
    series = world.create()
    assert [part.label for part in series.row.fee.parts] == [
        "Delivery",
        "One-hour window",
        "Evening",
        "Greener choice",
    ]
    assert world.held(series).fee_minor == series.row.fee_minor == 400
    assert world.hold(world.early, customer="rui").fee_minor == 440


def test_the_round_is_a_tick_of_the_worker() -> None:
    assert [tick.every for tick in SCHEDULE if tick.kind == "standing.tend"] == [timedelta(minutes=10)]


def test_a_broken_standing_slot_stops_no_other_and_is_tried_again(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    first, second = world.create("ana"), world.create("rui")
    table = table_of(StandingSlot)
    broken = sa.update(table).where(table.c.id == first.row.id).values(rrule="FREQ=NEVER")
    db.write_now(lambda c, _: c.execute(broken))
    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    db.write_now(lambda c, n: later(c, now=n, kind="standing.tend", payload={}))
    place = world_on(db)
    while worked(place):
        pass
    assert world.states(second)[THIRD] == BOOKED
    jobs = db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))
    (tick,) = [job for job in jobs if job.kind == "standing.tend"]
    assert (tick.state, "NEVER" in (tick.last_error or "")) == (JobState.READY, True)


def test_who_created_late_is_reminded_at_once(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    clock.set(datetime(2026, 11, 26, 12, tzinfo=UTC))
    world.create()
    tended(db)
    assert len(mails(db)) == 1
    db.write_now(lambda c, _: set_policy(c, world.shop, standing_remind_min=60 * 24 * 8))
    tended(db)
    assert len(mails(db)) == 2
