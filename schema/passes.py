"""Prepaid delivery passes."""

from datetime import datetime
from operator import attrgetter
from typing import Annotated

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.customers.queries import by_reference
from app.promotions import end_pass as end_verb
from app.promotions import grant_pass as grant_verb
from app.promotions.pass_rules import PassTerms
from app.promotions.queries import passes_of
from app.promotions.tables import DeliveryPass as DeliveryPassRow
from app.values.money import Money as MoneyValue
from schema.context import Info
from schema.errors import PassUserError, attempted, pass_errors
from schema.ids import key_of
from schema.mutations import KEY, CustomerInput
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.values import Money, MoneyInput
from schema.words import PassWindows


@onto(DeliveryPassRow, description="A customer's prepaid deliveries.")
class DeliveryPass(Node):
    """A pass."""

    id: strawberry.ID = node_id("DeliveryPass", attrgetter("id"))
    label: str = strawberry.field(description="For people; shown with the part of the fee that it pays.")
    valid_from: datetime = strawberry.field(description="For windows that begin from then on.")
    valid_until: datetime = strawberry.field(description="For windows that begin before it.")
    windows: PassWindows = strawberry.field(description="For which windows.")
    max_deliveries: int | None = strawberry.field(description="For so many deliveries; null without limit.")
    used: int = strawberry.field(description="So many are booked or held.")
    ended_at: datetime | None = strawberry.field(description="When it was ended before its time.")

    @strawberry.field(description="It pays so much of each fee at most.")
    def covers(self) -> Money:
        """The amount."""
        row: DeliveryPassRow = shown(self)
        return shown(MoneyValue(row.covers_minor, row.currency))

    @strawberry.field(description="Only for baskets from this value on.")
    def min_basket(self) -> Money:
        """The least basket."""
        row: DeliveryPassRow = shown(self)
        return shown(MoneyValue(row.min_basket_minor, row.currency))


@strawberry.input(description="Prepaid deliveries, and whose.")
class GrantDeliveryPassInput:
    """What to grant."""

    customer: CustomerInput = strawberry.field(description="Whose.")
    label: str = strawberry.field(description="For people, like Delivery pass.")
    valid_from: datetime = strawberry.field(description="For windows that begin from then on.")
    valid_until: datetime = strawberry.field(description="For windows that begin before it.")
    covers: MoneyInput = strawberry.field(description="It pays so much of each fee at most.")
    min_basket: MoneyInput | None = strawberry.field(
        default=None, description="Only for baskets from this value on."
    )
    windows: PassWindows = strawberry.field(default=PassWindows.ALL, description="For which windows.")
    max_deliveries: int | None = strawberry.field(
        default=None, description="For so many deliveries; without limit if left out."
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def terms(self) -> PassTerms:
        """What was agreed."""
        covers = self.covers.value()
        least = self.min_basket.value() if self.min_basket else MoneyValue.zero(covers.currency)
        if least.currency != covers.currency:
            raise GraphQLError("covers and minBasket are of one currency.")
        return PassTerms(
            label=self.label,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            currency=covers.currency,
            covers_minor=covers.minor,
            min_basket_minor=least.minor,
            windows=self.windows,
            max_deliveries=self.max_deliveries,
        )


@strawberry.input(description="Which pass to end.")
class EndDeliveryPassInput:
    """What to end."""

    pass_id: strawberry.ID = strawberry.field(description="The pass.")


@strawberry.type(description="What came of it.")
class DeliveryPassPayload:
    """The answer."""

    delivery_pass: DeliveryPass | None = strawberry.field(description="Null when refused.")
    user_errors: list[PassUserError] = strawberry.field(description="Empty when it worked.")


async def delivery_passes(
    info: Info,
    customer_reference: Annotated[
        str, strawberry.argument(description="The storefront's own reference of the customer.")
    ],
) -> list[DeliveryPass] | None:
    """A customer's passes; none for a customer that nobody knows."""
    shop = info.context.actor.storefront_id

    def look(conn: Connection, _now: datetime) -> list[DeliveryPassRow]:
        holder = by_reference(conn, shop, customer_reference)
        return passes_of(conn, storefront_id=shop, customer_id=holder.id) if holder else []

    return shown(await info.context.read(look))


async def grant_delivery_pass(info: Info, input: GrantDeliveryPassInput) -> DeliveryPassPayload | None:
    """Grant."""
    terms, customer = input.terms(), input.customer.facts()

    def work(conn: Connection, now: datetime) -> DeliveryPassRow:
        return grant_verb.grant_pass(
            conn,
            now=now,
            actor=info.context.actor,
            customer=customer,
            terms=terms,
            key=input.idempotency_key,
        )

    granted, refusal = await attempted(info.context.write(work))
    return DeliveryPassPayload(delivery_pass=shown(granted), user_errors=pass_errors(refusal))


async def end_delivery_pass(info: Info, input: EndDeliveryPassInput) -> DeliveryPassPayload | None:
    """End."""
    pass_id = key_of("DeliveryPass", input.pass_id)

    def work(conn: Connection, now: datetime) -> DeliveryPassRow:
        return end_verb.end_pass(conn, now=now, actor=info.context.actor, pass_id=pass_id)

    ended, refusal = await attempted(info.context.write(work))
    return DeliveryPassPayload(delivery_pass=shown(ended), user_errors=pass_errors(refusal))
