"""Mail over SMTP to a real server on the loopback interface, and into the mailbox."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.booking.confirm import confirm
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.engagement.rules import NotificationStatus
from app.engagement.tables import MailboxMessage, Notification
from app.jobs import Job, JobState
from app.settings import read_settings
from app.world.mail import MailboxMail, MailFailed, MailRefused, OutgoingMail, SmtpMail
from app.world.world import World, build_world
from tests.api import worked, world_on
from tests.calendars import only_event
from tests.conftest import Clock
from tests.factories import NOW, evening, make_hold, make_open_slot, make_shop
from tests.loops import in_a_loop
from tests.processes import SECRET, free_port


class Postbox:
    """What a mail server does with what it is told: keep it, or answer as a test wants."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.at_sender: str | None = None
        self.at_recipient: str | None = None
        self.at_data: str | None = None

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.at_sender:
            return self.at_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.at_recipient:
            return self.at_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        if self.at_data:
            return self.at_data
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def smtp(postbox: Postbox) -> Iterator[SmtpMail]:
    """A way of mail to a running server; the server is the postbox."""
    server = Controller(postbox, hostname="127.0.0.1", port=free_port())
    server.start()
    yield SmtpMail("127.0.0.1", server.port, None, None, start_tls=False, timeout_s=5)
    server.stop()


def mail(**changes: object) -> OutgoingMail:
    values: dict[str, object] = {
        "message_id": "<n-1@shop.example>",
        "sender_name": "Mercearia do Bairro",
        "sender_address": "entregas@mercearia.example",
        "recipient": "ana@example.com",
        "subject": "Entrega marcada: às 18h",
        "text": "Olá Ana,\naté quarta.",
        "html": "<p>Olá <b>Ana</b></p>",
        "calendar": None,
        "at": NOW,
    }
    return OutgoingMail(**{**values, **changes})  # type: ignore[arg-type]  # the values above


def send(way: SmtpMail | MailboxMail, one: OutgoingMail) -> None:
    in_a_loop(way.send, one)


def booked(db: Database) -> str:
    def work(conn: sa.Connection, _now: object) -> str:
        shop = make_shop(conn)
        held = make_hold(conn, shop, make_open_slot(conn, shop), now=NOW)
        return confirm(conn, now=NOW, actor=shop.actor, hold_id=held.id, order_reference="o", key="k").id

    return db.write_now(work)


def on_smtp(db: Database, way: SmtpMail) -> World:
    usual = world_on(db)
    return World(db, usual.geocoder, way, usual.links, usual.base_url)


def notification(db: Database) -> Notification:
    (found,) = db.read_now(lambda c, _: rows(c, Notification, sa.select(table_of(Notification))))
    return found


def job(db: Database) -> Job:
    (found,) = db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))
    return found


def test_a_mail_arrives_with_its_headers_and_both_bodies(smtp: SmtpMail, postbox: Postbox) -> None:
    send(smtp, mail())
    (taken,) = postbox.taken
    assert postbox.recipients == ["ana@example.com"]
    assert taken["From"] == "Mercearia do Bairro <entregas@mercearia.example>"
    assert taken["Subject"] == "Entrega marcada: às 18h"
    assert taken["Message-ID"] == "<n-1@shop.example>"
    assert taken["Date"].datetime == NOW
    assert taken["Auto-Submitted"] == "auto-generated"
    plain, html = (taken.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").strip() == "Olá Ana,\naté quarta."
    assert "<b>Ana</b>" in html.get_content()


def test_a_confirmation_arrives_with_the_delivery_for_the_calendar(
    db: Database, smtp: SmtpMail, postbox: Postbox
) -> None:
    booked(db)
    assert worked(on_smtp(db, smtp)) == 1
    (taken,) = postbox.taken
    sent = notification(db)
    assert (sent.status, sent.message_id) == (NotificationStatus.SENT, taken["Message-ID"])
    assert taken["Subject"] == sent.subject
    parts = {part.get_content_type(): part for part in taken.walk()}
    assert {"text/plain", "text/html", "text/calendar", "application/ics"} <= set(parts)
    assert parts["text/calendar"].get_param("method") == "REQUEST"
    assert parts["application/ics"].get_filename() == "delivery.ics"
    attached = parts["application/ics"].get_payload(decode=True)
    assert isinstance(attached, bytes)
    event = only_event(attached)
    assert (event.starts_at, event.ends_at) == (evening().start, evening().end)
    assert (event.method, event.location) == ("REQUEST", "Rua das Flores 12, Porto")
    assert worked(on_smtp(db, smtp)) == 0
    assert len(postbox.taken) == 1


@pytest.mark.parametrize("answer", ["550 5.1.1 no such mailbox", "553 5.1.3 bad address"])
def test_a_recipient_refused_for_good_is_failed_with_the_reason_and_not_tried_again(
    db: Database, smtp: SmtpMail, postbox: Postbox, clock: Clock, answer: str
) -> None:
    booked(db)
    postbox.at_recipient = answer
    assert worked(on_smtp(db, smtp)) == 1
    refused = notification(db)
    assert refused.status is NotificationStatus.FAILED
    assert answer.split(" ", 2)[2] in (refused.reason or "")
    assert job(db).state is JobState.DONE
    postbox.at_recipient = None
    clock.forward(timedelta(days=1))
    assert worked(on_smtp(db, smtp)) == 0
    assert postbox.taken == []


def test_a_content_refused_for_good_is_failed(smtp: SmtpMail, postbox: Postbox) -> None:
    postbox.at_data = "554 5.7.1 looks like spam"
    with pytest.raises(MailRefused, match="looks like spam"):
        send(smtp, mail())


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("at_recipient", "450 4.2.1 mailbox busy"),
        ("at_data", "451 4.3.0 try again"),
        ("at_sender", "530 5.7.0 authentication required"),  # ours to put right
    ],
)
def test_what_may_pass_is_tried_again_and_arrives_once(
    db: Database, smtp: SmtpMail, postbox: Postbox, clock: Clock, where: str, answer: str
) -> None:
    booked(db)
    setattr(postbox, where, answer)
    worked(on_smtp(db, smtp))
    assert notification(db).status is NotificationStatus.PENDING
    assert answer.split(" ", 2)[2] in (job(db).last_error or "")
    setattr(postbox, where, None)
    assert worked(on_smtp(db, smtp)) == 0
    clock.forward(timedelta(minutes=1))
    assert worked(on_smtp(db, smtp)) == 1
    assert notification(db).status is NotificationStatus.SENT
    assert len(postbox.taken) == 1


def test_a_server_that_is_down_is_tried_again_until_it_is_up(
    db: Database, smtp: SmtpMail, postbox: Postbox, clock: Clock
) -> None:
    booked(db)
    down = SmtpMail("127.0.0.1", free_port(), None, None, start_tls=False, timeout_s=5)
    for _ in range(3):
        assert worked(on_smtp(db, down)) == 1
        clock.forward(timedelta(minutes=15))
    waiting = job(db)
    assert (waiting.state, waiting.attempts) == (JobState.READY, 3)
    assert "MailFailed" in (waiting.last_error or "")
    assert notification(db).status is NotificationStatus.PENDING
    assert worked(on_smtp(db, smtp)) == 1
    assert [message["Message-ID"] for message in postbox.taken] == [notification(db).message_id]


def test_a_server_that_says_nothing_is_given_up_on_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailFailed):
            send(SmtpMail("127.0.0.1", port, None, None, start_tls=False, timeout_s=0.2), mail())


def test_a_server_without_encryption_is_not_spoken_to_where_it_is_asked_for(
    smtp: SmtpMail, postbox: Postbox
) -> None:
    with pytest.raises(MailFailed):
        send(SmtpMail(smtp.host, smtp.port, None, None, start_tls=True, timeout_s=5), mail())
    assert postbox.taken == []


def test_a_line_break_in_a_name_adds_no_header(smtp: SmtpMail, postbox: Postbox) -> None:
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        send(smtp, mail(subject="Hello\r\nBcc: everybody@example.com"))
    assert postbox.taken == []


def test_the_mailbox_drops_a_second_copy(db: Database) -> None:
    for text in ("first", "second"):
        send(MailboxMail(db), mail(text=text))
    (kept,) = db.read_now(lambda c, _: rows(c, MailboxMessage, sa.select(table_of(MailboxMessage))))
    assert (kept.text, kept.recipient) == ("first", "ana@example.com")


def test_mail_goes_by_smtp_where_it_is_configured_and_into_the_mailbox_elsewhere(db: Database) -> None:
    plain = build_world(read_settings(demo=True), db)
    assert (type(plain.mail), plain.has_mailbox) == (MailboxMail, True)
    told = {"smtp_host": "mail.example", "smtp_port": 25, "smtp_username": "u", "smtp_password": "p"}
    sends = build_world(read_settings(secret=SECRET, **told), db)
    assert sends.mail == SmtpMail("mail.example", 25, "u", "p", start_tls=True)
    assert not sends.has_mailbox
