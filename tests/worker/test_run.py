"""Jobs run once, failures are retried, and a message reaches the customer exactly once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import anyio
import pytest
import sqlalchemy as sa

from app.booking.confirm import confirm
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.rules import NotificationStatus
from app.engagement.tables import MailboxMessage, Notification
from app.errors import Busy
from app.jobs import Job, JobState, claim, fail, finish, later
from app.worker.run import work, work_once
from app.worker.schedule import SCHEDULE, ensure_ticks
from app.world.mail import MailboxMail, MailFailed, MailRefused, OutgoingMail
from app.world.world import World
from tests.api import worked, world_on
from tests.conftest import Clock
from tests.database.test_outage import broken
from tests.factories import NOW, make_hold, make_open_slot, make_shop


def booked(db: Database) -> str:
    def work(conn: sa.Connection, _now: object) -> str:
        shop = make_shop(conn)
        held = make_hold(conn, shop, make_open_slot(conn, shop), now=NOW)
        return confirm(conn, now=NOW, actor=shop.actor, hold_id=held.id, order_reference="o", key="k").id

    return db.write_now(work)


class DiesAfterSending:
    """A way of mail whose worker dies once between sending and marking."""

    def __init__(self, db: Database) -> None:
        self.inner, self.deaths = MailboxMail(db), 1

    async def send(self, mail: OutgoingMail) -> None:
        await self.inner.send(mail)
        if self.deaths:
            self.deaths -= 1
            raise KeyboardInterrupt


class Refuses:
    """A way of mail that fails, for now or for good."""

    def __init__(self, why: Exception) -> None:
        self.why = why

    async def send(self, _mail: OutgoingMail) -> None:
        raise self.why


def with_mail(db: Database, mail: object) -> World:
    known = world_on(db)
    return World(known.db, known.geocoder, mail, known.links, known.base_url)  # type: ignore[arg-type]


def mails(db: Database) -> list[MailboxMessage]:
    return db.read_now(lambda c, _: rows(c, MailboxMessage, sa.select(table_of(MailboxMessage))))


def notifications(db: Database) -> list[Notification]:
    return db.read_now(lambda c, _: rows(c, Notification, sa.select(table_of(Notification))))


def test_a_confirmation_is_sent_once(db: Database) -> None:
    booked(db)
    world = world_on(db)
    assert worked(world) == 1
    assert worked(world) == 0
    (mail,) = mails(db)
    assert mail.recipient == "ana@example.com"
    assert "BEGIN:VCALENDAR" in (mail.calendar or "")
    (notification,) = notifications(db)
    assert (notification.status, notification.message_id) == (NotificationStatus.SENT, mail.message_id)


def test_a_worker_that_dies_between_send_and_mark_does_not_send_twice(db: Database, clock: Clock) -> None:
    booked(db)
    world = with_mail(db, DiesAfterSending(db))
    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        worked(world)
    assert notifications(db)[0].status is NotificationStatus.PENDING

    clock.forward(timedelta(minutes=21))  # the lease has run out
    assert worked(world) == 1
    assert len(mails(db)) == 1
    assert [n.status for n in notifications(db)] == [NotificationStatus.SENT]


def test_a_failure_is_tried_again_and_a_refusal_is_not(db: Database, clock: Clock) -> None:
    booked(db)
    worked(with_mail(db, Refuses(MailFailed("busy"))))
    assert notifications(db)[0].status is NotificationStatus.PENDING
    clock.forward(timedelta(minutes=1))
    worked(with_mail(db, Refuses(MailRefused("no such mailbox"))))
    assert notifications(db)[0].status is NotificationStatus.FAILED
    clock.forward(timedelta(days=1))
    assert worked(world_on(db)) == 0
    assert mails(db) == []


def test_a_late_worker_cannot_end_the_job_of_the_next(db: Database, clock: Clock) -> None:
    db.write_now(lambda c, n: later(c, now=n, kind="x", payload={}, dedup_key="once"))
    assert not db.write_now(lambda c, n: later(c, now=n, kind="x", payload={}, dedup_key="once"))
    (first,) = db.write_now(lambda c, n: claim(c, now=n, limit=5, lease=timedelta(seconds=30)))
    assert db.write_now(lambda c, n: claim(c, now=n, limit=5, lease=timedelta(seconds=30))) == []
    clock.forward(timedelta(seconds=31))
    (second,) = db.write_now(lambda c, n: claim(c, now=n, limit=5, lease=timedelta(seconds=30)))

    assert not db.write_now(lambda c, _: finish(c, job=first))
    assert db.write_now(lambda c, n: fail(c, now=n, job=second, error="boom"))
    (job,) = db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))
    assert (job.state, job.attempts, job.last_error) == (JobState.READY, 2, "boom")
    assert job.run_at > clock.now


def test_every_tick_is_asked_for_once(db: Database, clock: Clock) -> None:
    assert db.write_now(ensure_ticks) == len(SCHEDULE)
    assert db.write_now(ensure_ticks) == 0
    clock.forward(timedelta(minutes=10))
    often = [tick for tick in SCHEDULE if tick.every <= timedelta(minutes=10)]
    assert db.write_now(ensure_ticks) == len(often)


def the_job(db: Database) -> Job:
    return db.read_now(
        lambda c, _: rows(
            c, Job, sa.select(table_of(Job)).where(table_of(Job).c.kind == "engagement.booking_confirmed")
        )[0]
    )


class Slow:
    """A way of mail that is not done before its job's lease was renewed."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db, self.clock = db, clock

    async def send(self, _mail: OutgoingMail) -> None:
        leased = the_job(self.db).locked_until
        self.clock.forward(timedelta(seconds=10))
        with anyio.fail_after(20):
            while the_job(self.db).locked_until == leased:  # noqa: ASYNC110  a row rings no bell
                await asyncio.sleep(0.02)


def test_a_lease_is_renewed_while_its_job_runs(db: Database, clock: Clock) -> None:
    booked(db)
    world = with_mail(db, Slow(db, clock))
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(lambda: anyio.run(lambda: work_once(world, lease=timedelta(seconds=0.3))))
        assert done.result() == 1
    assert the_job(db).state is JobState.DONE


def test_a_job_that_found_the_database_busy_is_tried_again(db: Database) -> None:
    booked(db)
    worked(with_mail(db, Refuses(Busy())))
    assert the_job(db).state is JobState.READY


class Last:
    """A way of mail that ends the worker once the message is away."""

    def __init__(self, db: Database, stop: asyncio.Event) -> None:
        self.inner, self.stop = MailboxMail(db), stop

    async def send(self, mail: OutgoingMail) -> None:
        await self.inner.send(mail)
        self.stop.set()


def test_a_worker_waits_for_a_database_that_is_away(
    db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked(db)
    looked: list[datetime] = []

    def away_at_first(conn: sa.Connection) -> datetime:
        looked.append(clock.now)
        return broken(conn) if len(looked) < 4 else clock.now

    async def until_sent() -> None:
        stop = asyncio.Event()
        with anyio.fail_after(60):
            await work(with_mail(db, Last(db, stop)), stop=stop, poll_s=0.01)

    monkeypatch.setattr(db, "clock", away_at_first)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: anyio.run(until_sent)).result()
    assert len(mails(db)) == 1
    assert the_job(db).state is JobState.DONE
