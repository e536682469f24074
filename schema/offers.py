"""Slots and offers: what a shopper could have."""

from datetime import date, datetime

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.booking.offer import Availability, DayOffers, offer
from app.booking.openings import BasketRoom as BasketRoomValue
from app.booking.openings import Opening
from app.booking.slot_offer import Closure
from app.booking.slot_offer import SlotOffer as SlotOfferValue
from app.fleet.rules import Emissions
from app.pricing.rules import FeePart as FeePartValue
from app.pricing.rules import Quote
from app.slots.tables import DeliverySlot as DeliverySlotRow
from app.storefronts.queries import average_basket, storefront_by_id
from app.values.actor import Actor
from app.values.basket import Basket
from schema.context import Info
from schema.handover import HandoverOption
from schema.onto import onto, shown
from schema.places import AddressInput, CollectionPoint, Node, ResolvedAddress, located, node_id
from schema.values import Money, MoneyInput, TimeWindow
from schema.words import (
    FeePartKind,
    GoodsTrait,
    HandoverMode,
    SlotClosedReason,
    SlotLabel,
    SlotOpeningKind,
    VehicleKind,
)


@strawberry.input(
    description="What is to be delivered; missing figures take the storefront's average basket."
)
class BasketInput:
    """A basket, as told."""

    value: MoneyInput | None = strawberry.field(default=None, description="What the goods cost.")
    weight_grams: int | None = strawberry.field(default=None, description="Weight.")
    ambient_millilitres: int | None = strawberry.field(default=None, description="Volume, uncooled.")
    chilled_millilitres: int | None = strawberry.field(default=None, description="Volume, chilled.")
    frozen_millilitres: int | None = strawberry.field(default=None, description="Volume, frozen.")
    traits: list[GoodsTrait] = strawberry.field(
        default_factory=list, description="What restricts carrying and handing over."
    )


async def basket_of(info: Info, told: BasketInput | None) -> Basket:
    """The basket with the storefront's averages where nothing was said."""
    return await info.context.read(lambda conn, _: goods_of(conn, info.context.actor, told))


def goods_of(conn: Connection, actor: Actor, told: BasketInput | None) -> Basket:
    """`basket_of` within a transaction that reads more than that."""
    usual = average_basket(storefront_by_id(conn, actor.storefront_id))
    if told is None:
        return usual

    def given(name: str, value: int | None, otherwise: int) -> int:
        if value is not None and value < 0:
            raise _basket(f"{name} must not be negative", name)
        return otherwise if value is None else value

    try:
        return Basket(
            value=told.value.value() if told.value else usual.value,
            weight_g=given("weightGrams", told.weight_grams, usual.weight_g),
            ambient_ml=given("ambientMillilitres", told.ambient_millilitres, usual.ambient_ml),
            chilled_ml=given("chilledMillilitres", told.chilled_millilitres, usual.chilled_ml),
            frozen_ml=given("frozenMillilitres", told.frozen_millilitres, usual.frozen_ml),
            traits=frozenset(told.traits),
        )
    except ValueError as why:
        raise _basket(str(why), "value") from why


def _basket(why: str, name: str) -> GraphQLError:
    return GraphQLError(f"The basket cannot be: {why}.", extensions={"field": ["basket", name]})


@onto(DeliverySlotRow, description="A bookable window of one zone.")
class DeliverySlot(Node):
    """A slot."""

    id: strawberry.ID = node_id("DeliverySlot")
    time_window: TimeWindow = strawberry.field(name="window", description="When the drop may happen.")
    cutoff_at: datetime = strawberry.field(
        description="In an offer: until when it can be ordered, from whichever node still takes it."
        " In a hold or booking: until when it can be confirmed and changed, by the node that serves it."
    )
    labels: list[SlotLabel] = strawberry.field(description="What it is wherever one looks from.")


@onto(FeePartValue, description="One part of a fee.")
class FeePart:
    """A part."""

    kind: FeePartKind = strawberry.field(description="What it pays for.")
    label: str = strawberry.field(description="For people.")
    amount: Money = strawberry.field(description="Negative for a discount.")


@onto(Quote, description="total is the sum of the parts, promotions included.")
class DeliveryFee:
    """A fee."""

    total: Money = strawberry.field(description="What is to be paid.")
    parts: list[FeePart] = strawberry.field(description="What it is made of.")


@onto(Emissions, description="What one more drop emits.")
class EmissionEstimate:
    """An estimate."""

    grams: int = strawberry.field(name="gramsCo2e", description="Grams of CO2e.")
    scope: str = strawberry.field(description="What is counted, like WELL_TO_WHEEL.")
    method: str = strawberry.field(description="How it is counted.")
    factor_id: str = strawberry.field(name="factorVersion", description="The emission factor and its year.")


@onto(BasketRoomValue, description="The most that a basket may be.")
class BasketRoom:
    """Room for goods."""

    weight_g: int = strawberry.field(name="weightGrams", description="Weight.")
    volume_ml: int = strawberry.field(name="volumeMillilitres", description="Whole volume.")
    chilled_ml: int = strawberry.field(name="chilledMillilitres", description="Chilled part of the volume.")
    frozen_ml: int = strawberry.field(name="frozenMillilitres", description="Frozen part of the volume.")
    bulky: bool = strawberry.field(description="Whether it may be what fits no box.")


@onto(Opening, description="A change that would open the window; only what belongs to its kind is not null.")
class SlotOpening:
    """An opening."""

    kind: SlotOpeningKind = strawberry.field(description="What to change.")
    message: str = strawberry.field(description="For people.")
    slot: DeliverySlot | None = strawberry.field(description="The window to take instead.")
    room: BasketRoom | None = strawberry.field(description="How large the basket may be.")
    handover: HandoverMode | None = strawberry.field(description="How to have it handed over.")
    missing: Money | None = strawberry.field(description="What to add to the order.")
    at: datetime | None = strawberry.field(description="From when on it is open by itself.")
    collection_point: CollectionPoint | None = strawberry.field(
        description="Where the goods of slot can be collected."
    )
    without: list[GoodsTrait] | None = strawberry.field(description="What of the goods to leave out.")


@onto(Closure, description="Why a window is closed.")
class SlotClosure:
    """A closure."""

    reason: SlotClosedReason = strawberry.field(description="In a word.")
    message: str = strawberry.field(description="For people.")
    opens_with: list[SlotOpening] = strawberry.field(
        description="What would open it or comes nearest to it, the nearest first."
    )
    by_tours: bool = strawberry.field(
        description="Pools have room, but no vehicle has time left to come by between its other stops."
    )


@onto(SlotOfferValue, description="A slot as one shopper sees it: never stored, true until validUntil.")
class SlotOffer:
    """An offer."""

    slot: DeliverySlot = strawberry.field(description="The window.")
    available: bool = strawberry.field(description="Whether it can be held now.")
    held_by_customer: bool = strawberry.field(description="True while this customer's own hold is on it.")
    closed: SlotClosure | None = strawberry.field(description="Null while available.")
    quote: DeliveryFee | None = strawberry.field(
        name="fee", description="With the usual handover. Null while closed."
    )
    emissions: EmissionEstimate | None = strawberry.field(
        description="Marginal grams of this drop in this window. Null while closed."
    )
    vehicle_kind: VehicleKind | None = strawberry.field(
        description="The kind of vehicle that would come, as planned now."
    )
    handover_options: list[HandoverOption] = strawberry.field(
        description="How these goods may be handed over."
    )
    labels: list[SlotLabel] = strawberry.field(description="What to see at a glance, as of now.")


@onto(DayOffers, description="The windows of one local day.")
class DeliveryDay:
    """A day."""

    day: date = strawberry.field(name="date", description="At the address.")
    offers: list[SlotOffer] = strawberry.field(description="In order of start and end.")


@strawberry.type(description="Every window of the days asked for, open or closed.")
class SlotAvailability:
    """An answer."""

    address: ResolvedAddress = strawberry.field(description="The place that was understood.")
    days: list[DeliveryDay] = strawberry.field(description="Day by day.")
    inventory_version: str = strawberry.field(
        description="Changes whenever an answer of this query could change."
    )
    valid_until: datetime = strawberry.field(description="Ask again after this.")


async def slot_availability(
    info: Info,
    address: AddressInput,
    basket: BasketInput | None = None,
    first: date | None = None,
    last: date | None = None,
    customer_reference: str | None = None,
) -> SlotAvailability | None:
    """Every window of the days asked for, as this address and basket would see it."""
    place = await located(info, address)
    actor = info.context.actor
    found: Availability = await info.context.read(
        lambda conn, now: offer(
            conn,
            now=now,
            actor=actor,
            place=place,
            basket=goods_of(conn, actor, basket),
            first=first,
            last=last,
            customer_reference=customer_reference,
        )
    )
    return SlotAvailability(
        address=ResolvedAddress(label=place.label, point=shown(place.point), zone=shown(found.zone)),
        days=shown(found.days),
        inventory_version=found.inventory_version,
        valid_until=found.valid_until,
    )
