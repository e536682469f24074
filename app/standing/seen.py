"""Standing slots as their owner sees them: with their weeks, holds, bookings and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import MESSAGES, HoldStatus
from app.booking.seen import SeenBooking, SeenHold, seen_bookings, seen_holds
from app.booking.slot_offer import Closure
from app.database.rows import rows, table_of
from app.handover.tables import DropPreference
from app.pricing.rules import Quote
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.standing.rules import OccurrenceState, StandingStatus, state_at, status_on
from app.standing.series import Series
from app.standing.tables import StandingFeeNotice, StandingSlot, StandingSlotOccurrence
from app.values.basket import Basket
from app.values.money import Money
from app.values.window import local_day


@dataclass(frozen=True, slots=True)
class SeenOccurrence:
    """A week with everything that belongs to it; `state` is that of then."""

    row: StandingSlotOccurrence
    series: StandingSlot
    slot: DeliverySlot | None
    hold: SeenHold | None
    booking: SeenBooking | None

    @property
    def state(self) -> OccurrenceState:
        """What became of it."""
        return state_at(
            self.row.state,
            self.hold.status if self.hold else None,
            self.booking.status if self.booking else None,
        )

    @property
    def day(self) -> date:
        """The day of the rule."""
        return self.row.day

    @property
    def closed(self) -> Closure | None:
        """Why it has no window, where that was not the customer's wish."""
        reason = self.row.reason
        return None if reason is None else Closure(reason, MESSAGES[reason])

    @property
    def submit_by(self) -> datetime | None:
        """Until when it must be ordered for, while it waits for that."""
        waits = self.hold is not None and self.hold.status in (HoldStatus.ACTIVE, HoldStatus.CONFLICTED)
        return self.hold.expires_at if self.hold and waits else None

    @property
    def fee_difference(self) -> Money | None:
        """What its last move made of the fee."""
        minor = self.row.difference_minor
        return None if minor is None else Money(minor, self.series.currency)


@dataclass(frozen=True, slots=True)
class SeenStandingSlot:
    """A standing slot with everything that belongs to it; `status` is that of then."""

    row: StandingSlot
    status: StandingStatus
    drop_preference: DropPreference
    occurrences: tuple[SeenOccurrence, ...]
    notices: tuple[StandingFeeNotice, ...]

    @property
    def rule(self) -> str:
        """The RFC 5545 rule."""
        return self.row.rrule

    @property
    def starts_local(self) -> str:
        """The wall time of the start."""
        return self.row.starts_local

    @property
    def ends_local(self) -> str:
        """The wall time of the end."""
        return self.row.ends_local

    @property
    def time_zone(self) -> str:
        """Whose wall clock."""
        return self.row.time_zone

    @property
    def first_day(self) -> date:
        """Its first day."""
        return self.row.first_day

    @property
    def next_day(self) -> date:
        """The day that will be booked ahead next."""
        return self.row.next_day

    @property
    def paused_from(self) -> date | None:
        """The first day of its pause."""
        return self.row.paused_from

    @property
    def paused_until(self) -> date | None:
        """The last day of its pause."""
        return self.row.paused_until

    @property
    def address_label(self) -> str:
        """Where it goes."""
        return self.row.address_label

    @property
    def basket(self) -> Basket:
        """The goods that room is held for."""
        return self.row.basket

    @property
    def fee(self) -> Quote:
        """The fee told last."""
        return self.row.fee


def seen_series(conn: Connection, *, at: datetime, series: Sequence[Series]) -> list[SeenStandingSlot]:
    """The standing slots in their order as of `at`, in a number of statements that does not grow."""
    holds = [hold for one in series for hold in one.holds]
    bookings = [booking for one in series for booking in one.bookings]
    held = {seen.row.id: seen for seen in seen_holds(conn, now=at, holds=holds, at=at)}
    booked = {seen.row.hold_id: seen for seen in seen_bookings(conn, now=at, bookings=bookings, at=at)}
    named = sorted({o.slot_id for one in series for o in one.occurrences if o.slot_id})
    slots = {slot.id: slot for slot in slots_by_id(conn, named)}
    preference = table_of(DropPreference)
    wanted = sa.select(preference).where(preference.c.id.in_([one.row.drop_preference_id for one in series]))
    preferences = {one.id: one for one in rows(conn, DropPreference, wanted)}
    return [
        SeenStandingSlot(
            row=one.row,
            status=status_on(one.row, local_day(at, one.row.time_zone)),
            drop_preference=preferences[one.row.drop_preference_id],
            occurrences=tuple(
                SeenOccurrence(
                    row=occurrence,
                    series=one.row,
                    slot=slots.get(occurrence.slot_id or ""),
                    hold=held.get(occurrence.hold_id or ""),
                    booking=booked.get(occurrence.hold_id or ""),
                )
                for occurrence in one.occurrences
            ),
            notices=one.notices,
        )
        for one in series
    ]
