"""The rules of the calendar as an operator writes and reads them: scopes by key, times as local text.

`template`, `timetable`, `cutoff`, `wave` and `node` are keys, `zone` is a code; None means all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from app.slots.rules import CutoffKind, RuleKind


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A window that recurs."""

    kind: ClassVar[RuleKind] = RuleKind.TEMPLATE
    key: str
    name: str
    rrule: str
    starts_local: str
    ends_local: str
    cutoff: str
    valid_from: date
    valid_until: date | None = None
    timetable: str | None = None


@dataclass(frozen=True, slots=True)
class ExceptionDraft:
    """A day without a template, or with other hours for it."""

    kind: ClassVar[RuleKind] = RuleKind.EXCEPTION
    key: str
    template: str
    day: date
    zone: str | None = None
    starts_local: str | None = None
    ends_local: str | None = None


@dataclass(frozen=True, slots=True)
class TimetableDraft:
    """A special timetable."""

    kind: ClassVar[RuleKind] = RuleKind.TIMETABLE
    key: str
    name: str
    rrule: str
    valid_from: date
    valid_until: date | None = None
    zone: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class HolidayDraft:
    """Who rests on which public holidays."""

    kind: ClassVar[RuleKind] = RuleKind.HOLIDAY
    key: str
    country_code: str
    region: str | None = None
    zone: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class CutoffDraft:
    """A cut-off rule; `weekdays` are ISO digits."""

    kind: ClassVar[RuleKind] = RuleKind.CUTOFF
    key: str
    counted: CutoffKind
    elapsed_min: int | None = None
    days_before: int | None = None
    at_local: str | None = None
    weekdays: str | None = None
    template: str | None = None
    zone: str | None = None
    node: str | None = None
    wave: str | None = None


@dataclass(frozen=True, slots=True)
class PickWaveDraft:
    """A picking wave; `weekdays` are ISO digits."""

    kind: ClassVar[RuleKind] = RuleKind.PICK_WAVE
    key: str
    node: str
    name: str
    starts_from: str
    starts_until: str
    weekdays: str
    pick_by: str
    pick_days_before: int = 0
    capacity_orders: int | None = None


@dataclass(frozen=True, slots=True)
class LeadTimeDraft:
    """A lead time."""

    kind: ClassVar[RuleKind] = RuleKind.LEAD_TIME
    key: str
    least_min: int
    template: str | None = None
    zone: str | None = None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class HorizonDraft:
    """A booking horizon of a group of one storefront's customers."""

    kind: ClassVar[RuleKind] = RuleKind.HORIZON
    key: str
    storefront: str
    customer_group: str
    days: int


@dataclass(frozen=True, slots=True)
class BlackoutDraft:
    """A span in which nothing new is sold."""

    kind: ClassVar[RuleKind] = RuleKind.BLACKOUT
    key: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    template: str | None = None
    zone: str | None = None
    node: str | None = None


type Draft = (
    TemplateDraft
    | ExceptionDraft
    | TimetableDraft
    | HolidayDraft
    | CutoffDraft
    | PickWaveDraft
    | LeadTimeDraft
    | HorizonDraft
    | BlackoutDraft
)
