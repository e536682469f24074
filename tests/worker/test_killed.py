"""A worker killed with signal 9 around sending: the message reaches the customer, and reaches once."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Connection

from app.booking.confirm import confirm
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.rules import NotificationStatus
from app.engagement.tables import MailboxMessage, Notification
from app.jobs import Job, JobState
from tests.api import worked, world_on
from tests.factories import evening, make_hold, make_open_slot, make_shop
from tests.forked import Forked
from tests.processes import free_port, started
from tests.test_main import migrated


@pytest.fixture
def real(database_url: str) -> Iterator[Database]:
    """A database on the real clock, with a booking whose confirmation is to be sent."""
    db = Database(database_url)
    db.write_now(booked)
    yield db
    db.close()


def booked(conn: Connection, now: datetime) -> None:
    shop = make_shop(conn)
    slot = make_open_slot(conn, shop, window=evening(now.date() + timedelta(days=2)))
    held = make_hold(conn, shop, slot, now=now)
    confirm(conn, now=now, actor=shop.actor, hold_id=held.id, order_reference="o", key="k")
    conn.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    migrated(conn, now)


def notification(db: Database) -> Notification:
    (found,) = db.read_now(lambda c, _: rows(c, Notification, sa.select(table_of(Notification))))
    return found


def mails(db: Database) -> list[MailboxMessage]:
    return db.read_now(lambda c, _: rows(c, MailboxMessage, sa.select(table_of(MailboxMessage))))


def confirmation(conn: Connection, _now: object) -> Job:
    job = table_of(Job)
    return rows(conn, Job, sa.select(job).where(job.c.kind == "engagement.booking_confirmed"))[0]


def lease_ends(conn: Connection, now: datetime) -> None:
    """The twenty minutes of the dead worker's lease are over."""
    conn.execute(sa.update(table_of(Job)).values(locked_until=now - timedelta(seconds=1)))


def wait_until_done(db: Database) -> None:
    """Until the running worker has done the job."""
    for _ in range(1_200):
        job = db.read_now(confirmation)
        if job.state is JobState.DONE:
            return
        time.sleep(0.05)
    raise AssertionError(job.last_error)


@pytest.mark.parametrize(("moment", "delivered"), [("before", 0), ("after", 1)])
def test_a_worker_killed_around_sending_is_followed_by_one_that_finishes(
    real: Database, tmp_path: Path, moment: str, delivered: int
) -> None:
    dead = Forked(("-m", "tests.worker.mortal", real.url, moment), log=tmp_path / "log")
    assert dead.wait(120) == -signal.SIGKILL
    assert len(mails(real)) == delivered
    assert notification(real).status is NotificationStatus.PENDING
    assert real.read_now(confirmation).state is JobState.READY

    real.write_now(lease_ends)
    # On the real clock other jobs of the booking may be due by now.
    assert worked(world_on(real)) >= 1
    job = real.read_now(confirmation)
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    (mail,) = mails(real)
    told = notification(real)
    assert (told.status, told.message_id) == (NotificationStatus.SENT, mail.message_id)


class KillsItsClient:
    """A mail server that has taken the mail when the worker that sends it is killed."""

    def __init__(self) -> None:
        self.message_ids: list[str] = []
        self.client = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        content = envelope.content
        assert isinstance(content, bytes)
        self.message_ids += [
            line.split(": ", 1)[1]
            for line in content.decode().splitlines()
            if line.startswith("Message-ID: ")
        ]
        if self.client:
            os.kill(self.client, signal.SIGKILL)
            self.client = 0
        return "250 OK"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_second_copy_by_smtp_carries_the_same_message_id(real: Database) -> None:
    """The server has it, the worker died before it knew: the mailbox of the customer drops the copy."""
    postbox = KillsItsClient()
    server = Controller(postbox, hostname="127.0.0.1", port=free_port())
    server.start()
    told = {
        "LASTLAP_DATABASE_URL": real.url,
        "LASTLAP_SMTP_HOST": "127.0.0.1",
        "LASTLAP_SMTP_PORT": str(server.port),
        "LASTLAP_SMTP_START_TLS": "false",
    }
    try:
        with started("work", **told) as first:
            postbox.client = first.pid
            assert first.wait(timeout=120) == -signal.SIGKILL
        assert notification(real).status is NotificationStatus.PENDING
        assert len(postbox.message_ids) == 1
        real.write_now(lease_ends)
        with started("work", **told):
            wait_until_done(real)
    finally:
        server.stop()
    assert len(postbox.message_ids) == 2
    assert set(postbox.message_ids) == {notification(real).message_id}
    assert notification(real).status is NotificationStatus.SENT
