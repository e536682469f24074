"""The calendar, as rows: rules in local time, slots as instants, and the history of the rules.

A rule that an operator removes stays with `removed_at`, so that slots, pools and history may name it.
"""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.slots.rules import CutoffKind, RuleKind, SlotLabel, slot_labels
from app.values.ids import new_id
from app.values.window import Window, ZonedWindow


class Rule(SQLModel):
    """What every rule of the calendar has: a key that operators call it by."""

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    removed_at: datetime | None = None


class PickWave(Rule, table=True):
    """What a node picks in one go: the windows that begin in [starts_from, starts_until) on its weekdays.

    Picked by `pick_by`, `pick_days_before` days before the delivery; local times 'HH:MM', weekdays as
    ISO digits. `capacity_orders` bounds how many orders one day's wave takes.
    """

    __tablename__ = "pick_wave"

    node_id: str = Field(foreign_key="fulfilment_node.id")
    name: str
    starts_from: str
    starts_until: str
    weekdays: str
    pick_by: str
    pick_days_before: int = 0
    capacity_orders: int | None = None


class CutoffRule(Rule, table=True):
    """The latest moment to order: `elapsed_min` before the start, or `days_before` at `at_local`.

    Without a scope it is only a name that templates refer to, except for a WAVE, which then closes
    every window of its weekdays.
    """

    __tablename__ = "cutoff_rule"

    kind: CutoffKind = Field(sa_type=words(CutoffKind))
    elapsed_min: int | None = None
    days_before: int | None = None
    at_local: str | None = None
    weekdays: str | None = None
    # No foreign key: templates refer to rules already, and tables in a circle cannot be made in order.
    template_id: str | None = None
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")
    wave_id: str | None = Field(default=None, foreign_key="pick_wave.id")


class Timetable(Rule, table=True):
    """A special timetable: on its days its templates replace the normal ones, for its zone or node."""

    name: str
    rrule: str
    valid_from: date
    valid_until: date | None = None
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")


class SlotTemplate(Rule, table=True):
    """A window that recurs by an RFC 5545 rule over local days; wall times 'HH:MM'.

    One with a timetable runs only on the days of that timetable.
    """

    __tablename__ = "slot_template"

    name: str
    rrule: str
    starts_local: str
    ends_local: str
    cutoff_rule_id: str = Field(foreign_key="cutoff_rule.id")
    timetable_id: str | None = Field(default=None, foreign_key="timetable.id")
    valid_from: date
    valid_until: date | None = None


class SlotException(Rule, table=True):
    """A day on which a template does not run, or with both times given runs at other local hours."""

    __tablename__ = "slot_exception"

    template_id: str = Field(foreign_key="slot_template.id")
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    day: date
    starts_local: str | None = None
    ends_local: str | None = None


class HolidayRule(Rule, table=True):
    """That a zone or a node rests on the public holidays of a country and region; without scope, all do."""

    __tablename__ = "holiday_rule"

    country_code: str
    region: str | None = None
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")


class LeadTime(Rule, table=True):
    """The least minutes between an order and the start of its window."""

    __tablename__ = "lead_time"

    least_min: int
    template_id: str | None = Field(default=None, foreign_key="slot_template.id")
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")


class BookingHorizon(Rule, table=True):
    """How many days ahead, today included, a storefront's customers of one group may choose."""

    __tablename__ = "booking_horizon"
    __table_args__ = (sa.Index("horizon_of_group", "storefront_id", "customer_group"),)

    storefront_id: str = Field(foreign_key="storefront.id")
    customer_group: str
    days: int


class Blackout(Rule, table=True):
    """A span in which nothing new is sold, for its zone, node and template; what stands stays."""

    __table_args__ = (sa.Index("blackout_span", "ends_at", "starts_at"),)

    starts_at: datetime
    ends_at: datetime
    reason: str
    template_id: str | None = Field(default=None, foreign_key="slot_template.id")
    zone_id: str | None = Field(default=None, foreign_key="service_zone.id")
    node_id: str | None = Field(default=None, foreign_key="fulfilment_node.id")

    @property
    def window(self) -> Window:
        """The closed span."""
        return Window(self.starts_at, self.ends_at)


class DeliverySlot(SQLModel, table=True):
    """A bookable window of one zone on one local day.

    `cutoff_at` is the latest over the nodes that may serve it; `withdrawn_at` is set when the calendar
    no longer has it, and then nobody is offered it; `unopened` when the capacity plan chose not to open any
    part of it in this zone.
    """

    __tablename__ = "delivery_slot"
    __table_args__ = (
        sa.UniqueConstraint("zone_id", "starts_at", "ends_at"),
        sa.Index("delivery_slot_day", "zone_id", "day"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id")
    template_id: str = Field(foreign_key="slot_template.id")
    day: date
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    cutoff_at: datetime
    withdrawn_at: datetime | None = None
    unopened: bool = False

    @property
    def window(self) -> Window:
        """When the drop may happen."""
        return Window(self.starts_at, self.ends_at)

    @property
    def time_window(self) -> ZonedWindow:
        """The window with the offsets of its zone."""
        return ZonedWindow(self.window, self.time_zone)

    @property
    def labels(self) -> tuple[SlotLabel, ...]:
        """What it is wherever one looks from: an evening window, a weekend one."""
        return slot_labels(self.window, self.time_zone)


class SlotCutoff(SQLModel, table=True):
    """What a slot has otherwise from one node: an earlier cut-off, or that it rests and why."""

    __tablename__ = "slot_cutoff"

    slot_id: str = Field(foreign_key="delivery_slot.id", primary_key=True)
    node_id: str = Field(foreign_key="fulfilment_node.id", primary_key=True)
    cutoff_at: datetime
    closed: str | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a rule before and after, as an operator reads it; None where there is nothing."""

    name: str
    before: str | None
    after: str | None


class CalendarChange(SQLModel, table=True):
    """One change of a rule: who, when, why, the values before and after, and what it did to the slots."""

    __tablename__ = "calendar_change"

    id: str = Field(default_factory=new_id, primary_key=True)
    at: datetime
    actor: str
    reason: str
    kind: RuleKind = Field(sa_type=words(RuleKind))
    key: str = Field(index=True)
    before: dict[str, str] | None = Field(default=None, sa_type=sa.JSON)
    after: dict[str, str] | None = Field(default=None, sa_type=sa.JSON)
    opened: int
    closed: int
    moved: int

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields whose values differ, each before and after."""
        before, after = self.before or {}, self.after or {}
        return tuple(
            FieldChange(name, before.get(name), after.get(name))
            for name in dict.fromkeys((*before, *after))
            if before.get(name) != after.get(name)
        )
