"""What becomes of the payment of an order that got no window."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.booking.release_payment import released_payment, released_payments
from app.booking.tables import PaymentRelease as PaymentReleaseRow
from schema.bookings import PageInfo
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.paging import asked
from schema.places import node_id
from schema.values import Money


@onto(
    PaymentReleaseRow,
    description="This order was not booked and never will be with this hold: void or refund its payment."
    " There is one for a hold and an order, whoever asks and however often: give its id to the payment"
    " provider as the idempotency key, and it is done exactly once.",
)
class PaymentRelease:
    """A release."""

    id: strawberry.ID = node_id("PaymentRelease")
    order_reference: str = strawberry.field(description="Whose payment: the storefront's own number.")
    reason: str = strawberry.field(description="The code of the refusal that ended it, like HOLD_EXPIRED.")
    fee: Money = strawberry.field(
        name="deliveryFee", description="What of the payment was for the delivery: the fee that was held."
    )
    created_at: datetime = strawberry.field(description="When it was decided.")

    @strawberry.field(description="The hold that it was for.")
    def hold_id(self) -> strawberry.ID:
        """The hold."""
        row: PaymentReleaseRow = shown(self)
        return to_global("SlotHold", row.hold_id)


@strawberry.type(description="A release in a page.")
class PaymentReleaseEdge:
    """An edge."""

    cursor: str = strawberry.field(description="Give it as after or before.")
    node: PaymentRelease = strawberry.field(description="The release.")


@strawberry.type(description="Releases, oldest first: read on after the last cursor and none is missed.")
class PaymentReleaseConnection:
    """A page of releases."""

    edges: list[PaymentReleaseEdge] = strawberry.field(description="With cursors.")
    nodes: list[PaymentRelease] = strawberry.field(description="Without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


async def payment_releases(
    info: Info,
    order_reference: Annotated[
        str | None, strawberry.argument(description="Only of this order of the storefront.")
    ] = None,
    first: Annotated[int | None, strawberry.argument(description="So many of the oldest.")] = None,
    after: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
    last: Annotated[int | None, strawberry.argument(description="So many of the newest.")] = None,
    before: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
) -> PaymentReleaseConnection | None:
    """The payments of this storefront that go back."""
    page = asked(first, after, last, before)
    found = await info.context.read(
        lambda conn, _: released_payments(
            conn,
            actor=info.context.actor,
            order_reference=order_reference,
            limit=page.limit,
            after=key_of("PaymentRelease", after) if after else None,
            before=key_of("PaymentRelease", before) if before else None,
            backwards=page.backwards,
        )
    )
    nodes, cursors, place = page.cut(found, lambda one: str(to_global("PaymentRelease", one.id)))
    edges = [PaymentReleaseEdge(cursor=c, node=shown(n)) for c, n in zip(cursors, nodes, strict=True)]
    return PaymentReleaseConnection(edges=edges, nodes=shown(nodes), page_info=place)


async def release_of(info: Info, *, hold_id: str, order_reference: str) -> PaymentRelease | None:
    """The release of this order's payment for this hold, if there is one."""
    return shown(
        await info.context.read(
            lambda conn, _: released_payment(
                conn, actor=info.context.actor, hold_id=hold_id, order_reference=order_reference
            )
        )
    )
