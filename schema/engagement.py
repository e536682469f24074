"""What customers were told."""

from datetime import datetime

import strawberry

from app.engagement.queries import notifications_of
from app.engagement.tables import Notification as NotificationRow
from schema.context import Info
from schema.ids import key_of
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.words import Channel, NotificationStatus


@onto(NotificationRow, description="One message to one person.")
class Notification(Node):
    """A message."""

    id: strawberry.ID = node_id("Notification")
    template: str = strawberry.field(description="What it is about.")
    channel: Channel = strawberry.field(description="How it goes.")
    status: NotificationStatus = strawberry.field(description="What became of it.")
    reason: str | None = strawberry.field(description="Why it was not sent.")
    locale: str = strawberry.field(description="Its language.")
    subject: str | None = strawberry.field(description="Its subject.")
    text: str = strawberry.field(description="Its plain text.")
    created_at: datetime = strawberry.field(description="When it was written.")
    sent_at: datetime | None = strawberry.field(description="When it was taken.")


async def notifications(info: Info, booking_id: strawberry.ID) -> list[Notification] | None:
    """What the customer of this booking was told, oldest first."""
    key = key_of("DeliveryBooking", booking_id)
    return shown(
        await info.context.read(
            lambda conn, _: notifications_of(conn, actor=info.context.actor, booking_id=key)
        )
    )
