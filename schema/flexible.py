"""Flexible slots: several windows for a lower fee."""

from datetime import datetime

import strawberry
from sqlalchemy import Connection

from app.booking import hold_flexible as hold_verb
from app.booking import narrow as narrow_verb
from app.booking.hold import HoldRequest
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.booking.tables import SlotHold as SlotHoldRow
from schema.bookings import DeliveryBooking, answered_hold, seen_booking
from schema.context import Info
from schema.errors import BookingUserError, attempted, booking_errors, hold_errors
from schema.handover import DropPreferenceInput
from schema.ids import key_of
from schema.mutations import KEY, CustomerInput, HoldSlotPayload, alternatives
from schema.offers import BasketInput, basket_of
from schema.onto import shown
from schema.places import AddressInput, located
from schema.values import MoneyInput


@strawberry.input(description="Which windows to hold one of, for whom, with what.")
class HoldFlexibleSlotInput:
    """What to hold."""

    slot_ids: list[strawberry.ID] = strawberry.field(description="2 to 8 windows of one day.")
    address: AddressInput = strawberry.field(description="Where the windows are.")
    basket: BasketInput | None = strawberry.field(default=None, description="What is to be delivered.")
    customer: CustomerInput = strawberry.field(description="Who it is for.")
    drop_preference: DropPreferenceInput | None = strawberry.field(
        default=None, description="In person unless said otherwise."
    )
    expected_fee: MoneyInput | None = strawberry.field(
        default=None, description="A higher fee now is refused with FEE_CHANGED and the new fee."
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


@strawberry.input(description="Which booking to narrow to which of its windows.")
class NarrowBookingInput:
    """What to narrow."""

    booking_id: strawberry.ID = strawberry.field(description="A flexible booking, of any storefront.")
    slot_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="One of its windows; left out: the shortest that is planned.",
    )


@strawberry.type(description="What came of it.")
class NarrowBookingPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(
        description="As it is now, where it is this key's storefront's; null when refused."
    )
    user_errors: list[BookingUserError] = strawberry.field(description="Empty when it worked.")


async def hold_flexible_slot(info: Info, input: HoldFlexibleSlotInput) -> HoldSlotPayload | None:
    """Hold one of several windows."""
    slot_ids = [key_of("DeliverySlot", slot_id) for slot_id in input.slot_ids]
    basket = await basket_of(info, input.basket)
    place, unknown = await attempted(located(info, input.address))
    if place is None:
        return HoldSlotPayload(hold=None, alternatives=[], user_errors=hold_errors(unknown))
    asked = HoldRequest(
        actor=info.context.actor,
        slot_id="",
        place=place,
        basket=basket,
        customer=input.customer.facts(),
        wish=input.drop_preference.wish() if input.drop_preference else None,
        expected_fee=input.expected_fee.value() if input.expected_fee else None,
        cart_reference=input.cart_reference,
        key=input.idempotency_key,
        lockers=tuple(key_of("CollectionPoint", one) for one in input.locker_ids),
    )

    def work(conn: Connection, now: datetime) -> SlotHoldRow:
        return hold_verb.hold_flexible(conn, now=now, slot_ids=slot_ids, asked=asked)

    held, refusal = await attempted(info.context.write(work))
    return HoldSlotPayload(
        hold=await answered_hold(info, held) if held else None,
        alternatives=shown(await alternatives(info, refusal, basket)),
        user_errors=hold_errors(refusal),
    )


async def narrow_booking(info: Info, input: NarrowBookingInput) -> NarrowBookingPayload | None:
    """Decide which window."""
    booking_id = key_of("DeliveryBooking", input.booking_id)
    slot_id = key_of("DeliverySlot", input.slot_id) if input.slot_id else None

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return narrow_verb.narrow(
            conn, now=now, actor=info.context.actor, booking_id=booking_id, slot_id=slot_id
        )

    narrowed, refusal = await attempted(info.context.write(work))
    return NarrowBookingPayload(
        booking=await seen_booking(info, booking_id) if narrowed else None,
        user_errors=booking_errors(refusal),
    )
