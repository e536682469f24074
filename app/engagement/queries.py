"""Reads of messages with more than one caller; a storefront sees only its own."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, rows, table_of
from app.engagement.tables import MailboxMessage, Notification
from app.storefronts.queries import storefront_by_id
from app.storefronts.tables import Storefront
from app.values.actor import Actor


def notifications_of(conn: Connection, *, actor: Actor, booking_id: str) -> list[Notification]:
    """What the customer of this booking was told, oldest first."""
    table = table_of(Notification)
    mine = sa.and_(table.c.booking_id == booking_id, table.c.storefront_id == actor.storefront_id)
    return rows(conn, Notification, sa.select(table).where(mine).order_by(table.c.id))


def notification_of(conn: Connection, *, actor: Actor, notification_id: str) -> Notification | None:
    """The notification with this id, if it is the caller's."""
    table = table_of(Notification)
    mine = sa.and_(table.c.id == notification_id, table.c.storefront_id == actor.storefront_id)
    return one_or_none(conn, Notification, sa.select(table).where(mine))


def sender_of(conn: Connection, notification: Notification) -> Storefront:
    """The storefront in whose name a notification is sent."""
    return storefront_by_id(conn, notification.storefront_id)


def mailbox(conn: Connection, limit: int = 50) -> list[MailboxMessage]:
    """The newest mails of the mailbox page."""
    table = table_of(MailboxMessage)
    query = sa.select(table).order_by(table.c.received_at.desc(), table.c.message_id).limit(limit)
    return rows(conn, MailboxMessage, query)


def mailbox_message(conn: Connection, message_id: str) -> MailboxMessage | None:
    """One mail of the mailbox page."""
    table = table_of(MailboxMessage)
    return one_or_none(conn, MailboxMessage, sa.select(table).where(table.c.message_id == message_id))
