"""What changes a hold or a booking: paying, other goods, another window, cancelling."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.booking import advance as advance_verb
from app.booking import begin_checkout as begin_verb
from app.booking import cancel as cancel_verb
from app.booking import reschedule as reschedule_verb
from app.booking import update_hold as update_verb
from app.booking.columns import wanted_basket
from app.booking.kept_offers import kept_offers
from app.booking.move_offers import MoveOffer as MoveOfferValue
from app.booking.move_offers import move_offers
from app.booking.queries import booking_of
from app.booking.slot_offer import SlotOffer as SlotOfferValue
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.booking.tables import SlotHold as SlotHoldRow
from schema.bookings import DeliveryBooking, SlotHold, answered_booking, answered_hold, seen_booking
from schema.context import Info
from schema.errors import BookingUserError, HoldUserError, attempted, booking_errors, hold_errors
from schema.handover import DropPreferenceInput
from schema.ids import key_of
from schema.mutations import KEY, alternatives
from schema.offers import BasketInput, SlotOffer, basket_of
from schema.onto import onto, shown
from schema.values import Money, MoneyInput
from schema.words import BookingStatus

_VERSION = "Refuse with VERSION_CONFLICT if it was changed meanwhile."


@strawberry.input(description="Which hold is about to be paid for.")
class BeginCheckoutInput:
    """What to begin."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="What to change about a hold; what is left out stays.")
class UpdateHoldInput:
    """What to change."""

    hold_id: strawberry.ID = strawberry.field(description="The hold.")
    basket: BasketInput | None = strawberry.field(default=None, description="The goods as they are now.")
    drop_preference: DropPreferenceInput | None = strawberry.field(
        default=None, description="How to hand over from now on."
    )
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What came of it.")
class HoldPayload:
    """The answer."""

    hold: SlotHold | None = strawberry.field(description="As it is now; null when refused.")
    alternatives: list[SlotOffer] = strawberry.field(
        description="Of a hold in conflict: the nearest windows that its goods can have."
    )
    user_errors: list[HoldUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which booking to move where.")
class RescheduleBookingInput:
    """What to move."""

    booking_id: strawberry.ID = strawberry.field(description="The booking.")
    slot_id: strawberry.ID = strawberry.field(description="The new window, of the same address.")
    expected_difference: MoneyInput | None = strawberry.field(
        default=None,
        description="What was shown: another one now is refused with FEE_DIFFERENCE_CHANGED.",
    )
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)
    reason: str | None = strawberry.field(default=None, description="For the promise's history.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What came of it.")
class RescheduleBookingPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(description="In its new window; null when refused.")
    fee_difference: Money | None = strawberry.field(
        description="To settle once: what the customer owes more, negative for what they get back."
    )
    alternatives: list[SlotOffer] = strawberry.field(
        description="The nearest windows that can be had instead."
    )
    user_errors: list[BookingUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which booking to cancel.")
class CancelBookingInput:
    """What to cancel."""

    booking_id: strawberry.ID = strawberry.field(description="The booking.")
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)
    reason: str | None = strawberry.field(default=None, description="For the promise's history.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What came of it.")
class CancelBookingPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(
        description="Its fee is what remains to be paid; null when refused."
    )
    fee_difference: Money | None = strawberry.field(description="To settle once: negative for a refund.")
    restock: bool = strawberry.field(
        description="True after the cut-off: what was picked already goes back into stock."
    )
    user_errors: list[BookingUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which booking has come how far.")
class AdvanceBookingInput:
    """What to note."""

    booking_id: strawberry.ID = strawberry.field(description="The booking, of any storefront.")
    status: BookingStatus = strawberry.field(description="Its next status.")
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.type(description="What came of it.")
class AdvanceBookingPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(
        description="As it is now, where it is this key's storefront's; null when refused."
    )
    user_errors: list[BookingUserError] = strawberry.field(description="Empty when it worked.")


@onto(MoveOfferValue, description="A window that a booking could move to.")
class MoveOffer:
    """An offer to move."""

    offer: SlotOffer = strawberry.field(description="The window as this address and basket sees it.")
    difference: Money | None = strawberry.field(
        description="What the customer would owe more, negative for less; null while it is closed."
    )


async def begin_checkout(info: Info, input: BeginCheckoutInput) -> HoldPayload | None:
    """Begin to pay."""
    hold_id = key_of("SlotHold", input.hold_id)

    def work(conn: Connection, now: datetime) -> SlotHoldRow:
        return begin_verb.begin_checkout(
            conn, now=now, actor=info.context.actor, hold_id=hold_id, key=input.idempotency_key
        )

    held, refusal = await attempted(info.context.write(work))
    return HoldPayload(
        hold=await answered_hold(info, held) if held else None,
        alternatives=[],
        user_errors=hold_errors(refusal),
    )


async def update_hold(info: Info, input: UpdateHoldInput) -> HoldPayload | None:
    """Change goods or handover."""
    hold_id = key_of("SlotHold", input.hold_id)
    basket = await basket_of(info, input.basket) if input.basket else None
    wish = input.drop_preference.wish() if input.drop_preference else None

    def work(conn: Connection, now: datetime) -> SlotHoldRow:
        return update_verb.update_hold(
            conn,
            now=now,
            actor=info.context.actor,
            hold_id=hold_id,
            basket=basket,
            wish=wish,
            expected_version=input.expected_version,
            key=input.idempotency_key,
        )

    held, refusal = await attempted(info.context.write(work))
    return HoldPayload(
        hold=await answered_hold(info, held) if held else None,
        alternatives=shown(await _instead(info, held)),
        user_errors=hold_errors(refusal),
    )


async def _instead(info: Info, held: SlotHoldRow | None) -> Sequence[SlotOfferValue]:
    if held is None or held.conflict is None:
        return []
    told = (held.wanted or {}).get("instead", [])
    return await info.context.read(lambda conn, _: kept_offers(conn, told=told, basket=wanted_basket(held)))


async def reschedule_booking(info: Info, input: RescheduleBookingInput) -> RescheduleBookingPayload | None:
    """Move."""
    booking_id = key_of("DeliveryBooking", input.booking_id)
    slot_id = key_of("DeliverySlot", input.slot_id)
    expected = input.expected_difference.value() if input.expected_difference else None

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return reschedule_verb.reschedule(
            conn,
            now=now,
            actor=info.context.actor,
            booking_id=booking_id,
            slot_id=slot_id,
            expected_difference=expected,
            expected_version=input.expected_version,
            reason=input.reason,
            key=input.idempotency_key,
        )

    moved, refusal = await attempted(info.context.write(work))
    seen = await answered_booking(info, moved) if moved else None
    instead: Sequence[SlotOfferValue] = []
    if refusal and refusal.facts.get("alternatives"):
        booking = await info.context.read(
            lambda conn, _: booking_of(conn, actor=info.context.actor, booking_id=booking_id)
        )
        if booking:
            instead = await alternatives(info, refusal, booking.basket)
    return RescheduleBookingPayload(
        booking=seen,
        fee_difference=_difference(seen),
        alternatives=shown(instead),
        user_errors=booking_errors(refusal),
    )


def _difference(seen: DeliveryBooking | None) -> Money | None:
    """What the booking's last change made of a difference."""
    if seen is None:
        return None
    return shown(shown(seen).promise.history[-1].fee_difference)


async def cancel_booking(info: Info, input: CancelBookingInput) -> CancelBookingPayload | None:
    """Cancel."""
    booking_id = key_of("DeliveryBooking", input.booking_id)

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return cancel_verb.cancel(
            conn,
            now=now,
            actor=info.context.actor,
            booking_id=booking_id,
            reason=input.reason,
            expected_version=input.expected_version,
            key=input.idempotency_key,
        )

    cancelled, refusal = await attempted(info.context.write(work))
    seen = await answered_booking(info, cancelled) if cancelled else None
    return CancelBookingPayload(
        booking=seen,
        fee_difference=_difference(seen),
        restock=cancelled is not None and cancelled.restock,
        user_errors=booking_errors(refusal),
    )


async def advance_booking(info: Info, input: AdvanceBookingInput) -> AdvanceBookingPayload | None:
    """Note how far it has come."""
    booking_id = key_of("DeliveryBooking", input.booking_id)

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return advance_verb.advance(
            conn,
            now=now,
            actor=info.context.actor,
            booking_id=booking_id,
            status=input.status,
            expected_version=input.expected_version,
        )

    advanced, refusal = await attempted(info.context.write(work))
    return AdvanceBookingPayload(
        booking=await seen_booking(info, booking_id) if advanced else None,
        user_errors=booking_errors(refusal),
    )


async def reschedule_offers(
    info: Info,
    booking_id: strawberry.ID,
    first_day: Annotated[date | None, strawberry.argument(name="from")] = None,
    last_day: Annotated[date | None, strawberry.argument(name="to")] = None,
) -> list[MoveOffer] | None:
    """Where a booking could move."""
    key = key_of("DeliveryBooking", booking_id)
    found = await info.context.read(
        lambda conn, now: move_offers(
            conn, now=now, actor=info.context.actor, booking_id=key, first=first_day, last=last_day
        )
    )
    return shown(found)
