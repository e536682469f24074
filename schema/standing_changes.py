"""What changes a standing slot: keeping one, skipping and moving weeks, pausing, ending."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

import strawberry
from sqlalchemy import Connection

from app.booking.slot_offer import SlotOffer as SlotOfferValue
from app.standing import create as create_verb
from app.standing import end as end_verb
from app.standing import keep as keep_verb
from app.standing import move as move_verb
from app.standing import pause as pause_verb
from app.standing import resume as resume_verb
from app.standing import skip as skip_verb
from app.standing.queries import standing_of
from app.standing.seen import SeenOccurrence, SeenStandingSlot, seen_series
from app.standing.series import Series
from schema.context import Info
from schema.errors import StandingUserError, attempted, standing_errors
from schema.handover import DropPreferenceInput
from schema.ids import key_of
from schema.mutations import KEY, CustomerInput, alternatives
from schema.offers import BasketInput, SlotOffer, basket_of
from schema.onto import shown
from schema.places import AddressInput, located
from schema.standing import DAY, StandingSlot, StandingSlotOccurrence
from schema.values import MoneyInput

_WHICH = "The standing slot."


@strawberry.input(description="Which window to keep every week, for whom, with what.")
class CreateStandingSlotInput:
    """What to keep."""

    slot_id: strawberry.ID = strawberry.field(
        description="From slotAvailability: its weekday and wall times are kept, from its day on."
    )
    address: AddressInput = strawberry.field(description="The same as there.")
    basket: BasketInput | None = strawberry.field(default=None, description="The goods to hold room for.")
    customer: CustomerInput = strawberry.field(description="Who it is for.")
    drop_preference: DropPreferenceInput | None = strawberry.field(
        default=None, description="In person unless said otherwise."
    )
    locker_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="At most 3 lockers of the zone that each week may go to beside the door, the best first;"
        " a week in which they are full goes to the door.",
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Which booking's window to keep every week.")
class KeepBookingWeeklyInput:
    """What to keep on."""

    booking_id: strawberry.ID = strawberry.field(
        description="Its window, goods, address and handover are kept, from the week after it on."
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Which week to leave out.")
class SkipStandingOccurrenceInput:
    """What to skip."""

    standing_slot_id: strawberry.ID = strawberry.field(description=_WHICH)
    day: date = strawberry.field(description=DAY)


@strawberry.input(description="Which week to move where.")
class MoveStandingOccurrenceInput:
    """What to move."""

    standing_slot_id: strawberry.ID = strawberry.field(description=_WHICH)
    day: date = strawberry.field(description=DAY)
    slot_id: strawberry.ID = strawberry.field(description="A window of the same week, from Monday to Sunday.")
    expected_difference: MoneyInput | None = strawberry.field(
        default=None,
        description="What was shown: another one now is refused with FEE_DIFFERENCE_CHANGED.",
    )
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="From when until when to pause.")
class PauseStandingSlotInput:
    """What to pause."""

    standing_slot_id: strawberry.ID = strawberry.field(description=_WHICH)
    first: date = strawberry.field(name="from", description="The first local day without a delivery.")
    last: date | None = strawberry.field(
        name="until", default=None, description="The last one; null pauses until it is resumed."
    )


@strawberry.input(description="Which standing slot goes on.")
class ResumeStandingSlotInput:
    """What to resume."""

    standing_slot_id: strawberry.ID = strawberry.field(description=_WHICH)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Which standing slot ends.")
class EndStandingSlotInput:
    """What to end."""

    standing_slot_id: strawberry.ID = strawberry.field(description=_WHICH)


@strawberry.type(description="What came of it.")
class StandingSlotPayload:
    """The answer."""

    standing_slot: StandingSlot | None = strawberry.field(description="As it is now; null when refused.")
    user_errors: list[StandingUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.type(description="What came of it.")
class StandingOccurrencePayload:
    """The answer about one week."""

    standing_slot: StandingSlot | None = strawberry.field(description="As it is now; null when refused.")
    occurrence: StandingSlotOccurrence | None = strawberry.field(description="The week; null when refused.")
    alternatives: list[SlotOffer] = strawberry.field(
        description="The nearest windows that can be had instead."
    )
    user_errors: list[StandingUserError] = strawberry.field(description="Empty when it worked.")


async def create_standing_slot(info: Info, input: CreateStandingSlotInput) -> StandingSlotPayload | None:
    """Keep a window."""
    slot_id = key_of("DeliverySlot", input.slot_id)
    wish = input.drop_preference.wish() if input.drop_preference else None
    basket = await basket_of(info, input.basket)
    place, unknown = await attempted(located(info, input.address))
    if place is None:
        return StandingSlotPayload(standing_slot=None, user_errors=standing_errors(unknown))
    lockers = tuple(key_of("CollectionPoint", one) for one in input.locker_ids)
    return await _payload(
        info,
        lambda conn, now: create_verb.create(
            conn,
            now=now,
            actor=info.context.actor,
            slot_id=slot_id,
            place=place,
            basket=basket,
            customer=input.customer.facts(),
            wish=wish,
            lockers=lockers,
            key=input.idempotency_key,
        ),
    )


async def keep_booking_weekly(info: Info, input: KeepBookingWeeklyInput) -> StandingSlotPayload | None:
    """Keep a booking's window."""
    key = key_of("DeliveryBooking", input.booking_id)
    return await _payload(
        info,
        lambda conn, now: keep_verb.keep(
            conn, now=now, actor=info.context.actor, booking_id=key, key=input.idempotency_key
        ),
    )


async def skip_standing_occurrence(
    info: Info, input: SkipStandingOccurrenceInput
) -> StandingOccurrencePayload | None:
    """Leave a week out."""
    key = key_of("StandingSlot", input.standing_slot_id)
    series, refusal = await attempted(
        info.context.write(
            lambda conn, now: skip_verb.skip(
                conn, now=now, actor=info.context.actor, standing_id=key, day=input.day
            )
        )
    )
    seen = await _as_answered(info, series) if series else None
    return StandingOccurrencePayload(
        standing_slot=shown(seen),
        occurrence=shown(_week(seen, input.day)),
        alternatives=[],
        user_errors=standing_errors(refusal),
    )


async def move_standing_occurrence(
    info: Info, input: MoveStandingOccurrenceInput
) -> StandingOccurrencePayload | None:
    """Move a week."""
    key = key_of("StandingSlot", input.standing_slot_id)
    slot_id = key_of("DeliverySlot", input.slot_id)
    expected = input.expected_difference.value() if input.expected_difference else None

    def work(conn: Connection, now: datetime) -> Series:
        return move_verb.move(
            conn,
            now=now,
            actor=info.context.actor,
            standing_id=key,
            day=input.day,
            slot_id=slot_id,
            expected_difference=expected,
            key=input.idempotency_key,
        )

    series, refusal = await attempted(info.context.write(work))
    seen = await _as_answered(info, series) if series else None
    instead: Sequence[SlotOfferValue] = []
    if refusal and refusal.facts.get("alternatives"):
        row = await info.context.read(
            lambda conn, _: standing_of(conn, actor=info.context.actor, standing_id=key)
        )
        if row:
            instead = await alternatives(info, refusal, row.basket)
    return StandingOccurrencePayload(
        standing_slot=shown(seen),
        occurrence=shown(_week(seen, input.day)),
        alternatives=shown(instead),
        user_errors=standing_errors(refusal),
    )


async def pause_standing_slot(info: Info, input: PauseStandingSlotInput) -> StandingSlotPayload | None:
    """Pause."""
    key = key_of("StandingSlot", input.standing_slot_id)
    return await _payload(
        info,
        lambda conn, now: pause_verb.pause(
            conn, now=now, actor=info.context.actor, standing_id=key, first=input.first, last=input.last
        ),
    )


async def resume_standing_slot(info: Info, input: ResumeStandingSlotInput) -> StandingSlotPayload | None:
    """Go on."""
    key = key_of("StandingSlot", input.standing_slot_id)
    return await _payload(
        info,
        lambda conn, now: resume_verb.resume(
            conn, now=now, actor=info.context.actor, standing_id=key, key=input.idempotency_key
        ),
    )


async def end_standing_slot(info: Info, input: EndStandingSlotInput) -> StandingSlotPayload | None:
    """End."""
    key = key_of("StandingSlot", input.standing_slot_id)
    return await _payload(
        info, lambda conn, now: end_verb.end(conn, now=now, actor=info.context.actor, standing_id=key)
    )


async def _payload(info: Info, work: Callable[[Connection, datetime], Series]) -> StandingSlotPayload:
    series, refusal = await attempted(info.context.write(work))
    seen = await _as_answered(info, series) if series else None
    return StandingSlotPayload(standing_slot=shown(seen), user_errors=standing_errors(refusal))


async def _as_answered(info: Info, series: Series) -> SeenStandingSlot:
    """A standing slot as it stood when a keyed request was first answered."""
    found = await info.context.read(lambda conn, _: seen_series(conn, at=series.at, series=[series]))
    return found[0]


def _week(seen: SeenStandingSlot | None, day: date) -> SeenOccurrence | None:
    weeks = seen.occurrences if seen else ()
    return next((week for week in weeks if week.day == day), None)


@strawberry.type(description="What can be changed about standing slots.")
class StandingMutation:
    """Writes."""

    create_standing_slot: StandingSlotPayload | None = strawberry.mutation(
        resolver=create_standing_slot,
        description="Keep a window every week: booked ahead to the horizon, confirmed week by week.",
    )
    keep_booking_weekly: StandingSlotPayload | None = strawberry.mutation(
        resolver=keep_booking_weekly,
        description="Keep the window, goods and address of a booking every week, from the week after it on.",
    )
    skip_standing_occurrence: StandingOccurrencePayload | None = strawberry.mutation(
        resolver=skip_standing_occurrence,
        description="Leave one week of a standing slot out; a second call changes nothing.",
    )
    move_standing_occurrence: StandingOccurrencePayload | None = strawberry.mutation(
        resolver=move_standing_occurrence,
        description="Move one week of a standing slot within that week; a missed one finds a window so.",
    )
    pause_standing_slot: StandingSlotPayload | None = strawberry.mutation(
        resolver=pause_standing_slot,
        description="Pause a standing slot: what is booked stays, an earlier pause ends.",
    )
    resume_standing_slot: StandingSlotPayload | None = strawberry.mutation(
        resolver=resume_standing_slot,
        description="End the pause: what lies within the horizon is booked ahead again.",
    )
    end_standing_slot: StandingSlotPayload | None = strawberry.mutation(
        resolver=end_standing_slot,
        description="End a standing slot; what is booked stays, and a second call changes nothing.",
    )
