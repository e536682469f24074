"""The calendar, as rows: templates and cut-offs in local time, slots as instants."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.slots.rules import CutoffKind, SlotLabel, slot_labels
from app.values.ids import new_id
from app.values.window import Window, ZonedWindow


class CutoffRule(SQLModel, table=True):
    """The latest moment to order: `elapsed_min` before the start, or `days_before` at `at_local`."""

    __tablename__ = "cutoff_rule"

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    kind: CutoffKind = Field(sa_type=words(CutoffKind))
    elapsed_min: int | None = None
    days_before: int | None = None
    at_local: str | None = None


class SlotTemplate(SQLModel, table=True):
    """A window that recurs by an RFC 5545 rule over local days; wall times 'HH:MM'."""

    __tablename__ = "slot_template"

    id: str = Field(default_factory=new_id, primary_key=True)
    key: str = Field(unique=True)
    name: str
    rrule: str
    starts_local: str
    ends_local: str
    cutoff_rule_id: str = Field(foreign_key="cutoff_rule.id")
    valid_from: date
    valid_until: date | None = None


class DeliverySlot(SQLModel, table=True):
    """A bookable window of one zone on one local day."""

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
