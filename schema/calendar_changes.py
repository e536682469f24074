"""What operators may write into the calendar: each with a dry run that says what it would do."""

from datetime import date, datetime

import strawberry
from sqlalchemy import Connection

from app.booking.change_calendar import CalendarOutcome, change_calendar
from app.slots import drafts
from app.slots.rules import RuleKind as RuleKindValue
from app.slots.rules import weekday_digits
from schema.calendar import CalendarEffect
from schema.context import Info
from schema.errors import CalendarUserError, attempted, calendar_errors
from schema.onto import shown
from schema.values import CountryCode
from schema.words import CutoffKind, RuleKind, Weekday

_ZONE = "The code of a zone; leave out for all."
_NODE = "The key of a node; leave out for all."
_TEMPLATE = "The key of a template; leave out for all."


@strawberry.input(description="What every change of the calendar is told.")
class CalendarInput:
    """A change, as told."""

    key: str = strawberry.field(description="What operators call the rule; a known key changes that rule.")
    because: str = strawberry.field(description="Why, for the history.")
    dry_run: bool = strawberry.field(
        default=False, description="True: only say what it would do, and keep nothing."
    )


@strawberry.input(description="A window that recurs in local time.")
class SlotTemplateInput(CalendarInput):
    """A template, as told."""

    name: str = strawberry.field(description="For people.")
    rrule: str = strawberry.field(description="RFC 5545 over local days, like FREQ=WEEKLY;BYDAY=MO,TU.")
    starts_local: str = strawberry.field(description="HH:MM.")
    ends_local: str = strawberry.field(description="HH:MM; before the start means the next day.")
    cutoff: str = strawberry.field(description="The key of a cut-off rule.")
    timetable: str | None = strawberry.field(
        default=None, description="The key of a special timetable; leave out for the normal one."
    )
    valid_from: date = strawberry.field(description="The first day.")
    valid_until: date | None = strawberry.field(default=None, description="The last day, if there is one.")


@strawberry.input(description="A day without a template, or with other hours for it.")
class SlotExceptionInput(CalendarInput):
    """An exception, as told."""

    template: str = strawberry.field(description="The key of the template.")
    day: date = strawberry.field(name="date", description="The local day.")
    zone: str | None = strawberry.field(default=None, description=_ZONE)
    starts_local: str | None = strawberry.field(
        default=None, description="HH:MM; leave both times out to leave the window out."
    )
    ends_local: str | None = strawberry.field(default=None, description="HH:MM.")


@strawberry.input(description="A special timetable; save templates that name it next.")
class TimetableInput(CalendarInput):
    """A timetable, as told."""

    name: str = strawberry.field(description="For people.")
    rrule: str = strawberry.field(description="Its days, RFC 5545.")
    valid_from: date = strawberry.field(description="The first day.")
    valid_until: date | None = strawberry.field(default=None, description="The last day, if there is one.")
    zone: str | None = strawberry.field(default=None, description=_ZONE)
    node: str | None = strawberry.field(default=None, description=_NODE)


@strawberry.input(description="Who rests on the public holidays of a region.")
class HolidayRuleInput(CalendarInput):
    """A holiday rule, as told."""

    country_code: CountryCode = strawberry.field(description="Whose holidays.")
    region: str | None = strawberry.field(
        default=None, description="The ISO 3166-2 part after the dash, like 13 for Porto."
    )
    zone: str | None = strawberry.field(default=None, description=_ZONE)
    node: str | None = strawberry.field(default=None, description=_NODE)


@strawberry.input(
    description="Until when something can be ordered and changed. Without a scope, templates may name it;"
    " a WAVE without a scope is for everything."
)
class CutoffRuleInput(CalendarInput):
    """A cut-off, as told."""

    counted: CutoffKind = strawberry.field(name="kind", description="How it is counted.")
    elapsed_min: int | None = strawberry.field(default=None, description="ELAPSED: minutes before the start.")
    days_before: int | None = strawberry.field(default=None, description="Otherwise: days before.")
    at_local: str | None = strawberry.field(default=None, description="Otherwise: HH:MM on that day.")
    weekdays: list[Weekday] | None = strawberry.field(
        default=None, description="The days of delivery it is for; leave out for all."
    )
    template: str | None = strawberry.field(default=None, description=_TEMPLATE)
    zone: str | None = strawberry.field(default=None, description=_ZONE)
    node: str | None = strawberry.field(default=None, description=_NODE)
    wave: str | None = strawberry.field(default=None, description="The key of a picking wave.")


@strawberry.input(description="What a node picks in one go.")
class PickWaveInput(CalendarInput):
    """A picking wave, as told."""

    node: str = strawberry.field(description="The key of the node that picks.")
    name: str = strawberry.field(description="For people.")
    starts_from: str = strawberry.field(description="HH:MM; it feeds windows that begin from here ...")
    starts_until: str = strawberry.field(description="... until before here.")
    weekdays: list[Weekday] = strawberry.field(description="The days of delivery it is for.")
    pick_by: str = strawberry.field(description="HH:MM; nothing is ordered from the node after it.")
    pick_days_before: int = strawberry.field(default=0, description="Picked so many days before.")
    capacity_orders: int | None = strawberry.field(
        default=None, description="Most orders a day; leave out for no bound."
    )


@strawberry.input(description="The least time from an order to its window.")
class LeadTimeInput(CalendarInput):
    """A lead time, as told."""

    least_min: int = strawberry.field(description="Minutes.")
    template: str | None = strawberry.field(default=None, description=_TEMPLATE)
    zone: str | None = strawberry.field(default=None, description=_ZONE)
    node: str | None = strawberry.field(default=None, description=_NODE)


@strawberry.input(description="How far ahead a group of customers may choose.")
class BookingHorizonInput(CalendarInput):
    """A horizon, as told."""

    storefront: str = strawberry.field(description="The key of the storefront whose customers they are.")
    customer_group: str = strawberry.field(description="The group, as the storefront tells it.")
    days: int = strawberry.field(description="Days, today included.")


@strawberry.input(description="A span in which nothing new is sold; what stands stays.")
class BlackoutInput(CalendarInput):
    """A blackout, as told."""

    starts_at: datetime = strawberry.field(description="The first instant.")
    ends_at: datetime = strawberry.field(description="The first instant after it.")
    reason: str = strawberry.field(description="Customers read it.")
    template: str | None = strawberry.field(default=None, description=_TEMPLATE)
    zone: str | None = strawberry.field(default=None, description=_ZONE)
    node: str | None = strawberry.field(default=None, description=_NODE)


@strawberry.input(description="Which rule goes.")
class RemoveFromCalendarInput(CalendarInput):
    """A removal, as told."""

    kind: RuleKind = strawberry.field(description="What kind of rule.")


@strawberry.type(description="What came of it.")
class CalendarPayload:
    """The answer."""

    effect: CalendarEffect | None = strawberry.field(description="Null when refused.")
    user_errors: list[CalendarUserError] = strawberry.field(description="Empty when it worked.")


async def _changed(
    info: Info,
    told: CalendarInput,
    draft: drafts.Draft | None = None,
    removed: tuple[RuleKindValue, str] | None = None,
) -> CalendarPayload:
    def work(conn: Connection, now: datetime) -> CalendarOutcome:
        return change_calendar(
            conn,
            now=now,
            actor=info.context.actor,
            reason=told.because,
            draft=draft,
            removed=removed,
            dry_run=told.dry_run,
        )

    outcome, refusal = await attempted(info.context.write(work))
    return CalendarPayload(effect=shown(outcome), user_errors=calendar_errors(refusal))


async def save_slot_template(info: Info, input: SlotTemplateInput) -> CalendarPayload | None:
    """A template."""
    draft = drafts.TemplateDraft(
        key=input.key,
        name=input.name,
        rrule=input.rrule,
        starts_local=input.starts_local,
        ends_local=input.ends_local,
        cutoff=input.cutoff,
        valid_from=input.valid_from,
        valid_until=input.valid_until,
        timetable=input.timetable,
    )
    return await _changed(info, input, draft)


async def save_slot_exception(info: Info, input: SlotExceptionInput) -> CalendarPayload | None:
    """An exception."""
    draft = drafts.ExceptionDraft(
        input.key, input.template, input.day, input.zone, input.starts_local, input.ends_local
    )
    return await _changed(info, input, draft)


async def save_timetable(info: Info, input: TimetableInput) -> CalendarPayload | None:
    """A timetable."""
    draft = drafts.TimetableDraft(
        input.key, input.name, input.rrule, input.valid_from, input.valid_until, input.zone, input.node
    )
    return await _changed(info, input, draft)


async def save_holiday_rule(info: Info, input: HolidayRuleInput) -> CalendarPayload | None:
    """A holiday rule."""
    draft = drafts.HolidayDraft(input.key, input.country_code, input.region, input.zone, input.node)
    return await _changed(info, input, draft)


async def save_cutoff_rule(info: Info, input: CutoffRuleInput) -> CalendarPayload | None:
    """A cut-off."""
    draft = drafts.CutoffDraft(
        key=input.key,
        counted=input.counted,
        elapsed_min=input.elapsed_min,
        days_before=input.days_before,
        at_local=input.at_local,
        weekdays=weekday_digits(input.weekdays) if input.weekdays is not None else None,
        template=input.template,
        zone=input.zone,
        node=input.node,
        wave=input.wave,
    )
    return await _changed(info, input, draft)


async def save_pick_wave(info: Info, input: PickWaveInput) -> CalendarPayload | None:
    """A picking wave."""
    draft = drafts.PickWaveDraft(
        key=input.key,
        node=input.node,
        name=input.name,
        starts_from=input.starts_from,
        starts_until=input.starts_until,
        weekdays=weekday_digits(input.weekdays),
        pick_by=input.pick_by,
        pick_days_before=input.pick_days_before,
        capacity_orders=input.capacity_orders,
    )
    return await _changed(info, input, draft)


async def save_lead_time(info: Info, input: LeadTimeInput) -> CalendarPayload | None:
    """A lead time."""
    draft = drafts.LeadTimeDraft(input.key, input.least_min, input.template, input.zone, input.node)
    return await _changed(info, input, draft)


async def save_booking_horizon(info: Info, input: BookingHorizonInput) -> CalendarPayload | None:
    """A horizon."""
    draft = drafts.HorizonDraft(input.key, input.storefront, input.customer_group, input.days)
    return await _changed(info, input, draft)


async def save_blackout(info: Info, input: BlackoutInput) -> CalendarPayload | None:
    """A blackout."""
    draft = drafts.BlackoutDraft(
        key=input.key,
        starts_at=input.starts_at,
        ends_at=input.ends_at,
        reason=input.reason,
        template=input.template,
        zone=input.zone,
        node=input.node,
    )
    return await _changed(info, input, draft)


async def remove_from_calendar(info: Info, input: RemoveFromCalendarInput) -> CalendarPayload | None:
    """A removal."""
    return await _changed(info, input, removed=(input.kind, input.key))


@strawberry.type(description="What operators can change.")
class CalendarMutation:
    """Writes of the calendar, each with a dry run."""

    save_slot_template: CalendarPayload | None = strawberry.mutation(
        resolver=save_slot_template, description="Write a recurring window; its slots open at once."
    )
    save_slot_exception: CalendarPayload | None = strawberry.mutation(
        resolver=save_slot_exception, description="Leave a window out on one day, or give it other hours."
    )
    save_timetable: CalendarPayload | None = strawberry.mutation(
        resolver=save_timetable,
        description="Write a special timetable: on its days its templates replace the normal ones.",
    )
    save_holiday_rule: CalendarPayload | None = strawberry.mutation(
        resolver=save_holiday_rule, description="Let a zone or a node rest on public holidays."
    )
    save_cutoff_rule: CalendarPayload | None = strawberry.mutation(
        resolver=save_cutoff_rule,
        description="Write a cut-off; slots follow, holds and bookings keep what they were promised.",
    )
    save_pick_wave: CalendarPayload | None = strawberry.mutation(
        resolver=save_pick_wave, description="Write a picking wave, with how many orders it takes a day."
    )
    save_lead_time: CalendarPayload | None = strawberry.mutation(
        resolver=save_lead_time, description="Write the least time from an order to its window."
    )
    save_booking_horizon: CalendarPayload | None = strawberry.mutation(
        resolver=save_booking_horizon, description="Let a group of customers choose further ahead, or less."
    )
    save_blackout: CalendarPayload | None = strawberry.mutation(
        resolver=save_blackout,
        description="Sell nothing new within a span, from now on; a dry run lists the bookings it hits.",
    )
    remove_from_calendar: CalendarPayload | None = strawberry.mutation(
        resolver=remove_from_calendar, description="Take a rule out of the calendar."
    )
