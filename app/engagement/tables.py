"""Messages to customers, as rows."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.engagement.rules import Channel, NotificationStatus
from app.values.ids import new_id


class Notification(SQLModel, table=True):
    """One message to one person; `dedup_key` makes it once per cause, `message_id` once per mailbox."""

    id: str = Field(default_factory=new_id, primary_key=True)
    dedup_key: str = Field(unique=True)
    message_id: str = Field(unique=True)
    storefront_id: str = Field(foreign_key="storefront.id")
    customer_id: str = Field(foreign_key="customer.id", index=True)
    booking_id: str | None = Field(default=None, foreign_key="delivery_booking.id", index=True)
    template: str
    channel: Channel = Field(sa_type=words(Channel))
    status: NotificationStatus = Field(sa_type=words(NotificationStatus))
    recipient: str
    locale: str
    subject: str | None = None
    text: str = Field(sa_type=sa.Text)
    html: str | None = Field(default=None, sa_type=sa.Text)
    calendar: str | None = Field(default=None, sa_type=sa.Text)
    reason: str | None = None
    created_at: datetime
    sent_at: datetime | None = None


class MailboxMessage(SQLModel, table=True):
    """A mail delivered to the mailbox page of a deployment without SMTP; a second copy is dropped."""

    __tablename__ = "mailbox_message"

    message_id: str = Field(primary_key=True)
    sender: str
    recipient: str
    subject: str
    text: str = Field(sa_type=sa.Text)
    html: str | None = Field(default=None, sa_type=sa.Text)
    calendar: str | None = Field(default=None, sa_type=sa.Text)
    received_at: datetime
