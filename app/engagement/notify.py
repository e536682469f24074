"""Write a message down, once, ready to be sent."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.database.rows import rows, table_of
from app.engagement.calendar import calendar_entry
from app.engagement.letter import Letter
from app.engagement.render import render
from app.engagement.rules import Channel, NotificationStatus
from app.engagement.tables import Notification
from app.values.ids import new_id


def notify(conn: Connection, *, now: datetime, letter: Letter, message_host: str) -> Notification:
    """The notification of this letter; the second call returns the first one's.

    A customer without an e-mail address is told nothing, and the row says so. Raises what rendering
    raises.
    """
    rendered = render(letter.template, letter.locale, letter.facts)
    notification_id = new_id()
    recipient = letter.customer.email
    notification = Notification(
        id=notification_id,
        dedup_key=letter.dedup_key,
        message_id=f"<{notification_id}@{message_host}>",
        storefront_id=letter.storefront.id,
        customer_id=letter.customer.id,
        booking_id=letter.booking_id,
        template=letter.template,
        channel=Channel.EMAIL,
        status=NotificationStatus.PENDING if recipient else NotificationStatus.SUPPRESSED,
        recipient=recipient or "",
        locale=rendered.locale,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        calendar=calendar_entry(letter.entry) if letter.entry else None,
        reason=None if recipient else "the customer has no e-mail address",
        created_at=now,
    )
    table = table_of(Notification)
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        insert(table).values(notification.model_dump()).on_conflict_do_nothing(index_elements=["dedup_key"])
    )
    query = sa.select(table).where(table.c.dedup_key == notification.dedup_key)
    return rows(conn, Notification, query)[0]
