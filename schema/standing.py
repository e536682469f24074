"""Standing slots: a window that a customer keeps every week."""

from collections.abc import Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.booking.instead_of import instead_of
from app.standing.move_offers import standing_move_offers as move_offers_of
from app.standing.queries import standing_of, standings_of
from app.standing.rules import OccurrenceState as OccurrenceStateWord
from app.standing.seen import SeenOccurrence, SeenStandingSlot, seen_series
from app.standing.series import series_of
from app.standing.tables import StandingFeeNotice as StandingFeeNoticeRow
from app.standing.tables import StandingSlot as StandingSlotRow
from schema.bookings import Basket, DeliveryBooking, SlotHold
from schema.context import Info
from schema.handover import DropPreference
from schema.ids import key_of, to_global
from schema.offers import DeliveryFee, DeliverySlot, SlotClosure, SlotOffer
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.promises import MoveOffer
from schema.values import Money, TimeZone
from schema.words import OccurrenceState, StandingStatus

DAY = "The day of its rule, wherever the delivery was moved to."


@onto(SeenOccurrence, description="One week of a standing slot.")
class StandingSlotOccurrence:
    """A week."""

    day: date = strawberry.field(description=DAY)
    state: OccurrenceState = strawberry.field(description="What became of it, as of now.")
    slot: DeliverySlot | None = strawberry.field(
        description="The window it has, or could not have; null before one is known."
    )
    hold: SlotHold | None = strawberry.field(
        description="What is held for it: confirm it with confirmBooking, change its goods with updateHold."
    )
    booking: DeliveryBooking | None = strawberry.field(description="What it was ordered as.")
    submit_by: datetime | None = strawberry.field(
        description="Until when it must be confirmed, or it is released; null while it waits for nothing."
    )
    closed: SlotClosure | None = strawberry.field(
        description="Why it was missed, or skipped without the customer's asking."
    )
    fee_difference: Money | None = strawberry.field(
        description="What its move made of the fee: negative for less."
    )

    @strawberry.field(description="Of a missed week: the nearest windows that can be had instead.")
    async def alternatives(self, info: Info) -> list[SlotOffer]:
        """As they can be had now."""
        seen: SeenOccurrence = shown(self)
        slot = seen.slot
        if seen.state is not OccurrenceStateWord.MISSED or slot is None:
            return []
        found = await info.context.read(
            lambda conn, now: instead_of(
                conn,
                now=now,
                actor=info.context.actor,
                slot_id=slot.id,
                point=seen.series.point,
                basket=seen.series.basket,
                drop_preference_id=seen.series.drop_preference_id,
            )
        )
        return shown(found)


@onto(StandingFeeNoticeRow, description="That the customer was told of another fee.")
class StandingFeeNotice:
    """A notice."""

    told_at: datetime = strawberry.field(description="What is booked ahead after this has the new fee.")
    from_day: date = strawberry.field(description="The first day that was not booked ahead then.")
    before: Money = strawberry.field(description="The fee until then.")
    after: Money = strawberry.field(description="The fee from then on.")


@onto(SeenStandingSlot, description="A window that a customer keeps every week.")
class StandingSlot(Node):
    """A standing slot."""

    id: strawberry.ID = node_id("StandingSlot", attrgetter("row.id"))
    status: StandingStatus = strawberry.field(description="As of now.")
    rule: str = strawberry.field(description="RFC 5545, over local days: FREQ=WEEKLY;BYDAY=FR.")
    starts_local: str = strawberry.field(
        description="Wall time of the start, like 19:00, before and after clock changes."
    )
    ends_local: str = strawberry.field(description="Wall time of the end; it does not belong to the window.")
    time_zone: TimeZone = strawberry.field(description="Whose wall clock.")
    first_day: date = strawberry.field(description="Its first day.")
    next_day: date = strawberry.field(
        description="The day that is booked ahead next, when it enters the horizon."
    )
    paused_from: date | None = strawberry.field(description="The first day of its pause.")
    paused_until: date | None = strawberry.field(
        description="The last day of its pause; null with pausedFrom lasts until it is resumed."
    )
    address_label: str = strawberry.field(name="address", description="Where it goes.")
    basket: Basket = strawberry.field(description="The goods that room is held for until the order is known.")
    drop_preference: DropPreference = strawberry.field(description="How it will be handed over.")

    @strawberry.field(description="Lockers that each week may go to beside the door.")
    def locker_ids(self) -> list[strawberry.ID]:
        """The lockers."""
        seen: SeenStandingSlot = shown(self)
        return [to_global("CollectionPoint", key) for key in seen.row.lockers]

    fee: DeliveryFee = strawberry.field(
        description="What the customer was told last: it does not move with demand. Weeks booked ahead from"
        " now on have it."
    )
    occurrences: list[StandingSlotOccurrence] = strawberry.field(
        description="The weeks of the last four weeks and those to come, in the order of their days."
    )
    notices: list[StandingFeeNotice] = strawberry.field(
        name="feeNotices", description="The changes of the fee that the customer was told of, oldest first."
    )


async def seen_standing_slot(info: Info, standing_id: str) -> StandingSlot | None:
    """The caller's standing slot by key."""

    def found(conn: Connection) -> list[StandingSlotRow]:
        row = standing_of(conn, actor=info.context.actor, standing_id=standing_id)
        return [row] if row else []

    seen = await info.context.read(lambda conn, now: _seen(conn, now, found(conn)))
    return shown(next(iter(seen), None))


async def standing_slot(info: Info, id: strawberry.ID) -> StandingSlot | None:
    """A standing slot of this storefront."""
    return await seen_standing_slot(info, key_of("StandingSlot", id))


async def standing_slots(info: Info, customer_reference: str) -> list[StandingSlot] | None:
    """What a customer keeps or has kept, newest first."""

    def look(conn: Connection, now: datetime) -> list[SeenStandingSlot]:
        found = standings_of(conn, actor=info.context.actor, customer_reference=customer_reference)
        return _seen(conn, now, found)

    return shown(await info.context.read(look))


def _seen(conn: Connection, now: datetime, found: Sequence[StandingSlotRow]) -> list[SeenStandingSlot]:
    return seen_series(conn, at=now, series=series_of(conn, now=now, found=found))


async def standing_move_offers(
    info: Info,
    standing_slot_id: Annotated[strawberry.ID, strawberry.argument(description="The standing slot.")],
    day: Annotated[date, strawberry.argument(description=DAY)],
) -> list[MoveOffer] | None:
    """Where a week could move."""
    key = key_of("StandingSlot", standing_slot_id)
    found = await info.context.read(
        lambda conn, now: move_offers_of(conn, now=now, actor=info.context.actor, standing_id=key, day=day)
    )
    return shown(found)
