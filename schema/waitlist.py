"""Waiting for room."""

from datetime import datetime
from operator import attrgetter

import strawberry
from sqlalchemy import Connection

from app.booking import join_waitlist as join_verb
from app.booking import leave_waitlist as leave_verb
from app.booking.queries import waitlist_entry_of, waitlist_of
from app.booking.seen_waitlist import SeenEntry, joined_entry, seen_entries
from app.booking.tables import WaitlistEntry as WaitlistEntryRow
from schema.bookings import SlotHold
from schema.context import Info
from schema.errors import WaitlistUserError, attempted, waitlist_errors
from schema.handover import DropPreferenceInput
from schema.ids import key_of
from schema.mutations import KEY, CustomerInput
from schema.offers import BasketInput, DeliverySlot, basket_of
from schema.onto import onto, shown
from schema.places import AddressInput, Node, located, node_id
from schema.words import WaitlistStatus


@onto(SeenEntry, description="A customer who waits for room in one of some windows.")
class WaitlistEntry(Node):
    """An entry."""

    id: strawberry.ID = node_id("WaitlistEntry", attrgetter("row.id"))
    status: WaitlistStatus = strawberry.field(description="As of now.")
    priority: int = strawberry.field(description="Higher is served first.")
    joined_at: datetime = strawberry.field(description="Among equals, who joined first is served first.")
    slots: list[DeliverySlot] = strawberry.field(description="The windows, the most wanted first.")
    offer: SlotHold | None = strawberry.field(
        description="The offer made last: a hold to confirm, or to decline by leaving."
    )


@strawberry.input(description="Who waits for which windows, with what.")
class JoinWaitlistInput:
    """What to wait for."""

    slot_ids: list[strawberry.ID] = strawberry.field(description="1 to 20, the most wanted first.")
    address: AddressInput = strawberry.field(description="Where the windows are.")
    basket: BasketInput | None = strawberry.field(default=None, description="All of it, or no offer.")
    customer: CustomerInput = strawberry.field(description="Who it is for.")
    drop_preference: DropPreferenceInput | None = strawberry.field(
        default=None, description="In person unless said otherwise."
    )
    priority: int = strawberry.field(default=0, description="Higher is served first.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Who waits no longer.")
class LeaveWaitlistInput:
    """What to leave."""

    entry_id: strawberry.ID = strawberry.field(description="The entry; its offer, if any, is declined.")


@strawberry.type(description="What came of it.")
class WaitlistPayload:
    """The answer."""

    entry: WaitlistEntry | None = strawberry.field(description="As it is now; null when refused.")
    user_errors: list[WaitlistUserError] = strawberry.field(description="Empty when it worked.")


async def join_waitlist(info: Info, input: JoinWaitlistInput) -> WaitlistPayload | None:
    """Wait."""
    slot_ids = [key_of("DeliverySlot", slot_id) for slot_id in input.slot_ids]
    wish = input.drop_preference.wish() if input.drop_preference else None
    basket = await basket_of(info, input.basket)
    place, unknown = await attempted(located(info, input.address))
    if place is None:
        return WaitlistPayload(entry=None, user_errors=waitlist_errors(unknown))

    def work(conn: Connection, now: datetime) -> join_verb.Joined:
        return join_verb.join_waitlist(
            conn,
            now=now,
            actor=info.context.actor,
            slot_ids=slot_ids,
            place=place,
            basket=basket,
            customer=input.customer.facts(),
            wish=wish,
            priority=input.priority,
            key=input.idempotency_key,
        )

    joined, refusal = await attempted(info.context.write(work))
    entry = await info.context.read(lambda conn, _: joined_entry(conn, joined=joined)) if joined else None
    return WaitlistPayload(entry=shown(entry), user_errors=waitlist_errors(refusal))


async def leave_waitlist(info: Info, input: LeaveWaitlistInput) -> WaitlistPayload | None:
    """Wait no longer."""
    entry_id = key_of("WaitlistEntry", input.entry_id)

    def work(conn: Connection, now: datetime) -> WaitlistEntryRow:
        return leave_verb.leave_waitlist(conn, now=now, actor=info.context.actor, entry_id=entry_id)

    entry, refusal = await attempted(info.context.write(work))
    return WaitlistPayload(
        entry=await _answered(info, entry) if entry else None, user_errors=waitlist_errors(refusal)
    )


async def _answered(info: Info, entry: WaitlistEntryRow) -> WaitlistEntry:
    found = await info.context.read(lambda conn, now: seen_entries(conn, now=now, entries=[entry]))
    return shown(found[0])


async def seen_entry(info: Info, entry_id: str) -> WaitlistEntry | None:
    """The caller's waitlist entry by key."""

    def look(conn: Connection, now: datetime) -> list[SeenEntry]:
        found = waitlist_entry_of(conn, actor=info.context.actor, entry_id=entry_id)
        return seen_entries(conn, now=now, entries=[found]) if found else []

    return shown(next(iter(await info.context.read(look)), None))


async def waitlist(info: Info, customer_reference: str) -> list[WaitlistEntry] | None:
    """What a customer waits or has waited for, newest first."""

    def look(conn: Connection, now: datetime) -> list[SeenEntry]:
        found = waitlist_of(conn, actor=info.context.actor, customer_reference=customer_reference)
        return seen_entries(conn, now=now, entries=found)

    return shown(await info.context.read(look))
