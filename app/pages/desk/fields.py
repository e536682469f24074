"""The forms of the calendar's rules: which fields each kind has, and from a form to a draft and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.errors import Invalid
from app.slots import drafts
from app.slots.drafts import Draft
from app.slots.rules import CutoffKind, RuleKind, Weekday


class InvalidField(Invalid):
    """{label}: {what}"""


class Entry(StrEnum):
    """How a field is filled in: by typing, or by choosing one of what there is."""

    TEXT = "text"
    TIME = "time"
    DAY = "date"
    INSTANT = "datetime-local"
    NUMBER = "number"
    WEEKDAYS = "weekdays"
    COUNTED = "counted"
    ZONE = "zone"
    NODE = "node"
    TEMPLATE = "template"
    CUTOFF = "cutoff"
    TIMETABLE = "timetable"
    WAVE = "wave"
    STOREFRONT = "storefront"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a rule's form; `name` is that of the draft."""

    name: str
    label: str
    entry: Entry
    required: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a kind of rule."""

    kind: RuleKind
    one: str
    many: str
    about: str
    draft: type[Draft]
    fields: tuple[Field, ...]


_SCOPE = (
    Field("template", "Only this window", Entry.TEMPLATE),
    Field("zone", "Only this zone", Entry.ZONE),
    Field("node", "Only this place", Entry.NODE),
)
_VALID = (
    Field("valid_from", "First day", Entry.DAY, required=True),
    Field("valid_until", "Last day", Entry.DAY, hint="Leave empty for no end."),
)
_KEY = Field("key", "Key", Entry.TEXT, required=True, hint="A known key changes that rule.")
_NAME = Field("name", "Name", Entry.TEXT, required=True)
_RRULE = Field(
    "rrule", "Days", Entry.TEXT, required=True, hint="As a recurrence rule, like FREQ=WEEKLY;BYDAY=MO,TU."
)
_HOURS = "Leave both times empty to leave the window out on that day."

FORMS: Mapping[RuleKind, Form] = {
    form.kind: form
    for form in (
        Form(
            RuleKind.BLACKOUT,
            "blackout",
            "Blackouts",
            "Nothing new is sold within a span; what stands stays.",
            drafts.BlackoutDraft,
            (
                _KEY,
                Field("starts_at", "From", Entry.INSTANT, required=True),
                Field("ends_at", "Until", Entry.INSTANT, required=True),
                Field("reason", "What customers read", Entry.TEXT, required=True),
                *_SCOPE,
            ),
        ),
        Form(
            RuleKind.TEMPLATE,
            "window",
            "Windows",
            "What recurs, in local time.",
            drafts.TemplateDraft,
            (
                _KEY,
                _NAME,
                _RRULE,
                Field("starts_local", "Starts", Entry.TIME, required=True),
                Field("ends_local", "Ends", Entry.TIME, required=True),
                Field("cutoff", "Closes by", Entry.CUTOFF, required=True),
                *_VALID,
                Field("timetable", "Only in this timetable", Entry.TIMETABLE),
            ),
        ),
        Form(
            RuleKind.EXCEPTION,
            "exception",
            "Exceptions",
            "A day without a window, or with other hours for it.",
            drafts.ExceptionDraft,
            (
                _KEY,
                Field("template", "Window", Entry.TEMPLATE, required=True),
                Field("day", "Day", Entry.DAY, required=True),
                Field("zone", "Only this zone", Entry.ZONE),
                Field("starts_local", "Starts", Entry.TIME, hint=_HOURS),
                Field("ends_local", "Ends", Entry.TIME),
            ),
        ),
        Form(
            RuleKind.TIMETABLE,
            "timetable",
            "Special timetables",
            "On its days its windows replace the normal ones.",
            drafts.TimetableDraft,
            (_KEY, _NAME, _RRULE, *_VALID, *_SCOPE[1:]),
        ),
        Form(
            RuleKind.HOLIDAY,
            "holiday rule",
            "Public holidays",
            "Who rests on the holidays of a region.",
            drafts.HolidayDraft,
            (
                _KEY,
                Field("country_code", "Country", Entry.TEXT, required=True, hint="Two letters, like PT."),
                Field("region", "Region", Entry.TEXT, hint="ISO 3166-2 after the dash, like 13 for Porto."),
                *_SCOPE[1:],
            ),
        ),
        Form(
            RuleKind.CUTOFF,
            "cut-off",
            "Cut-offs",
            "Until when something can be ordered and changed.",
            drafts.CutoffDraft,
            (
                _KEY,
                Field("counted", "Counted", Entry.COUNTED, required=True),
                Field("elapsed_min", "Minutes before the start", Entry.NUMBER, hint="Of elapsed time."),
                Field("days_before", "Days before", Entry.NUMBER, hint="Otherwise."),
                Field("at_local", "At", Entry.TIME, hint="On that day."),
                Field("weekdays", "Only for deliveries on", Entry.WEEKDAYS),
                *_SCOPE,
                Field("wave", "Only this picking wave", Entry.WAVE),
            ),
        ),
        Form(
            RuleKind.PICK_WAVE,
            "picking wave",
            "Picking waves",
            "What a place picks in one go.",
            drafts.PickWaveDraft,
            (
                _KEY,
                _NAME,
                Field("node", "Place", Entry.NODE, required=True),
                Field("starts_from", "For windows from", Entry.TIME, required=True),
                Field("starts_until", "until before", Entry.TIME, required=True),
                Field("weekdays", "On deliveries of", Entry.WEEKDAYS, required=True),
                Field("pick_by", "Picked by", Entry.TIME, required=True),
                Field("pick_days_before", "Days before", Entry.NUMBER),
                Field("capacity_orders", "Most orders a day", Entry.NUMBER, hint="Empty for no bound."),
            ),
        ),
        Form(
            RuleKind.LEAD_TIME,
            "lead time",
            "Lead times",
            "The least time from an order to its window.",
            drafts.LeadTimeDraft,
            (_KEY, Field("least_min", "Minutes", Entry.NUMBER, required=True), *_SCOPE),
        ),
        Form(
            RuleKind.HORIZON,
            "booking horizon",
            "Booking horizons",
            "How far ahead a group of customers may choose.",
            drafts.HorizonDraft,
            (
                _KEY,
                Field("storefront", "Storefront", Entry.STOREFRONT, required=True),
                Field("customer_group", "Group of customers", Entry.TEXT, required=True),
                Field("days", "Days, today included", Entry.NUMBER, required=True),
            ),
        ),
    )
}


def drafted(form: Form, told: Mapping[str, str], zone: str) -> Draft:
    """The draft that a filled-in form means, its instants on the clocks of `zone`; raises InvalidField."""
    values = {field.name: _value(field, told, zone) for field in form.fields}
    lacking = next((f for f in form.fields if f.required and values[f.name] is None), None)
    if lacking is not None:
        raise InvalidField(field=(lacking.name,), label=lacking.label, what="is missing.")
    # What may be left out of a draft has a default there.
    given = {name: value for name, value in values.items() if value is not None}
    return form.draft(**given)


def filled(form: Form, draft: Draft, zone: str) -> dict[str, str]:
    """A form as `drafted` would read the same draft from it."""
    return {
        name: text
        for field in form.fields
        for name, text in _texts(field, getattr(draft, field.name), zone).items()
    }


def summed_up(form: Form, draft: Draft, zone: str) -> Sequence[tuple[str, str]]:
    """What a rule says, field by field, for people; what is left out says nothing."""
    said = []
    for field in form.fields[1:]:
        value = getattr(draft, field.name)
        if value is None:
            continue
        texts = _texts(field, value, zone)
        if field.entry is Entry.WEEKDAYS:
            said.append((field.label, ", ".join(_WEEKDAYS[int(digit) - 1] for digit in value)))
        else:
            said.append((field.label, " ".join(texts.values()).replace("T", " ")))
    return said


_WEEKDAYS = [day.value.capitalize() for day in Weekday]


def _value(field: Field, told: Mapping[str, str], zone: str) -> Any:
    """What a field says, or None where it was left empty; raises InvalidField."""
    if field.entry is Entry.WEEKDAYS:
        return "".join(str(n) for n in range(1, 8) if told.get(f"{field.name}_{n}")) or None
    text = told.get(field.name, "").strip()
    if not text:
        return None
    try:
        match field.entry:
            case Entry.DAY:
                return date.fromisoformat(text)
            case Entry.INSTANT:
                return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
            case Entry.NUMBER:
                return _whole(text)
            case Entry.COUNTED:
                return CutoffKind(text)
    except ValueError as why:
        raise InvalidField(field=(field.name,), label=field.label, what="cannot be read.") from why
    return text


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(text)
    return int(text)


def _texts(field: Field, value: Any, zone: str) -> dict[str, str]:
    if value is None:
        return {}
    if field.entry is Entry.WEEKDAYS:
        return {f"{field.name}_{digit}": "on" for digit in value}
    if isinstance(value, datetime):
        return {field.name: value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")}
    return {field.name: value.isoformat() if isinstance(value, date) else str(value)}
