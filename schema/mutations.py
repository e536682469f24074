"""What changes something: one input, a nullable payload, and user errors in it."""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.booking import apply_promotion as apply_verb
from app.booking import confirm as confirm_verb
from app.booking import prefer as prefer_verb
from app.booking import release as release_verb
from app.booking import remove_promotion as remove_verb
from app.booking.hold import HoldRequest
from app.booking.hold_many import HOLDING
from app.booking.kept_offers import kept_offers
from app.booking.queries import hold_of
from app.booking.slot_offer import SlotOffer as SlotOfferValue
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.booking.tables import SlotHold as SlotHoldRow
from app.customers.rules import CustomerFacts
from app.errors import Refusal
from app.values.basket import Basket
from schema.bookings import (
    DeliveryBooking,
    SlotHold,
    answered_booking,
    answered_hold,
    seen_booking,
    seen_hold,
)
from schema.context import Info
from schema.errors import (
    HandoverUserError,
    HoldUserError,
    PromotionUserError,
    attempted,
    handover_errors,
    hold_errors,
    promotion_errors,
)
from schema.handover import DropPreferenceInput
from schema.ids import key_of
from schema.offers import BasketInput, SlotOffer, basket_of
from schema.onto import shown
from schema.payments import PaymentRelease, release_of
from schema.places import AddressInput, located
from schema.values import EmailAddress, Locale, MoneyInput, PhoneNumber

KEY = "The same key and input give the same payload again for 30 days; a key of your own making."


@strawberry.input(description="The customer, as the storefront knows them.")
class CustomerInput:
    """A customer, as told."""

    reference: str = strawberry.field(description="The storefront's own reference.")
    name: str | None = strawberry.field(default=None, description="To be called by.")
    email: EmailAddress | None = strawberry.field(
        default=None, description="For messages about the delivery."
    )
    phone: PhoneNumber | None = strawberry.field(default=None, description="For the courier.")
    locale: Locale | None = strawberry.field(default=None, description="The language of messages.")
    group: str | None = strawberry.field(
        default=None, description="Your word for customers who may choose further ahead; kept until changed."
    )

    def facts(self) -> CustomerFacts:
        """What the rooms are told."""
        return CustomerFacts(self.reference, self.name, self.email, self.phone, self.locale, self.group)


@strawberry.input(description="Which slot to hold, for whom, with what.")
class HoldSlotInput:
    """What to hold."""

    slot_id: strawberry.ID = strawberry.field(description="From slotAvailability.")
    address: AddressInput = strawberry.field(description="The same as there.")
    basket: BasketInput | None = strawberry.field(default=None, description="The same as there.")
    customer: CustomerInput = strawberry.field(description="Who it is for.")
    drop_preference: DropPreferenceInput | None = strawberry.field(
        default=None, description="In person unless said otherwise."
    )
    expected_fee: MoneyInput | None = strawberry.field(
        default=None,
        description="The total that was shown; a higher one now is refused with FEE_CHANGED and the new fee.",
    )
    cart_reference: str = strawberry.field(
        default="", description="Which of the customer's carts; each holds one slot."
    )
    locker_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="At most 3 lockers of the zone that the customer accepts beside the door, the best one"
        " first; after the cut-off it is decided where it goes. Not for what must be handed over in person.",
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What came of it.")
class HoldSlotPayload:
    """The answer."""

    hold: SlotHold | None = strawberry.field(description="Null when refused.")
    alternatives: list[SlotOffer] = strawberry.field(
        description="The nearest windows that can be had instead."
    )
    user_errors: list[HoldUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which hold to give back.")
class ReleaseHoldInput:
    """What to release."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")


@strawberry.type(description="What came of it.")
class ReleaseHoldPayload:
    """The answer."""

    hold: SlotHold | None = strawberry.field(description="As it is now; null when refused.")
    user_errors: list[HoldUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which hold to book, for which order.")
class ConfirmBookingInput:
    """What to confirm."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")
    order_reference: str = strawberry.field(description="The storefront's own number; booked once.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What came of it.")
class ConfirmBookingPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(description="Null when refused.")
    alternatives: list[SlotOffer] = strawberry.field(
        description="The nearest windows that can be had instead."
    )
    payment_release: PaymentRelease | None = strawberry.field(
        description="Not null: void or refund the payment of this order, once; it will not be booked."
    )
    user_errors: list[HoldUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(one_of=True, description="A hold or a booking.")
class DropPreferenceTarget:
    """What to change."""

    hold_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="A hold.")
    booking_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="A booking.")


@strawberry.input(description="How a drop shall be handed over.")
class SetDropPreferenceInput:
    """What to set."""

    target: DropPreferenceTarget = strawberry.field(description="Of what.")
    preference: DropPreferenceInput = strawberry.field(description="The new way.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse with VERSION_CONFLICT if it was changed meanwhile."
    )


@strawberry.type(description="What came of it.")
class SetDropPreferencePayload:
    """The answer."""

    hold: SlotHold | None = strawberry.field(description="If it was a hold.")
    booking: DeliveryBooking | None = strawberry.field(description="If it was a booking.")
    user_errors: list[HandoverUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which code to use on which hold.")
class ApplyPromotionInput:
    """What to apply."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")
    code: str = strawberry.field(description="Case does not matter.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Which code to take off which hold.")
class RemovePromotionInput:
    """What to remove."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")
    code: str = strawberry.field(description="Case does not matter.")


@strawberry.type(description="What came of it.")
class PromotionPayload:
    """The answer."""

    hold: SlotHold | None = strawberry.field(description="Null when refused.")
    user_errors: list[PromotionUserError] = strawberry.field(description="Empty when it worked.")


async def hold_slot(info: Info, input: HoldSlotInput) -> HoldSlotPayload | None:
    """Hold."""
    slot_id = key_of("DeliverySlot", input.slot_id)
    wish = input.drop_preference.wish() if input.drop_preference else None
    expected = input.expected_fee.value() if input.expected_fee else None
    basket = await basket_of(info, input.basket)
    place, unknown = await attempted(located(info, input.address))
    if place is None:
        return HoldSlotPayload(hold=None, alternatives=[], user_errors=hold_errors(unknown))

    request = HoldRequest(
        actor=info.context.actor,
        slot_id=slot_id,
        place=place,
        basket=basket,
        customer=input.customer.facts(),
        wish=wish,
        expected_fee=expected,
        cart_reference=input.cart_reference,
        key=input.idempotency_key,
        lockers=tuple(key_of("CollectionPoint", one) for one in input.locker_ids),
    )
    holding: Awaitable[SlotHoldRow] = info.context.write_together(HOLDING, request)
    held, refusal = await attempted(holding)
    return HoldSlotPayload(
        hold=await answered_hold(info, held) if held else None,
        alternatives=shown(await alternatives(info, refusal, basket)),
        user_errors=hold_errors(refusal),
    )


async def alternatives(info: Info, refusal: Refusal | None, basket: Basket) -> Sequence[SlotOfferValue]:
    """What a refusal names instead, as it could be had when it was first given."""
    told: list[dict[str, Any]] = refusal.facts.get("alternatives", []) if refusal else []
    if not told:
        return []
    return await info.context.read(lambda conn, _: kept_offers(conn, told=told, basket=basket))


async def release_hold(info: Info, input: ReleaseHoldInput) -> ReleaseHoldPayload | None:
    """Release."""
    hold_id = key_of("SlotHold", input.hold_id)
    released, refusal = await attempted(
        info.context.write(
            lambda conn, now: release_verb.release(conn, now=now, actor=info.context.actor, hold_id=hold_id)
        )
    )
    return ReleaseHoldPayload(
        hold=await answered_hold(info, released) if released else None, user_errors=hold_errors(refusal)
    )


async def confirm_booking(info: Info, input: ConfirmBookingInput) -> ConfirmBookingPayload | None:
    """Confirm."""
    hold_id = key_of("SlotHold", input.hold_id)

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return confirm_verb.confirm(
            conn,
            now=now,
            actor=info.context.actor,
            hold_id=hold_id,
            order_reference=input.order_reference,
            key=input.idempotency_key,
        )

    booked, refusal = await attempted(info.context.write(work))
    instead: Sequence[SlotOfferValue] = []
    if refusal and refusal.facts.get("alternatives"):
        held = await info.context.read(
            lambda conn, _: hold_of(conn, actor=info.context.actor, hold_id=hold_id)
        )
        if held:
            instead = await alternatives(info, refusal, held.basket)
    order = input.order_reference
    released = await release_of(info, hold_id=hold_id, order_reference=order) if refusal else None
    return ConfirmBookingPayload(
        booking=await answered_booking(info, booked) if booked else None,
        alternatives=shown(instead),
        payment_release=released,
        user_errors=hold_errors(refusal),
    )


async def set_drop_preference(
    info: Info,
    input: SetDropPreferenceInput,
) -> SetDropPreferencePayload | None:
    """Prefer."""
    target = input.target
    hold_id = key_of("SlotHold", target.hold_id.value) if target.hold_id else None
    booking_id = key_of("DeliveryBooking", target.booking_id.value) if target.booking_id else None
    if hold_id is None and booking_id is None:
        raise GraphQLError("Give exactly one of holdId, bookingId.")
    wish = input.preference.wish()

    def work(conn: Connection, now: datetime) -> SlotHoldRow | DeliveryBookingRow:
        return prefer_verb.prefer(
            conn,
            now=now,
            actor=info.context.actor,
            wish=wish,
            hold_id=hold_id,
            booking_id=booking_id,
            expected_version=input.expected_version,
        )

    changed, refusal = await attempted(info.context.write(work))
    return SetDropPreferencePayload(
        hold=await seen_hold(info, changed.id) if changed and hold_id else None,
        booking=await seen_booking(info, changed.id) if changed and booking_id else None,
        user_errors=handover_errors(refusal),
    )


async def apply_promotion(info: Info, input: ApplyPromotionInput) -> PromotionPayload | None:
    """Apply."""
    hold_id = key_of("SlotHold", input.hold_id)

    def work(conn: Connection, now: datetime) -> SlotHoldRow:
        return apply_verb.apply_promotion(
            conn,
            now=now,
            actor=info.context.actor,
            hold_id=hold_id,
            code=input.code,
            key=input.idempotency_key,
        )

    held, refusal = await attempted(info.context.write(work))
    return PromotionPayload(
        hold=await answered_hold(info, held) if held else None, user_errors=promotion_errors(refusal)
    )


async def remove_promotion(info: Info, input: RemovePromotionInput) -> PromotionPayload | None:
    """Remove."""
    hold_id = key_of("SlotHold", input.hold_id)

    def work(conn: Connection, now: datetime) -> SlotHoldRow:
        return remove_verb.remove_promotion(
            conn, now=now, actor=info.context.actor, hold_id=hold_id, code=input.code
        )

    held, refusal = await attempted(info.context.write(work))
    return PromotionPayload(
        hold=await answered_hold(info, held) if held else None, user_errors=promotion_errors(refusal)
    )
