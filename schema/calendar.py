"""The calendar as operators read it: rules as they were written, and what their changes did."""

from datetime import date, datetime
from typing import Any

import strawberry
from graphql import GraphQLError

from app.booking.change_calendar import LISTED, CalendarOutcome
from app.booking.touched import Touched
from app.capacity.tables import PickLoad
from app.places.tables import FulfilmentNode as FulfilmentNodeRow
from app.places.tables import ServiceZone as ServiceZoneRow
from app.slots import drafts
from app.slots.listing import SlotChange as SlotChangeValue
from app.slots.overview import Overview, changes, overview
from app.slots.rules import RuleKind as RuleKindValue
from app.slots.rules import weekdays_of
from app.slots.tables import CalendarChange as CalendarChangeRow
from app.slots.tables import FieldChange
from app.storefronts.tables import Storefront
from schema.context import Info
from schema.ids import key_of, to_global
from schema.offers import DeliverySlot
from schema.onto import onto, shown
from schema.places import node_id
from schema.values import CountryCode, TimeZone
from schema.words import CutoffKind, NodeKind, RuleKind, SlotFate, Weekday

MAX_CHANGES = 100
_KEY = "What operators call it."
_ZONE = "The code of the zone it is for; null for all."
_NODE = "The key of the node it is for; null for all."
_TEMPLATE = "The key of the template it is for; null for all."


@onto(ServiceZoneRow, description="A zone, by the code that rules name.")
class CalendarZone:
    """A zone."""

    code: str = strawberry.field(description="What rules call it.")
    name: str = strawberry.field(description="What people call it.")
    time_zone: TimeZone = strawberry.field(description="Its wall clock.")


@onto(FulfilmentNodeRow, description="A node, by the key that rules name.")
class CalendarNode:
    """A node."""

    key: str = strawberry.field(description="What rules call it.")
    name: str = strawberry.field(description="What people call it.")
    kind: NodeKind = strawberry.field(description="What kind of place it is.")


@onto(Storefront, description="A storefront, by the key that rules name.")
class CalendarStorefront:
    """A storefront."""

    key: str = strawberry.field(description="What rules call it.")
    name: str = strawberry.field(description="What people call it.")


@onto(drafts.TemplateDraft, description="A window that recurs in local time.")
class SlotTemplate:
    """A template."""

    key: str = strawberry.field(description=_KEY)
    name: str = strawberry.field(description="For people.")
    rrule: str = strawberry.field(description="RFC 5545, over local days.")
    starts_local: str = strawberry.field(description="HH:MM.")
    ends_local: str = strawberry.field(description="HH:MM; at or before the start means the next day.")
    cutoff: str = strawberry.field(description="The key of the cut-off rule, unless a narrower one holds.")
    timetable: str | None = strawberry.field(description="The special timetable it belongs to; null: normal.")
    valid_from: date = strawberry.field(description="The first day.")
    valid_until: date | None = strawberry.field(description="The last day, if there is one.")


@onto(drafts.ExceptionDraft, description="A day without a template, or with other hours for it.")
class SlotException:
    """An exception."""

    key: str = strawberry.field(description=_KEY)
    template: str = strawberry.field(description="The key of the template.")
    day: date = strawberry.field(name="date", description="The local day.")
    zone: str | None = strawberry.field(description=_ZONE)
    starts_local: str | None = strawberry.field(description="HH:MM; null: the window is left out.")
    ends_local: str | None = strawberry.field(description="HH:MM; null: the window is left out.")


@onto(drafts.TimetableDraft, description="A special timetable: its templates replace the normal ones.")
class SpecialTimetable:
    """A timetable."""

    key: str = strawberry.field(description=_KEY)
    name: str = strawberry.field(description="For people.")
    rrule: str = strawberry.field(description="Its days, RFC 5545.")
    valid_from: date = strawberry.field(description="The first day.")
    valid_until: date | None = strawberry.field(description="The last day, if there is one.")
    zone: str | None = strawberry.field(description=_ZONE)
    node: str | None = strawberry.field(description=_NODE)


@onto(drafts.HolidayDraft, description="Who rests on the public holidays of a region.")
class HolidayRule:
    """A holiday rule."""

    key: str = strawberry.field(description=_KEY)
    country_code: CountryCode = strawberry.field(description="Whose holidays.")
    region: str | None = strawberry.field(description="The ISO 3166-2 part after the dash; null: national.")
    zone: str | None = strawberry.field(description=_ZONE)
    node: str | None = strawberry.field(description=_NODE)


def _weekdays(root: strawberry.Parent[Any]) -> list[Weekday] | None:
    digits: str | None = root.weekdays
    return weekdays_of(digits) if digits is not None else None


@onto(drafts.CutoffDraft, description="Until when something can be ordered and changed.")
class CutoffRule:
    """A cut-off."""

    key: str = strawberry.field(description=_KEY)
    counted: CutoffKind = strawberry.field(name="kind", description="How it is counted.")
    elapsed_min: int | None = strawberry.field(description="ELAPSED: real minutes before the start.")
    days_before: int | None = strawberry.field(description="Otherwise: calendar days before the delivery.")
    at_local: str | None = strawberry.field(description="Otherwise: HH:MM on that day.")
    weekdays: list[Weekday] | None = strawberry.field(
        resolver=_weekdays, description="The days of delivery it is for; null for all."
    )
    template: str | None = strawberry.field(description=_TEMPLATE)
    zone: str | None = strawberry.field(description=_ZONE)
    node: str | None = strawberry.field(description=_NODE)
    wave: str | None = strawberry.field(description="The key of the picking wave it is for; null for all.")


@onto(drafts.PickWaveDraft, description="What a node picks in one go.")
class PickWave:
    """A picking wave."""

    key: str = strawberry.field(description=_KEY)
    node: str = strawberry.field(description="The key of the node that picks.")
    name: str = strawberry.field(description="For people.")
    starts_from: str = strawberry.field(description="HH:MM; it feeds windows that begin from here ...")
    starts_until: str = strawberry.field(description="... until before here.")
    weekdays: list[Weekday] | None = strawberry.field(
        resolver=_weekdays, description="The days of delivery it is for."
    )
    pick_by: str = strawberry.field(description="HH:MM; nothing is ordered from the node after it.")
    pick_days_before: int = strawberry.field(description="How many days before the delivery it is picked.")
    capacity_orders: int | None = strawberry.field(description="Most orders a day; null: not bounded.")


@onto(drafts.LeadTimeDraft, description="The least time from an order to its window.")
class LeadTime:
    """A lead time."""

    key: str = strawberry.field(description=_KEY)
    least_min: int = strawberry.field(description="Minutes.")
    template: str | None = strawberry.field(description=_TEMPLATE)
    zone: str | None = strawberry.field(description=_ZONE)
    node: str | None = strawberry.field(description=_NODE)


@onto(drafts.HorizonDraft, description="How far ahead a group of customers may choose.")
class BookingHorizon:
    """A horizon."""

    key: str = strawberry.field(description=_KEY)
    storefront: str = strawberry.field(description="The key of the storefront whose customers they are.")
    customer_group: str = strawberry.field(description="The group, as the storefront tells it.")
    days: int = strawberry.field(description="Days, today included.")


@onto(drafts.BlackoutDraft, description="A span in which nothing new is sold.")
class Blackout:
    """A blackout."""

    key: str = strawberry.field(description=_KEY)
    starts_at: datetime = strawberry.field(description="The first instant.")
    ends_at: datetime = strawberry.field(description="The first instant after it.")
    reason: str = strawberry.field(description="Customers read it.")
    template: str | None = strawberry.field(description=_TEMPLATE)
    zone: str | None = strawberry.field(description=_ZONE)
    node: str | None = strawberry.field(description=_NODE)


def _rules(kind: RuleKindValue, description: str) -> Any:
    def resolve(root: strawberry.Parent[Overview]) -> Any:
        return root.rules[kind]

    return strawberry.field(resolver=resolve, description=description)


@onto(Overview, description="Every rule that stands, by key, and what rules may name.")
class Calendar:
    """The calendar."""

    zones: list[CalendarZone] = strawberry.field(description="By code.")
    nodes: list[CalendarNode] = strawberry.field(description="By key.")
    storefronts: list[CalendarStorefront] = strawberry.field(description="By key.")
    templates: list[SlotTemplate] = _rules(RuleKindValue.TEMPLATE, "Recurring windows.")
    exceptions: list[SlotException] = _rules(RuleKindValue.EXCEPTION, "Days that differ.")
    timetables: list[SpecialTimetable] = _rules(RuleKindValue.TIMETABLE, "Special timetables.")
    holidays: list[HolidayRule] = _rules(RuleKindValue.HOLIDAY, "Who rests on public holidays.")
    cutoffs: list[CutoffRule] = _rules(RuleKindValue.CUTOFF, "Cut-off rules.")
    pick_waves: list[PickWave] = _rules(RuleKindValue.PICK_WAVE, "Picking waves.")
    lead_times: list[LeadTime] = _rules(RuleKindValue.LEAD_TIME, "Lead times.")
    horizons: list[BookingHorizon] = _rules(RuleKindValue.HORIZON, "Horizons of groups of customers.")
    blackouts: list[Blackout] = _rules(RuleKindValue.BLACKOUT, "Spans in which nothing new is sold.")


@onto(FieldChange, description="A field of a rule, before and after.")
class CalendarFieldChange:
    """A field."""

    name: str = strawberry.field(description="Which field.")
    before: str | None = strawberry.field(description="As text; null where there was nothing.")
    after: str | None = strawberry.field(description="As text; null where there is nothing.")


@onto(CalendarChangeRow, description="One change of a rule, and what it did to the slots then open.")
class CalendarChange:
    """A change."""

    id: strawberry.ID = node_id("CalendarChange")
    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="Why.")
    kind: RuleKind = strawberry.field(description="What kind of rule.")
    key: str = strawberry.field(description="Which rule.")
    fields: list[CalendarFieldChange] = strawberry.field(description="What differs.")
    opened: int = strawberry.field(description="Slots it opened.")
    closed: int = strawberry.field(description="Slots it closed.")
    moved: int = strawberry.field(description="Cut-offs it moved, by slot and node.")


@onto(SlotChangeValue, description="What becomes of a slot.")
class CalendarSlotChange:
    """A slot's change."""

    fate: SlotFate = strawberry.field(description="In a word.")
    slot: DeliverySlot = strawberry.field(description="The slot.")
    zone: str = strawberry.field(description="The code of its zone.")
    node: str | None = strawberry.field(description="The node it is about; null: the slot as a whole.")
    before: datetime | None = strawberry.field(description="The cut-off before, if it moves.")
    after: datetime | None = strawberry.field(description="The cut-off after, if it moves.")


@onto(Touched, description="A hold or booking on such a slot: it stays as it is, cut-off included.")
class TouchedClaim:
    """A claim."""

    slot: DeliverySlot = strawberry.field(description="The slot.")
    cutoff_at: datetime = strawberry.field(description="The cut-off that was promised, and stays.")

    @strawberry.field(description="If it is a hold.")
    def hold_id(self) -> strawberry.ID | None:
        """The hold."""
        touched: Touched = shown(self)
        return None if touched.booking else to_global("SlotHold", touched.claim.id)

    @strawberry.field(description="If it is a booking.")
    def booking_id(self) -> strawberry.ID | None:
        """The booking."""
        touched: Touched = shown(self)
        return to_global("DeliveryBooking", touched.booking.id) if touched.booking else None

    @strawberry.field(description="The storefront's own number, if it is a booking.")
    def order_reference(self) -> str | None:
        """The order."""
        touched: Touched = shown(self)
        return touched.booking.order_reference if touched.booking else None


@onto(PickLoad, description="A day on which a picking wave has taken more than it may now.")
class OverbookedWave:
    """A wave's day."""

    day: date = strawberry.field(name="date", description="The day of delivery.")
    sell_orders: int = strawberry.field(name="mayTake", description="What it may take now.")

    @strawberry.field(description="What it has taken: nothing more until this has fallen.")
    def taken(self) -> int:
        """Held and booked."""
        load: PickLoad = shown(self)
        return load.held_orders + load.booked_orders


@onto(CalendarOutcome, description="What a change did, or would do: on the days that are open now.")
class CalendarEffect:
    """An outcome."""

    dry_run: bool = strawberry.field(description="True: nothing of it was kept.")
    bookings: int = strawberry.field(description="How many bookings it touches.")
    holds: int = strawberry.field(description="How many holds it touches.")
    overbooked: list[OverbookedWave] = strawberry.field(description="Of a picking wave that was lowered.")

    @strawberry.field(description="As it was written down; null for a dry run.")
    def change(self) -> CalendarChange | None:
        """The line of the history."""
        outcome: CalendarOutcome = shown(self)
        return None if outcome.dry_run else shown(outcome.saved.change)

    @strawberry.field(description="The first local day that was looked at.")
    def first_day(self) -> date:
        """Today."""
        outcome: CalendarOutcome = shown(self)
        return outcome.saved.first

    @strawberry.field(description="The last local day that was looked at: slots are open until then.")
    def last_day(self) -> date:
        """The last open day."""
        outcome: CalendarOutcome = shown(self)
        return outcome.saved.last

    @strawberry.field(description="How many slots it opens.")
    def opened(self) -> int:
        """Count."""
        return _count(self, "opened")

    @strawberry.field(description="How many slots it closes.")
    def closed(self) -> int:
        """Count."""
        return _count(self, "closed")

    @strawberry.field(description="How many slots it closes from single nodes, other nodes serving on.")
    def closed_from_node(self) -> int:
        """Count."""
        return _count(self, "rested")

    @strawberry.field(description="How many cut-offs it moves, by slot and node.")
    def moved(self) -> int:
        """Count."""
        return _count(self, "moved")

    @strawberry.field(description="A sentence for each window that a clock change does not allow.")
    def skipped(self) -> list[str]:
        """Sentences."""
        outcome: CalendarOutcome = shown(self)
        return list(outcome.saved.effect.skipped)

    @strawberry.field(description=f"The first {LISTED} slots that it changes, in order of time.")
    def slots(self) -> list[CalendarSlotChange]:
        """Slots."""
        outcome: CalendarOutcome = shown(self)
        return shown(outcome.slots)

    @strawberry.field(description=f"The first {LISTED} bookings and holds that it touches, bookings first.")
    def claims(self) -> list[TouchedClaim]:
        """Claims."""
        outcome: CalendarOutcome = shown(self)
        return shown(outcome.claims[:LISTED])


def _count(effect: CalendarEffect, name: str) -> int:
    outcome: CalendarOutcome = shown(effect)
    return len(getattr(outcome.saved.effect, name))


async def calendar(info: Info) -> Calendar | None:
    """Every rule."""
    return shown(await info.context.read(lambda conn, _: overview(conn, actor=info.context.actor)))


async def calendar_changes(
    info: Info, key: str | None = None, first: int = 20, after: strawberry.ID | None = None
) -> list[CalendarChange] | None:
    """The history."""
    if not 1 <= first <= MAX_CHANGES:
        raise GraphQLError(f"first: ask for 1 to {MAX_CHANGES}.")
    before = key_of("CalendarChange", after) if after else None
    actor = info.context.actor
    return shown(
        await info.context.read(
            lambda conn, _: changes(conn, actor=actor, key=key, limit=first, before=before)
        )
    )


@strawberry.type(description="What operators can ask.")
class CalendarQuery:
    """Reads of the calendar."""

    calendar: Calendar | None = strawberry.field(
        resolver=calendar, description="Every rule of the calendar, for operators."
    )
    calendar_changes: list[CalendarChange] | None = strawberry.field(
        resolver=calendar_changes,
        description="Who changed which rule when and why, newest first, for operators; at most 100.",
    )
