"""Standing slots, their occurrences and what their customers were told of prices, as rows."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.booking.rules import SlotClosedReason
from app.booking.tables import Wish
from app.database.columns import words
from app.pricing.rules import FeePart, FeePartKind, Quote
from app.standing.rules import OccurrenceState
from app.values.ids import new_id
from app.values.money import Money

_ALIVE = sa.text("ended_at IS NULL")
_OPEN = sa.text("state IN ('BOOKED_AHEAD', 'MOVED')")


class StandingSlot(Wish, table=True):
    """A window that a customer keeps every week: a rule over local days and wall times 'HH:MM'.

    `next_day` is the first day of the rule of which nothing is decided yet. The fee is the one told last,
    at `fee_told_at`; an occurrence takes what was told before it is booked ahead.
    """

    __tablename__ = "standing_slot"
    __table_args__ = (
        sa.Index(
            "standing_due",
            "storefront_id",
            "time_zone",
            "next_day",
            postgresql_where=_ALIVE,
            sqlite_where=_ALIVE,
        ),
        sa.Index("standing_of_customer", "customer_id", "id"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    rrule: str
    starts_local: str
    ends_local: str
    time_zone: str
    first_day: date
    next_day: date
    paused_from: date | None = None
    paused_until: date | None = None
    created_at: datetime
    ended_at: datetime | None = None
    fee_rule_id: str = Field(foreign_key="fee_rule.id")
    fee_minor: int
    # The parts, as [{kind, label, minor}].
    fee_parts: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    fee_told_at: datetime
    # The lockers that each week may go to as well, by id, the best one first.
    lockers: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    # Of a drop when the series began: they decide whether it has the greener price.
    grams: int

    @property
    def fee(self) -> Quote:
        """The fee told last."""
        parts = (
            FeePart(FeePartKind(part["kind"]), part["label"], part["minor"], self.currency)
            for part in self.fee_parts
        )
        return Quote(self.currency, tuple(parts))


class StandingSlotOccurrence(SQLModel, table=True):
    """One week of a standing slot; `day` is that of the rule, wherever the delivery was moved to.

    `slot_id` is the window it has, or could not have for `reason`; `difference_minor` is what the last
    move made of the fee.
    """

    __tablename__ = "standing_slot_occurrence"
    __table_args__ = (
        sa.UniqueConstraint("standing_id", "day"),
        sa.Index("occurrence_open", "state", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    standing_id: str = Field(foreign_key="standing_slot.id")
    day: date
    state: OccurrenceState = Field(sa_type=words(OccurrenceState))
    slot_id: str | None = Field(default=None, foreign_key="delivery_slot.id")
    hold_id: str | None = Field(default=None, foreign_key="slot_hold.id", index=True)
    reason: SlotClosedReason | None = Field(default=None, sa_type=words(SlotClosedReason))
    difference_minor: int | None = None
    reminded_at: datetime | None = None
    changed_at: datetime


class StandingFeeNotice(SQLModel, table=True):
    """That a customer was told of another fee: it is for what is booked ahead after `told_at`."""

    __tablename__ = "standing_fee_notice"

    id: str = Field(default_factory=new_id, primary_key=True)
    standing_id: str = Field(foreign_key="standing_slot.id", index=True)
    told_at: datetime
    # The first day that was not booked ahead yet.
    from_day: date
    before_minor: int
    after_minor: int
    currency: str

    @property
    def before(self) -> Money:
        """The fee until then."""
        return Money(self.before_minor, self.currency)

    @property
    def after(self) -> Money:
        """The fee from then on."""
        return Money(self.after_minor, self.currency)
