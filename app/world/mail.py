"""Mail leaves the house: by SMTP where one is configured, otherwise into the mailbox page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import partial
from typing import Protocol

import aiosmtplib
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.database.rows import table_of
from app.database.runner import Database
from app.engagement.tables import MailboxMessage

_PERMANENT = 500


class MailRefused(Exception):
    """The mail will never be taken: the recipient or the content is refused for good."""


class MailFailed(Exception):
    """The mail was not taken this time; it may be tried again."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail; `message_id` is the same at every try, so that a second copy can be dropped."""

    message_id: str
    sender_name: str
    sender_address: str
    recipient: str
    subject: str
    text: str
    html: str | None
    calendar: str | None
    at: datetime


class Mail(Protocol):
    """A way for mail to leave."""

    async def send(self, mail: OutgoingMail) -> None:
        """Hand the mail over; raises MailRefused or MailFailed."""
        ...


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """A mail server."""

    host: str
    port: int
    username: str | None
    password: str | None
    start_tls: bool
    timeout_s: float = 20

    async def send(self, mail: OutgoingMail) -> None:
        """Send over SMTP; a 5xx answer to recipient or content is final, everything else may be tried again.

        What a server says to our greeting, our password or our sender's address is about this
        deployment, not about the mail: the mail waits until that is put right.
        """
        try:
            await aiosmtplib.send(
                as_message(mail),
                hostname=self.host,
                port=self.port,
                username=self.username,
                password=self.password,
                start_tls=self.start_tls,
                timeout=self.timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as why:
            codes = [recipient.code for recipient in why.recipients]
            raise (MailRefused if min(codes, default=0) >= _PERMANENT else MailFailed)(str(why)) from why
        except aiosmtplib.SMTPDataError as why:
            raise (MailRefused if why.code >= _PERMANENT else MailFailed)(str(why)) from why
        except (aiosmtplib.SMTPException, OSError) as why:
            raise MailFailed(str(why)) from why


@dataclass(frozen=True, slots=True)
class MailboxMail:
    """The mailbox of a deployment without a mail server; a second copy of a message is dropped."""

    db: Database

    async def send(self, mail: OutgoingMail) -> None:
        """Keep the mail for the mailbox page."""
        await self.db.write(partial(_deliver, mail=mail))


def _deliver(conn: Connection, now: datetime, *, mail: OutgoingMail) -> None:
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    received = MailboxMessage(
        message_id=mail.message_id,
        sender=formataddr((mail.sender_name, mail.sender_address)),
        recipient=mail.recipient,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        calendar=mail.calendar,
        received_at=now,
    )
    conn.execute(insert(table_of(MailboxMessage)).values(received.model_dump()).on_conflict_do_nothing())


def as_message(mail: OutgoingMail) -> EmailMessage:
    """The mail with its text, HTML and calendar parts, and the entry once more as an attachment."""
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((mail.sender_name, mail.sender_address))
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(mail.at)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    if mail.calendar:
        message.add_alternative(mail.calendar, subtype="calendar", params={"method": "REQUEST"})
        message.add_attachment(
            mail.calendar.encode(), maintype="application", subtype="ics", filename="delivery.ics"
        )
    return message
