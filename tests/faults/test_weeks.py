"""Histories of operators, standing slots and shoppers over some weeks agree with the model on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from app.booking.cancel import cancel
from app.booking.change_calendar import CalendarOutcome, change_calendar
from app.booking.change_capacity import change_capacity
from app.booking.hold import hold
from app.booking.release import release
from app.booking.rules import BookingStatus, WaitlistStatus
from app.booking.tables import DeliveryBooking, SlotHold, WaitlistEntry
from app.capacity.rules import OvercommitChoice, SizeChange
from app.capacity.tables import CapacityPool
from app.database.engine import engine_for
from app.database.rows import rows, table_of
from app.jobs import Job
from app.slots.tables import Blackout, DeliverySlot
from app.standing.book_ahead import book_ahead
from app.standing.create import create
from app.standing.queries import standing_of
from app.standing.series import Series, series_of
from app.standing.settle import settle
from app.standing.skip_closed import skip_closed
from app.standing.tables import StandingSlot
from app.values.actor import Actor, Role
from app.values.ids import new_id
from tests.faults.conftest import PATIENT, Size
from tests.faults.fortnight import DAYS, Fortnight, make_fortnight, no_early, parade
from tests.faults.test_machine import histories
from tests.faults.weeks import Weeks, weeks_on

pytestmark = PATIENT


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    made = engine_for(database_url, pool_size=2)
    yield made
    made.dispose()


@pytest.fixture
def fortnight(engine: Engine) -> Fortnight:
    """Committed, so that histories can be rolled back to it."""
    with engine.begin() as conn:
        return make_fortnight(conn)


def test_random_histories_of_weeks_agree_with_the_model(
    engine: Engine, fortnight: Fortnight, size: Size
) -> None:
    phases = list(Phase) if size.full else [Phase.generate]
    chosen = histories(200 if size.full else 4, derandomize=not size.full, phases=phases)
    run_state_machine_as_test(weeks_on(engine, fortnight), settings=chosen)


def sold_past_what_may_be(conn: Connection, **told: Any) -> SlotHold:
    """Without what an operator said: every pool sells two orders and all that they may weigh."""
    pool = table_of(CapacityPool)
    sizes = [f"{kind}_{d}" for kind in ("sell", "cap") for d in ("orders", *_REST)]
    kept = conn.execute(sa.select(pool.c.id, *(pool.c[name] for name in sizes))).all()
    conn.execute(sa.update(pool).values(dict.fromkeys(sizes, 10**9)))
    try:
        return hold(conn, **told)
    finally:
        for row in kept:
            sells = {name: getattr(row, name) for name in sizes if name.startswith("sell")}
            conn.execute(sa.update(pool).where(pool.c.id == row.id).values(**sells))


_REST = ("work_s", "volume_ml", "weight_g", "chilled_ml", "frozen_ml")


def nobody_asked(conn: Connection, **told: Any) -> Any:
    """Without the explicit choice: what does not fit any more is kept overbooked silently."""
    return change_capacity(conn, **{**told, "choice": told["choice"] or OvercommitChoice.KEEP_OVERBOOKED})


def shown_and_done(conn: Connection, **told: Any) -> CalendarOutcome:
    """Without taking it back: what is only to be shown is done."""
    return change_calendar(conn, **{**told, "dry_run": False})


def cancelled_by_the_calendar(conn: Connection, *, now: datetime, **told: Any) -> int:
    """Without the promise: a booking in a window that the calendar has no more is cancelled."""
    booking, slot = table_of(DeliveryBooking), table_of(DeliverySlot)
    gone = sa.select(slot.c.id).where(slot.c.withdrawn_at.is_not(None))
    hit = sa.select(booking).where(booking.c.slot_id.in_(gone), booking.c.status == BookingStatus.CONFIRMED)
    for one in rows(conn, DeliveryBooking, hit.where(booking.c.cutoff_at > now)):
        actor = Actor(one.storefront_id, Role.STOREFRONT, "calendar")
        cancel(conn, now=now, actor=actor, booking_id=one.id, key=new_id())
    return skip_closed(conn, now=now, **told)


def paused_on_paper(
    conn: Connection, *, now: datetime, actor: Actor, standing_id: str, first: date, last: date | None
) -> Series:
    """Without giving anything back: the pause is written, and its windows stay held."""
    table = table_of(StandingSlot)
    mine = table.c.id == standing_id
    conn.execute(sa.update(table).where(mine).values(paused_from=first, paused_until=last))
    row = standing_of(conn, actor=actor, standing_id=standing_id)
    return series_of(conn, now=now, found=[row] if row else [])[0]


def booked_in_a_blackout(conn: Connection, **told: Any) -> Any:
    """Without a look at blackouts: a standing slot is booked ahead where nothing new is sold."""
    table = table_of(Blackout)
    standing = conn.execute(sa.select(table.c.id).where(table.c.removed_at.is_(None))).scalars().all()
    conn.execute(sa.update(table).where(table.c.id.in_(standing)).values(removed_at=told["now"]))
    try:
        return book_ahead(conn, **told)
    finally:
        conn.execute(sa.update(table).where(table.c.id.in_(standing)).values(removed_at=None))


def released_in_silence(conn: Connection, **told: Any) -> int:
    """Without a message: who has not ordered in time is not told that the window is gone."""
    count = settle(conn, **told)
    table = table_of(Job)
    conn.execute(sa.delete(table).where(table.c.kind == "engagement.standing_released"))
    return count


def offered_without_a_hold(conn: Connection, *, hold_id: str, **told: Any) -> SlotHold:
    """Without the end of an offer: its hold is given back, and it is still shown as offered."""
    held = release(conn, hold_id=hold_id, **told)
    table = table_of(WaitlistEntry)
    mine = sa.and_(table.c.hold_id == hold_id, table.c.status == WaitlistStatus.DECLINED)
    conn.execute(sa.update(table).where(mine).values(status=WaitlistStatus.OFFERED))
    return held


def forgotten_keys(conn: Connection, **told: Any) -> Series:
    """Without idempotency: the same request once more is another request."""
    return create(conn, **{**told, "key": new_id()})


def _closes_what_is_booked(m: Weeks) -> None:
    m.orders_for_a_week(which=0)
    for day in (2, 1):
        m.changes_the_calendar(when=day, node=0, made=no_early)
    m.the_worker_goes_its_round()


def _closes_a_day_to_come(m: Weeks) -> None:
    tuesday = next(n for n, slot in enumerate(m.slots()) if slot.day == DAYS[2])
    m.keeps_a_window(customer="eva", which=tuesday)
    m.everything_holds()
    m.changes_the_calendar(when=4, node=0, made=parade)
    m.time_passes(hours=24)
    m.the_worker_goes_its_round()


def _orders_too_late(m: Weeks) -> None:
    for hours in (24, 24, 3, 3, 3):
        m.time_passes(hours=hours)
    m.the_worker_goes_its_round()


def _declines_an_offer(m: Weeks) -> None:
    m.joins_the_waitlist(customer="eva", which=0, other=0)
    m.everything_holds()
    known = set(m.model.claims)
    for which in range(4):
        m.releases(which=which)
        m.everything_holds()
    offer = next(one for one in sorted(m.model.claims) if one not in known)
    m.releases(which=sorted(m.model.claims).index(offer))


def nobody_looked(_conn: Connection, **_told: Any) -> list[str]:
    """Without a look at who waits: what opens by itself is sold to whoever comes."""
    return []


def _reopens(m: Weeks) -> None:
    friday = next(n for n, slot in enumerate(m.slots()) if slot.day == DAYS[1])
    assert m.is_full(m.slots()[friday])
    m.joins_the_waitlist(customer="eva", which=0, other=0)
    m.everything_holds()
    m.plans_a_day_anew(when=2, percent=200)
    m.everything_holds()
    m.the_worker_serves_who_waits()


# A bug, and what somebody has to do to meet it: without the bug the same history holds.
CONTROLS: dict[str, tuple[Callable[..., Any], Callable[[Weeks], None]]] = {
    "hold": (
        sold_past_what_may_be,
        lambda m: m.holds_a_window(
            customer="eva", which=next(n for n, one in enumerate(m.slots()) if m.is_full(one)), basket=0
        ),
    ),
    "change_capacity": (
        nobody_asked,
        lambda m: m.changes_capacity(when=2, node=None, to=SizeChange(sell_orders=0), choice=None),
    ),
    "change_calendar": (shown_and_done, lambda m: m.changes_the_calendar(when=2, node=0, made=no_early)),
    "skip_closed": (cancelled_by_the_calendar, _closes_what_is_booked),
    "pause": (paused_on_paper, lambda m: m.pauses(which=1, first=DAYS[0], last=None)),
    "book_ahead": (booked_in_a_blackout, _closes_a_day_to_come),
    "settle": (released_in_silence, _orders_too_late),
    "release": (offered_without_a_hold, _declines_an_offer),
    "waited_pools": (nobody_looked, _reopens),
    "create": (forgotten_keys, lambda m: m.repeats_a_request(which=0)),
}


@pytest.mark.parametrize("verb", CONTROLS)
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_planted_bug_of_weeks_is_found(engine: Engine, fortnight: Fortnight, verb: str) -> None:
    planted, history = CONTROLS[verb]

    def play(**verbs: Any) -> None:
        machine = weeks_on(engine, fortnight, **verbs)()
        try:
            machine.opens_with_bookings_and_weeks()
            machine.everything_holds()
            history(machine)
            machine.everything_holds()
        finally:
            machine.teardown()

    play()
    with pytest.raises((AssertionError, IntegrityError)):
        play(**{verb: planted})
