"""A search for tours or an assignment that fails tells operators, in words and once; what was good stays."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.alerts.queries import alerts
from app.alerts.tables import OperatorAlert
from app.assignment.rules import AssignmentTrigger
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage
from app.fleet.rules import Mover
from app.fleet.tables import Shift
from app.jobs import later
from app.tours.problem import Travel
from app.tours.tables import Stop
from app.values.point import Point
from app.worker.assign import assign
from app.world.streets import Streets
from tests.allocation.test_tours import DAY, QUICK, booked
from tests.api import worked, world_on
from tests.assignment.world import street
from tests.conftest import Clock


class Torn(Streets):
    """Streets whose tables are too small for the places asked about: the router cannot work with them."""

    def travel(self, mover: Mover, points: Sequence[Point], *, circuity_bp: int) -> Travel:
        return super().travel(mover, points[:1], circuity_bp=circuity_bp)


def told(db: Database, *, only_open: bool = True) -> list[OperatorAlert]:
    return list(db.read_now(lambda c, _: alerts(c, only_open=only_open)))


def ask(db: Database, kind: str, **payload: Any) -> None:
    db.write_now(lambda c, n: later(c, now=n, kind=kind, payload=payload, max_attempts=1) and None)


def stops(db: Database) -> list[Stop]:
    return db.read_now(lambda c, _: rows(c, Stop, sa.select(table_of(Stop)).order_by("booking_id")))


def mails(db: Database) -> list[MailboxMessage]:
    table = table_of(MailboxMessage)
    mine = sa.select(table).where(table.c.message_id.like("<alert-%"))
    return db.read_now(lambda c, _: rows(c, MailboxMessage, mine))


def test_a_search_for_tours_that_fails_tells_operators_and_the_last_good_tours_stay(
    db: Database, clock: Clock
) -> None:
    _, made = db.write_now(lambda c, _: booked(c, 3))
    good = replace(world_on(db), tour_limits=QUICK)
    bad = replace(good, streets=Torn(None))
    ask(db, "tours.plan", ahead_h=48)
    while worked(good):
        pass
    before = stops(db)
    assert {one.booking_id for one in before} == {one.id for one in made}
    assert told(db) == []

    # Twice past the cut-off: the search fails, is due again, and is one alert and one mail.
    clock.set(made[0].cutoff_at + timedelta(minutes=1))
    for times in (1, 2):
        ask(db, "tours.plan")
        while worked(bad):
            pass
        (alert,) = told(db)
        assert (alert.kind.value, alert.times) == ("TOURS_FAILED", times)
    assert alert.message.startswith(f"Tours of Micro-fulfilment centre Bolhão on {DAY}: The router ended")
    assert alert.message.endswith("The last published tours stay.")
    (mail,) = mails(db)
    assert mail.subject.startswith("No new tours: the last ones stay")
    assert stops(db) == before

    # Another reason is the same trouble of the same day; tours that are found end it.
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Shift)).values(vehicles=0)) and None)
    ask(db, "tours.plan")
    while worked(good):
        pass
    (alert,) = told(db)
    assert "No vehicle is rostered" in alert.message
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Shift)).values(vehicles=1)) and None)
    ask(db, "tours.plan")
    while worked(good):
        pass
    assert told(db) == []
    assert len(mails(db)) == 1


def test_bookings_that_no_tour_brings_are_named(db: Database, clock: Clock) -> None:
    _, made = db.write_now(lambda c, _: booked(c, 14))
    short = {"starts_at": made[0].starts_at, "ends_at": made[0].starts_at + timedelta(minutes=20)}
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Shift)).values(**short)) and None)
    ask(db, "tours.plan", ahead_h=48)
    while worked(replace(world_on(db), tour_limits=QUICK)):
        pass
    (alert,) = told(db)
    missing = {one.id for one in made} - {stop.booking_id for stop in stops(db)}
    assert missing
    assert alert.kind.value == "BOOKINGS_LEFT_OUT"
    named = [one.code for one in made if one.code in alert.message]
    assert {one.id for one in made if one.code in named} <= missing
    assert len(named) == min(10, len(missing))

    # Nobody can mend a day that is over.
    clock.forward(timedelta(days=3))
    ask(db, "operators.watch")
    while worked(world_on(db)):
        pass
    assert "BOOKINGS_LEFT_OUT" not in {one.kind.value for one in told(db)}


def test_an_assignment_that_fails_leaves_bookings_where_they_are_and_tells_operators(db: Database) -> None:
    town = street(db)
    booking = town.booking(town.early, "ana")
    day, trigger = town.early.day, AssignmentTrigger.OPERATOR
    dead = (sys.executable, "-c", "raise SystemExit('out of memory')")
    for times in (1, 2):
        assign(db, day=day, trigger=trigger, command=dead)
        (alert,) = told(db)
        assert (alert.kind.value, alert.times) == ("ASSIGNMENT_FAILED", times)
    assert "out of memory" in alert.message
    assert town.now_of(booking).pool_id == booking.pool_id
    assign(db, day=day, trigger=trigger)
    assert told(db) == []
