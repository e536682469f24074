"""Write the confirmation of a booking, once, ready to be sent."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.database.rows import rows, table_of
from app.engagement.calendar import calendar_entry
from app.engagement.confirmation import confirmation_of
from app.engagement.render import render
from app.engagement.rules import Channel, NotificationStatus
from app.engagement.tables import Notification
from app.values.ids import new_id

TEMPLATE = "booking_confirmed"


def notify(
    conn: Connection, *, now: datetime, booking_id: str, booking_url: str, message_host: str
) -> Notification:
    """The notification of this booking's confirmation; the second call returns the first one's.

    A customer without an e-mail address is told nothing, and the row says so. Raises NotFound, and
    what rendering raises.
    """
    confirmation = confirmation_of(conn, now=now, booking_id=booking_id, booking_url=booking_url)
    rendered = render(TEMPLATE, confirmation.locale, confirmation.facts.as_context())
    notification_id = new_id()
    recipient = confirmation.customer.email
    notification = Notification(
        id=notification_id,
        dedup_key=f"{TEMPLATE}:{booking_id}",
        message_id=f"<{notification_id}@{message_host}>",
        storefront_id=confirmation.booking.storefront_id,
        customer_id=confirmation.customer.id,
        booking_id=booking_id,
        template=TEMPLATE,
        channel=Channel.EMAIL,
        status=NotificationStatus.PENDING if recipient else NotificationStatus.SUPPRESSED,
        recipient=recipient or "",
        locale=rendered.locale,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        calendar=calendar_entry(confirmation.entry),
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
