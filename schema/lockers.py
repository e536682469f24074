"""Lockers: which a shopper may accept in a window, how full they are, and what was taken out of them."""

from datetime import date, datetime
from typing import Annotated

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.booking.accept_lockers import accept_lockers as accept_verb
from app.booking.compartments import MESSAGES
from app.booking.empty_compartment import empty_compartment as empty_verb
from app.booking.locker_offers import MOST_OFFERED
from app.booking.locker_offers import CompartmentFill as CompartmentFillValue
from app.booking.locker_offers import LockerFill as LockerFillValue
from app.booking.locker_offers import LockerOffer as LockerOfferValue
from app.booking.locker_offers import locker_fill as fill_of
from app.booking.locker_offers import locker_offers as offers_of
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.booking.tables import SlotHold as SlotHoldRow
from app.errors import OperatorsOnly
from schema.bookings import DeliveryBooking, SlotHold, seen_booking, seen_hold
from schema.context import Info
from schema.errors import BookingUserError, HoldUserError, attempted, booking_errors, hold_errors
from schema.ids import key_of
from schema.offers import BasketInput, basket_of
from schema.onto import onto, shown
from schema.places import AddressInput, CollectionPoint, located
from schema.words import LockerClosedReason

MAX_WINDOWS = 8


@strawberry.type(description="Why a locker cannot be had, in a word and in a sentence for people.")
class LockerClosed:
    """A reason."""

    reason: LockerClosedReason = strawberry.field(description="In a word.")
    message: str = strawberry.field(description="For people.")


@onto(LockerOfferValue, description="A locker that may be accepted beside a door, or why not.")
class LockerOffer:
    """An offer."""

    locker: CollectionPoint = strawberry.field(description="The locker.")
    metres: int = strawberry.field(description="From the door, as the crow flies.")

    @strawberry.field(description="Whether a compartment is free for these goods in these windows.")
    def available(self) -> bool:
        """Whether it may be accepted."""
        return _offer(self).closed is None

    @strawberry.field(description="Why it cannot be had; null where it can.")
    def closed(self) -> LockerClosed | None:
        """The reason."""
        reason = _offer(self).closed
        return LockerClosed(reason=reason, message=MESSAGES[reason]) if reason else None


@onto(CompartmentFillValue, description="The compartments of one size.")
class CompartmentFill:
    """A size."""

    volume_ml: int = strawberry.field(name="volumeMillilitres", description="What one of them holds.")
    count: int = strawberry.field(description="How many there are.")
    taken: int = strawberry.field(description="How many are kept or full at the busiest time of the day.")


@onto(LockerFillValue, description="How full a locker is on a day.")
class LockerFill:
    """A locker."""

    locker: CollectionPoint = strawberry.field(description="The locker.")
    sizes: list[CompartmentFill] = strawberry.field(description="By size, the smallest first.")


@strawberry.input(description="Whose goods were taken out of their locker.")
class EmptyCompartmentInput:
    """A compartment that is empty again."""

    booking_id: strawberry.ID = strawberry.field(description="The booking, of any storefront.")


@strawberry.type(description="What came of it.")
class EmptyCompartmentPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(
        description="Where it is this key's storefront's; null when refused."
    )
    user_errors: list[BookingUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which lockers a hold may go to beside the door.")
class AcceptLockersInput:
    """The lockers."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")
    locker_ids: list[strawberry.ID] = strawberry.field(
        description="At most 3 from lockerOffers, the best first, in place of those before; none: the door."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse with VERSION_CONFLICT if it was changed meanwhile."
    )


@strawberry.type(description="What came of it.")
class AcceptLockersPayload:
    """The answer."""

    hold: SlotHold | None = strawberry.field(description="As it is now; null when refused.")
    user_errors: list[HoldUserError] = strawberry.field(description="Empty when it worked.")


def _offer(root: object) -> LockerOfferValue:
    offer: LockerOfferValue = shown(root)
    return offer


async def locker_offers(
    info: Info,
    address: Annotated[AddressInput, strawberry.argument(description="The door.")],
    slot_ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="The window, or the up to 8 of a flexible hold.")
    ],
    basket: Annotated[BasketInput | None, strawberry.argument(description="As for the windows.")] = None,
    first: Annotated[int, strawberry.argument(description="How many, at most 20.")] = 5,
) -> list[LockerOffer] | None:
    """The nearest first."""
    if not 1 <= first <= MOST_OFFERED:
        raise GraphQLError(f"first: ask for 1 to {MOST_OFFERED}.")
    if not 1 <= len(slot_ids) <= MAX_WINDOWS:
        raise GraphQLError(f"slotIds: give 1 to {MAX_WINDOWS}.")
    keys = [key_of("DeliverySlot", one) for one in slot_ids]
    place, goods = await located(info, address), await basket_of(info, basket)
    found = await info.context.read(
        lambda conn, now: offers_of(
            conn, now=now, point=place.point, slot_ids=keys, basket=goods, limit=first
        )
    )
    return shown(found)


async def locker_fill(
    info: Info, day: Annotated[date, strawberry.argument(description="The local day.")]
) -> list[LockerFill] | None:
    """All of them."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return shown(await info.context.read(lambda conn, now: fill_of(conn, now=now, day=day)))


async def accept_lockers(info: Info, input: AcceptLockersInput) -> AcceptLockersPayload | None:
    """Say which."""
    hold_id = key_of("SlotHold", input.hold_id)
    lockers = [key_of("CollectionPoint", one) for one in input.locker_ids]

    def work(conn: Connection, now: datetime) -> SlotHoldRow:
        return accept_verb(
            conn,
            now=now,
            actor=info.context.actor,
            hold_id=hold_id,
            locker_ids=lockers,
            expected_version=input.expected_version,
        )

    changed, refusal = await attempted(info.context.write(work))
    return AcceptLockersPayload(
        hold=await seen_hold(info, hold_id) if changed else None, user_errors=hold_errors(refusal)
    )


async def empty_compartment(info: Info, input: EmptyCompartmentInput) -> EmptyCompartmentPayload | None:
    """Note that it is empty."""
    booking_id = key_of("DeliveryBooking", input.booking_id)

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return empty_verb(conn, now=now, actor=info.context.actor, booking_id=booking_id)

    emptied, refusal = await attempted(info.context.write(work))
    return EmptyCompartmentPayload(
        booking=await seen_booking(info, booking_id) if emptied else None,
        user_errors=booking_errors(refusal),
    )


@strawberry.type(description="What can be asked of lockers.")
class LockerQuery:
    """Reads."""

    locker_offers: list[LockerOffer] | None = strawberry.field(
        resolver=locker_offers,
        description="Lockers of the zone of a door, the nearest first, each with whether a compartment is"
        " free for these goods in these windows. Nothing is kept until `holdSlot` names it.",
    )
    locker_fill: list[LockerFill] | None = strawberry.field(
        resolver=locker_fill,
        description="For operators: how full every locker is on a day, with what holds and bookings keep.",
    )


@strawberry.type(description="What is told of lockers.")
class LockerMutation:
    """Writes."""

    accept_lockers: AcceptLockersPayload | None = strawberry.mutation(
        resolver=accept_lockers,
        description="Say which lockers a hold may go to beside the door; a compartment is kept from then on.",
    )
    empty_compartment: EmptyCompartmentPayload | None = strawberry.mutation(
        resolver=empty_compartment,
        description="For operators: goods were taken out of their locker, whose compartment is free now."
        " Told twice it stays so.",
    )
