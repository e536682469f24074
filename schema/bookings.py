"""Holds and bookings."""

from datetime import datetime
from operator import attrgetter

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.booking.queries import booking_of, bookings_of, hold_of
from app.booking.seen import Changes, Flexible, Promise, SeenBooking, SeenHold, seen_bookings, seen_holds
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.booking.tables import PromiseChange as PromiseChangeRow
from app.booking.tables import SlotHold as SlotHoldRow
from app.tours.published import PlannedStop as PlannedStopValue
from app.values.basket import Basket as BasketValue
from app.values.money import Money as MoneyValue
from app.values.window import Window, ZonedWindow
from schema.context import Info
from schema.handover import DropPreference
from schema.ids import key_of, to_global
from schema.offers import DeliveryFee, DeliverySlot, EmissionEstimate, SlotClosure
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.promotions import AppliedPromotion
from schema.values import Money, TimeWindow
from schema.words import BookingStatus, GoodsTrait, HoldOrigin, HoldStatus, VehicleKind

MAX_PAGE = 100


@onto(BasketValue, description="The goods of one order, as far as delivery cares.")
class Basket:
    """A basket."""

    value: Money = strawberry.field(description="What the goods cost.")
    weight_g: int = strawberry.field(name="weightGrams", description="Weight.")
    ambient_ml: int = strawberry.field(name="ambientMillilitres", description="Volume, uncooled.")
    chilled_ml: int = strawberry.field(name="chilledMillilitres", description="Volume, chilled.")
    frozen_ml: int = strawberry.field(name="frozenMillilitres", description="Volume, frozen.")

    @strawberry.field(description="What restricts carrying and handing over.")
    def traits(self) -> list[GoodsTrait]:
        """In a stable order."""
        value: BasketValue = shown(self)
        return sorted(value.traits)


@onto(SeenHold, description="A temporary claim with a locked price.")
class SlotHold(Node):
    """A hold."""

    id: strawberry.ID = node_id("SlotHold", attrgetter("row.id"))
    status: HoldStatus = strawberry.field(description="As of now.")
    slot: DeliverySlot = strawberry.field(description="The window.")
    expires_at: datetime = strawberry.field(description="When it ends by itself.")
    fee: DeliveryFee = strawberry.field(description="Locked until then, promotions included.")
    emissions: EmissionEstimate = strawberry.field(description="Of this drop.")
    address: str = strawberry.field(description="Where it goes; the collection point of what is collected.")
    drop_preference: DropPreference = strawberry.field(description="How it will be handed over.")
    promotions: list[AppliedPromotion] = strawberry.field(description="What is reserved with it.")
    origin: HoldOrigin = strawberry.field(description="Who asked for it.")
    checkout_at: datetime | None = strawberry.field(description="When its payment began.")
    basket: Basket = strawberry.field(description="The goods that are wanted, whether they fit or not.")
    candidates: list[DeliverySlot] = strawberry.field(
        description="Of a flexible hold: the windows of which one is decided later; else empty."
    )

    @strawberry.field(description="Lockers that are accepted beside the door.")
    def locker_ids(self) -> list[strawberry.ID]:
        """The lockers."""
        seen: SeenHold = shown(self)
        return [to_global("CollectionPoint", key) for key in seen.lockers]

    conflict: SlotClosure | None = strawberry.field(
        description="Why the goods do not fit; change them back, or hold another window."
    )
    version: int = strawberry.field(description="Counts its changes.")


@onto(PromiseChangeRow, description="One line of the promise's history.")
class PromiseChange:
    """A change."""

    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="Why.")

    @strawberry.field(description="What was promised before; null for the promise itself.")
    def before(self) -> TimeWindow | None:
        """The window before."""
        row: PromiseChangeRow = shown(self)
        return shown(_window(row.before_starts_at, row.before_ends_at))

    @strawberry.field(description="What has been promised since; null when it was taken back.")
    def after(self) -> TimeWindow | None:
        """The window after."""
        row: PromiseChangeRow = shown(self)
        return shown(_window(row.after_starts_at, row.after_ends_at))

    @strawberry.field(description="The fee before, promotions included; null where it did not change.")
    def fee_before(self) -> Money | None:
        """The fee before."""
        row: PromiseChangeRow = shown(self)
        return shown(_money(row.before_fee_minor, row.currency))

    @strawberry.field(description="The fee since, promotions included; null where it did not change.")
    def fee_after(self) -> Money | None:
        """The fee after."""
        row: PromiseChangeRow = shown(self)
        return shown(_money(row.after_fee_minor, row.currency))


def _money(minor: int | None, currency: str | None) -> MoneyValue | None:
    return None if minor is None or currency is None else MoneyValue(minor, currency)


def _window(start: datetime | None, end: datetime | None) -> ZonedWindow | None:
    return ZonedWindow(Window(start, end), "UTC") if start and end else None


@onto(
    Promise,
    description="What was promised; changed only by the customer, or by an operator with a reason.",
)
class DeliveryPromise:
    """A promise."""

    time_window: TimeWindow = strawberry.field(name="window", description="When the drop happens.")
    history: list[PromiseChange] = strawberry.field(description="How it came to be so, oldest first.")


@onto(Changes, description="What a customer may still do with a booking.")
class BookingChanges:
    """Changes."""

    until: datetime = strawberry.field(
        description="Before this it can be moved, cancelled or handed over otherwise."
    )
    moves: int = strawberry.field(description="How often it was moved.")
    move_limit: int = strawberry.field(description="How often it may be moved.")
    cancellation: Money | None = strawberry.field(
        description="What cancelling costs now; null where it can no longer be cancelled."
    )


@onto(Flexible, description="That a booking is for one of several windows.")
class FlexibleSlotBooking:
    """A flexible booking."""

    candidates: list[DeliverySlot] = strawberry.field(
        name="candidateSlots", description="The windows that the customer accepts."
    )
    narrow_by: datetime = strawberry.field(description="When it is decided at the latest.")
    narrowed_at: datetime | None = strawberry.field(
        description="When it was decided; until then promise.window spans all of them."
    )


@onto(PlannedStopValue, description="The halt that is planned for a booking.")
class PlannedStop:
    """A stop, as its customer may see it."""

    planned_arrival: datetime = strawberry.field(description="When the goods are to be handed over.")
    before: int = strawberry.field(
        name="stopsBefore", description="So many stops of the same tour come before it."
    )
    vehicle_kind: VehicleKind = strawberry.field(description="What comes.")

    @strawberry.field(description="The locker that it is planned at; null at the door.")
    def locker_id(self) -> strawberry.ID | None:
        """The locker."""
        stop: PlannedStopValue = shown(self)
        return to_global("CollectionPoint", stop.locker_id) if stop.locker_id else None


@onto(SeenBooking, description="A booked delivery.")
class DeliveryBooking(Node):
    """A booking."""

    id: strawberry.ID = node_id("DeliveryBooking", attrgetter("row.id"))
    code: str = strawberry.field(description="Short, for people.")
    order_reference: str = strawberry.field(description="The storefront's own number.")
    status: BookingStatus = strawberry.field(description="As of now.")
    slot: DeliverySlot = strawberry.field(description="The window it was booked in.")
    promise: DeliveryPromise = strawberry.field(description="What was promised.")
    fee: DeliveryFee = strawberry.field(description="What was agreed, promotions included.")
    emissions: EmissionEstimate = strawberry.field(description="Of this drop.")
    address: str = strawberry.field(description="Where it goes; the collection point of what is collected.")
    drop_preference: DropPreference = strawberry.field(description="How it will be handed over.")
    promotions: list[AppliedPromotion] = strawberry.field(description="What was redeemed with it.")
    flexible: FlexibleSlotBooking | None = strawberry.field(description="Null for a booking of one window.")
    partner_courier: bool = strawberry.field(description="Whether a partner courier brings it.")
    changes: BookingChanges = strawberry.field(description="What its customer may still do with it.")

    @strawberry.field(
        description="Lockers that are accepted beside the door; empty once it is decided where it goes: then"
        " address says where."
    )
    def locker_ids(self) -> list[strawberry.ID]:
        """The lockers."""
        seen: SeenBooking = shown(self)
        return [to_global("CollectionPoint", key) for key in seen.lockers]

    planned_arrival: datetime | None = strawberry.field(
        description="When the goods are to be handed over, inside the promised window; null before tours are"
        " made."
    )
    stop: PlannedStop | None = strawberry.field(description="Its halt; null before tours are made.")
    version: int = strawberry.field(description="Counts its changes.")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """A page."""

    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether more come before.")
    start_cursor: str | None = strawberry.field(description="Of the first.")
    end_cursor: str | None = strawberry.field(description="Of the last.")


@strawberry.type(description="A booking in a page.")
class DeliveryBookingEdge:
    """An edge."""

    cursor: str = strawberry.field(description="Give it as after or before.")
    node: DeliveryBooking = strawberry.field(description="The booking.")


@strawberry.type(description="Bookings, newest first.")
class DeliveryBookingConnection:
    """A page of bookings."""

    edges: list[DeliveryBookingEdge] = strawberry.field(description="With cursors.")
    nodes: list[DeliveryBooking] = strawberry.field(description="Without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


async def seen_hold(info: Info, hold_id: str) -> SlotHold | None:
    """The caller's hold by key."""

    def look(conn: Connection, now: datetime) -> list[SeenHold]:
        found = hold_of(conn, actor=info.context.actor, hold_id=hold_id)
        return seen_holds(conn, now=now, holds=[found]) if found else []

    return shown(next(iter(await info.context.read(look)), None))


async def seen_booking(info: Info, booking_id: str) -> DeliveryBooking | None:
    """The caller's booking by key."""

    def look(conn: Connection, now: datetime) -> list[SeenBooking]:
        found = booking_of(conn, actor=info.context.actor, booking_id=booking_id)
        return seen_bookings(conn, now=now, bookings=[found]) if found else []

    return shown(next(iter(await info.context.read(look)), None))


async def answered_hold(info: Info, row: SlotHoldRow) -> SlotHold:
    """A hold as it stood when a keyed request was first answered."""
    at = row.changed_at
    found = await info.context.read(lambda conn, _: seen_holds(conn, now=at, holds=[row], at=at))
    return shown(found[0])


async def answered_booking(info: Info, row: DeliveryBookingRow) -> DeliveryBooking:
    """A booking as it stood when a keyed request was first answered."""
    at = row.changed_at
    found = await info.context.read(lambda conn, _: seen_bookings(conn, now=at, bookings=[row], at=at))
    return shown(found[0])


async def hold(info: Info, id: strawberry.ID) -> SlotHold | None:
    """A hold of this storefront."""
    return await seen_hold(info, key_of("SlotHold", id))


async def booking(info: Info, id: strawberry.ID) -> DeliveryBooking | None:
    """A booking of this storefront."""
    return await seen_booking(info, key_of("DeliveryBooking", id))


async def bookings(
    info: Info,
    customer_reference: str | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> DeliveryBookingConnection | None:
    """This storefront's bookings, newest first, a page at a time."""
    if (first is None) == (last is None):
        raise GraphQLError("Give either first or last.")
    size = first if first is not None else last or 0
    if not 1 <= size <= MAX_PAGE:
        raise GraphQLError(f"Ask for 1 to {MAX_PAGE} bookings.")

    def look(conn: Connection, now: datetime) -> list[SeenBooking]:
        found = bookings_of(
            conn,
            actor=info.context.actor,
            customer_reference=customer_reference,
            limit=size + 1,
            after=key_of("DeliveryBooking", after) if after else None,
            before=key_of("DeliveryBooking", before) if before else None,
            backwards=last is not None,
        )
        return seen_bookings(conn, now=now, bookings=found)

    found = await info.context.read(look)
    more = len(found) > size
    page = (found[-size:] if last is not None else found[:size]) if more else found
    cursors = [str(to_global("DeliveryBooking", one.row.id)) for one in page]
    return DeliveryBookingConnection(
        edges=[
            DeliveryBookingEdge(cursor=cursor, node=shown(one))
            for cursor, one in zip(cursors, page, strict=True)
        ],
        nodes=shown(page),
        page_info=PageInfo(
            has_next_page=more if last is None else before is not None,
            has_previous_page=more if last is not None else after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )
