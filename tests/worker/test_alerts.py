"""When a plan cannot be made the last one stays, operators are told once, in words, and bookings go on."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.queries import alerts
from app.alerts.tables import OperatorAlert
from app.allocation.queries import newest_run, run_of
from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun
from app.booking.rules import BookingStatus
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage
from app.fleet.tables import ShiftPattern, Vehicle, VehicleClass
from app.jobs import Job, later
from app.slots.queries import slots_between
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.worker.plan import plan
from app.worker.solver import COMMAND
from tests.api import KEY, Api, client_on, worked, world_on
from tests.conftest import Clock
from tests.factories import NOW, Shop, make_booking
from tests.patience import given_s
from tests.worker.small_city import QUICK, make_city, make_far_zone

DAY = NOW.date() + timedelta(days=1)
ALERTS = """query ($open: Boolean! = true) { operatorAlerts(onlyOpen: $open) {
  id kind message times raisedAt lastAt mailedAt acknowledgedAt acknowledgedBy clearedAt } }"""
ACKNOWLEDGE = """mutation ($input: AcknowledgeAlertInput!) { acknowledgeAlert(input: $input) {
  alert { acknowledgedAt acknowledgedBy } userErrors { code } } }"""
BROKEN = {
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "code -9"),
    "garbage": ("print('nonsense')", "no plan"),
    "hangs": ("import time; time.sleep(60)", "stopped after"),
}


def planned(db: Database, command: Sequence[str] = COMMAND, wall_s: float = 120) -> AllocationRun:
    return plan(db, trigger="test", first=DAY, days=1, limits=QUICK, wall_s=wall_s, command=command)


def broken(db: Database, how: str) -> AllocationRun:
    script = BROKEN[how][0]
    return planned(db, (sys.executable, "-c", script), given_s(script))


def known(db: Database, *, only_open: bool = True) -> list[OperatorAlert]:
    return list(db.read_now(lambda c, _: alerts(c, only_open=only_open)))


def mails(db: Database) -> list[MailboxMessage]:
    """What has arrived at the operators' address, once all jobs are done."""
    while worked(world_on(db)):
        pass
    table = table_of(MailboxMessage)
    told = sa.select(table).where(table.c.message_id.like("<alert-%"))
    return db.read_now(lambda c, _: rows(c, MailboxMessage, told))


def booked(db: Database, shop: Shop, customer: str) -> BookingStatus:
    """Hold and confirm the planned evening."""

    def work(conn: Connection, now: Any) -> BookingStatus:
        slot = slots_between(conn, zone_id=shop.zone_id, first=DAY, last=DAY)[0]
        return make_booking(conn, shop, slot, now=now, customer=customer).status

    return db.write_now(work)


def keyed(db: Database, shop: Shop) -> None:
    def work(conn: Connection, _now: object) -> None:
        for key, role in (("op", Role.OPERATOR), (KEY, Role.STOREFRONT)):
            issue_key(conn, now=NOW, storefront_id=shop.actor.storefront_id, key=key, name=key, role=role)

    db.write_now(work)


@pytest.mark.parametrize("how", BROKEN)
def test_bookings_go_on_while_the_planner_fails_and_operators_are_told_once(
    db: Database, clock: Clock, how: str
) -> None:
    shop = db.write_now(lambda c, _: make_city(c))
    good = planned(db)
    assert good.status is RunStatus.PUBLISHED
    assert known(db) == []

    begun, ended = Event(), Event()

    def failing() -> None:
        begun.set()
        broken(db, how)
        ended.set()

    thread = Thread(target=failing)
    thread.start()
    begun.wait(10)
    # While it is killed, talks nonsense or hangs: hold and confirm work, and so they do after it.
    assert booked(db, shop, "ana") is BookingStatus.CONFIRMED
    thread.join(60)
    assert ended.is_set()
    assert booked(db, shop, "rui") is BookingStatus.CONFIRMED
    stays = db.read_now(lambda c, _: run_of(c))
    failed = db.read_now(lambda c, _: newest_run(c))
    assert stays is not None
    assert failed is not None
    assert (stays.id, failed.status) == (good.id, RunStatus.FAILED)

    clock.forward(timedelta(minutes=1))
    broken(db, how)
    (alert,) = known(db)
    assert BROKEN[how][1] in alert.message
    assert "The last published plan stays." in alert.message
    assert (alert.kind.value, alert.times, alert.last_at) == ("PLAN_FAILED", 2, clock.now)
    (mail,) = mails(db)
    assert (mail.recipient, alert.message in mail.text) == ("entregas@mercearia.example", True)
    # What is over is cleared, and news when it comes again.
    assert planned(db).status is RunStatus.PUBLISHED
    assert known(db) == []
    broken(db, how)
    assert [alert.times for alert in known(db, only_open=False)] == [1, 2]
    assert len(mails(db)) == 2


def test_operators_read_and_acknowledge_alerts(db: Database, clock: Clock) -> None:
    shop = db.write_now(lambda c, _: make_city(c))
    keyed(db, shop)
    broken(db, "garbage")
    with client_on(db) as client:
        operator = Api(client, "op")
        assert Api(client).codes(ALERTS) == ["OPERATORS_ONLY"]
        (seen,) = operator.data(ALERTS)["operatorAlerts"]
        assert (seen["kind"], seen["times"], seen["mailedAt"]) == ("PLAN_FAILED", 1, None)
        mails(db)
        told = {"alertId": seen["id"]}
        refused = Api(client).data(ACKNOWLEDGE, input=told)["acknowledgeAlert"]
        assert refused == {"alert": None, "userErrors": [{"code": "OPERATORS_ONLY"}]}
        done = operator.data(ACKNOWLEDGE, input=told)["acknowledgeAlert"]
        first = {"acknowledgedAt": clock.now.isoformat(), "acknowledgedBy": "op"}
        assert done == {"alert": first, "userErrors": []}
        clock.forward(timedelta(minutes=5))
        assert operator.data(ACKNOWLEDGE, input=told)["acknowledgeAlert"]["alert"] == first
        # Still open: it is over when a plan is published, not when somebody has seen it.
        broken(db, "garbage")
        (seen,) = operator.data(ALERTS)["operatorAlerts"]
        assert (seen["times"], seen["acknowledgedBy"]) == (2, "op")
        assert seen["mailedAt"] is not None
        assert len(mails(db)) == 1


def test_a_zone_nobody_reaches_is_named_and_the_others_are_planned(db: Database) -> None:
    shop = db.write_now(lambda c, _: make_city(c))
    db.write_now(lambda c, _: make_far_zone(c, shop, "Serra") and None)
    run = planned(db)
    assert run.status is RunStatus.PUBLISHED
    assert run.message is not None
    assert run.message.startswith("No vehicle reaches Serra (Z-Serra);")
    assert booked(db, shop, "ana") is BookingStatus.CONFIRMED
    planned(db)
    (alert,) = known(db)
    assert (alert.kind.value, alert.message, alert.times) == ("ZONE_UNREACHABLE", run.message, 2)
    # Another such zone is news; once all are reached, it is over.
    db.write_now(lambda c, _: make_far_zone(c, shop, "Marão") and None)
    planned(db)
    (alert,) = known(db)
    assert ("Serra (Z-Serra)" in alert.message, "Marão (Z-Marão)" in alert.message) == (True, True)
    db.write_now(lambda c, _: c.execute(sa.update(table_of(VehicleClass)).values(reach_m=None)) and None)
    planned(db)
    assert known(db) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"starts_local": "25:00"}, "The shift Late shift has no hours: '25:00' to '22:00'; use HH:MM."),
        ({"ends_local": "16:00"}, "The shift Late shift begins and ends at 16:00; give it another end."),
        ({"weekdays": "8"}, "The shift Late shift names no weekday: '8'; use digits, 1 is Monday."),
        (
            {"starts_local": "01:00", "ends_local": "05:00"},
            "No shift pattern covers any window of these days: Late shift 01:00 to 05:00. Change their hours",
        ),
    ],
    ids=["no such hour", "no length", "no weekday", "covers nothing"],
)
def test_shifts_that_contradict_themselves_are_named_and_the_last_plan_stays(
    db: Database, changes: dict[str, str], said: str
) -> None:
    shop = db.write_now(lambda c, _: make_city(c))
    good = planned(db)
    db.write_now(lambda c, _: c.execute(sa.update(table_of(ShiftPattern)).values(**changes)) and None)
    refused = planned(db)
    assert refused.status is RunStatus.REFUSED
    assert said in (refused.message or "")
    planned(db)
    (alert,) = known(db)
    assert (alert.kind.value, alert.message, alert.times) == ("PLAN_REFUSED", refused.message, 2)
    stays = db.read_now(lambda c, _: run_of(c))
    assert stays is not None
    assert stays.id == good.id
    assert booked(db, shop, "ana") is BookingStatus.CONFIRMED


def test_the_nightly_job_tells_of_no_vehicle_once_however_often_it_is_tried(
    db: Database, clock: Clock
) -> None:
    db.write_now(lambda c, _: make_city(c) and None)
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Vehicle)).values(out_of_service=True)) and None)
    db.write_now(lambda c, n: later(c, now=n, kind="allocation.plan", payload={}, max_attempts=3) and None)
    for _ in range(3):
        mails(db)
        clock.forward(timedelta(minutes=20))
    table = table_of(Job)
    asked = sa.select(table).where(table.c.kind == "allocation.plan")
    (job,) = db.read_now(lambda c, _: rows(c, Job, asked))
    assert job.attempts == 3
    (alert,) = known(db)
    assert ("No vehicle is in service" in alert.message, alert.times) == (True, 3)
    (mail,) = mails(db)
    assert mail.subject.startswith("No new capacity plan: the data cannot work")


def test_a_plan_that_is_a_day_old_is_told_of(db: Database, clock: Clock) -> None:
    db.write_now(lambda c, _: make_city(c) and None)
    planned(db)
    ask = partial(later, kind="operators.watch", payload={})
    db.write_now(lambda c, n: ask(c, now=n) and None)
    assert mails(db) == []
    clock.forward(timedelta(hours=27))
    for _ in range(2):
        db.write_now(lambda c, n: ask(c, now=n) and None)
        (mail,) = mails(db)
    assert "none has been published since" in mail.text
    (alert,) = known(db)
    assert (alert.kind.value, alert.times) == ("PLAN_STALE", 2)
