"""Holds, bookings and the history of the promise, as rows."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.booking.rules import (
    BookingStatus,
    HoldOrigin,
    HoldStatus,
    HoldTimes,
    LateCancellation,
    RepromiseState,
    SlotClosedReason,
    WaitlistStatus,
)
from app.database.columns import words
from app.fleet.rules import VehicleKind
from app.values.basket import Basket, GoodsTrait
from app.values.ids import new_id, short_code
from app.values.load import Load
from app.values.money import Money
from app.values.point import Point
from app.values.window import Window


class BookingPolicy(SQLModel, table=True):
    """What a storefront promises and allows: times in minutes, amounts in its currency's minor units."""

    __tablename__ = "booking_policy"

    storefront_id: str = Field(foreign_key="storefront.id", primary_key=True)
    hold_min: int = 60
    hold_ceiling_min: int = 120
    horizon_days: int = 14
    # A checkout begun late still has this long to pay, and a payment may arrive this late.
    checkout_min: int = 10
    late_min: int = 120
    # How long after the cut-off what was held before it may still be confirmed.
    grace_min: int = 0
    # How often a customer may move a booking, and what cancelling after the cut-off leads to.
    move_limit: int = 3
    late_cancellation: LateCancellation = Field(
        default=LateCancellation.REFUSED, sa_type=words(LateCancellation)
    )
    late_cancellation_minor: int = 0
    # How long a waitlist offer lasts, and the least time it must leave to be worth making.
    offer_min: int = 30
    offer_least_min: int = 10
    # How long before the cut-off a standing slot must be ordered for, and how long before that its
    # customer is reminded.
    standing_submit_min: int = 1_440
    standing_remind_min: int = 1_440

    @property
    def times(self) -> HoldTimes:
        """How long holds last."""
        return HoldTimes(self.hold_min, self.hold_ceiling_min, self.checkout_min, self.late_min)


class Wish(SQLModel):
    """Which goods go where and to whom: what holds, bookings, waitlist entries and standing slots share."""

    storefront_id: str = Field(foreign_key="storefront.id")
    customer_id: str = Field(foreign_key="customer.id")
    zone_id: str = Field(foreign_key="service_zone.id")
    drop_preference_id: str = Field(foreign_key="drop_preference.id")
    weight_g: int
    ambient_ml: int
    chilled_ml: int
    frozen_ml: int
    traits: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    basket_minor: int
    currency: str
    address_label: str
    address_line2: str | None = None
    latitude: float
    longitude: float

    @property
    def basket(self) -> Basket:
        """The goods."""
        return Basket(
            value=Money(self.basket_minor, self.currency),
            weight_g=self.weight_g,
            ambient_ml=self.ambient_ml,
            chilled_ml=self.chilled_ml,
            frozen_ml=self.frozen_ml,
            traits=frozenset(GoodsTrait(trait) for trait in self.traits),
        )

    @property
    def point(self) -> Point:
        """Where the drop goes."""
        return Point(self.latitude, self.longitude)


class _Claim(Wish):
    """What a hold and the booking that follows it take: capacity in one pool, at a price."""

    slot_id: str = Field(foreign_key="delivery_slot.id", index=True)
    pool_id: str = Field(foreign_key="capacity_pool.id", index=True)
    # Travel, parking and reloading in this pool; the handover comes on top, scaled by the vehicle.
    reach_work_s: int
    handover_bp: int
    work_s: int
    fee_minor: int
    # The parts before promotions, as [{kind, label, minor}]; promotions are their redemptions.
    fee_parts: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    grams: int
    factor_id: str
    vehicle_kind: VehicleKind = Field(sa_type=words(VehicleKind))
    # Of the node that serves it, as it was when it was promised: later rules do not move it.
    cutoff_at: datetime
    # The lockers that the customer accepts beside the door, by id, until it is decided where it goes.
    lockers: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    # The group that the customer was in when it was taken; what is kept for that group counts it.
    customer_group: str | None = None
    version: int = 1
    # When it came to be as it is: an answer given then is shown again as of then.
    changed_at: datetime

    @property
    def load(self) -> Load:
        """What it takes from its pool."""
        volume_ml = self.ambient_ml + self.chilled_ml + self.frozen_ml
        return Load(1, self.work_s, volume_ml, self.weight_g, self.chilled_ml, self.frozen_ml)

    @property
    def fee(self) -> Money:
        """The locked fee before promotions."""
        return Money(self.fee_minor, self.currency)


_OPEN = "status IN ('ACTIVE', 'CONFLICTED')"


def occupying() -> sa.TextClause:
    """That a hold is OCCUPYING, in the words of the partial indexes.

    SQLite uses such an index only where its condition is in the statement itself: with parameters it would
    read every hold there ever was.
    """
    return sa.text(f"slot_hold.{_OPEN}")


class SlotHold(_Claim, table=True):
    """A temporary claim with a locked price; one open hold per customer and cart.

    While `conflict` says why the goods in `wanted` do not fit, the hold keeps what it had taken before.
    """

    __tablename__ = "slot_hold"
    __table_args__ = (
        sa.Index(
            "hold_one_per_cart",
            "customer_id",
            "cart_reference",
            unique=True,
            postgresql_where=sa.text(_OPEN),
            sqlite_where=sa.text(_OPEN),
        ),
        sa.Index(
            "hold_due",
            "pool_id",
            "expires_at",
            postgresql_where=sa.text(_OPEN),
            sqlite_where=sa.text(_OPEN),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    cart_reference: str = ""
    status: HoldStatus = Field(default=HoldStatus.ACTIVE, sa_type=words(HoldStatus))
    origin: HoldOrigin = Field(default=HoldOrigin.SHOPPER, sa_type=words(HoldOrigin))
    created_at: datetime
    expires_at: datetime
    checkout_at: datetime | None = None
    conflict: SlotClosedReason | None = Field(default=None, sa_type=words(SlotClosedReason))
    wanted: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON(none_as_null=True))


class DeliveryBooking(_Claim, table=True):
    """The final claim: a promise of a window."""

    __tablename__ = "delivery_booking"
    __table_args__ = (
        sa.UniqueConstraint("storefront_id", "order_reference"),
        sa.Index("booking_of_customer", "customer_id", "created_at"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    hold_id: str = Field(foreign_key="slot_hold.id", unique=True)
    order_reference: str
    status: BookingStatus = Field(default=BookingStatus.CONFIRMED, sa_type=words(BookingStatus))
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    # How often the customer has moved it.
    moves: int = 0
    # A partner courier brings it: it takes nothing of its pool.
    partner_courier: bool = False
    # It was cancelled after its goods may have been picked: they go back into stock.
    restock: bool = False

    @property
    def load(self) -> Load:
        """What it takes from its pool: nothing while a partner courier brings it."""
        return Load() if self.partner_courier else super().load

    @property
    def code(self) -> str:
        """Short, for people."""
        return short_code(self.id)

    @property
    def window(self) -> Window:
        """The promised window."""
        return Window(self.starts_at, self.ends_at)


class PaymentRelease(SQLModel, table=True):
    """That an order which was or may be paid got no window: its payment is voided or refunded, once.

    One for a hold and an order, and final: from then on that hold is never booked for that order. `id` is
    made of both, so that it is the same however often and by whom it is told.
    """

    __tablename__ = "payment_release"
    __table_args__ = (sa.UniqueConstraint("hold_id", "order_reference", name="release_once"),)

    id: str = Field(primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id", index=True)
    hold_id: str = Field(foreign_key="slot_hold.id")
    order_reference: str
    reason: str
    fee_minor: int
    currency: str
    created_at: datetime

    @property
    def fee(self) -> Money:
        """What of the payment was for the delivery."""
        return Money(self.fee_minor, self.currency)


class RepromiseProposal(SQLModel, table=True):
    """Other windows proposed to a booking whose pool was made too small; it keeps its promise meanwhile.

    It was made too small by an operator's override, by a disruption, or by both.
    `alternatives` are ids of slots, the nearest first. A stored OPEN proposal whose booking has left
    the pool is settled: that is a comparison.
    """

    __tablename__ = "repromise_proposal"
    __table_args__ = (
        sa.Index(
            "proposal_one_open",
            "booking_id",
            unique=True,
            postgresql_where=sa.text("state = 'OPEN'"),
            sqlite_where=sa.text("state = 'OPEN'"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    storefront_id: str = Field(foreign_key="storefront.id", index=True)
    booking_id: str = Field(foreign_key="delivery_booking.id", index=True)
    pool_id: str = Field(foreign_key="capacity_pool.id", index=True)
    override_id: str | None = Field(default=None, foreign_key="capacity_override.id", index=True)
    disruption_id: str | None = Field(default=None, index=True)
    # Until when it may be answered, where a partner courier keeps the promise otherwise.
    answer_by: datetime | None = None
    state: RepromiseState = Field(default=RepromiseState.OPEN, sa_type=words(RepromiseState))
    reason: str
    actor: str
    alternatives: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    created_at: datetime


class PromiseChange(SQLModel, table=True):
    """One line of the promise's history; `before_*` is null for the promise itself.

    The fees are totals after promotions.
    """

    __tablename__ = "promise_change"

    id: str = Field(default_factory=new_id, primary_key=True)
    booking_id: str = Field(foreign_key="delivery_booking.id", index=True)
    at: datetime
    actor: str
    reason: str
    before_starts_at: datetime | None = None
    before_ends_at: datetime | None = None
    after_starts_at: datetime | None = None
    after_ends_at: datetime | None = None
    before_fee_minor: int | None = None
    after_fee_minor: int | None = None
    currency: str | None = None

    @property
    def fee_difference(self) -> Money | None:
        """What the change made the customer owe more; None where the fee was not touched."""
        if self.currency is None or self.before_fee_minor is None or self.after_fee_minor is None:
            return None
        return Money(self.after_fee_minor - self.before_fee_minor, self.currency)


class FlexibleChoice(SQLModel, table=True):
    """A window that the customer of a flexible hold, and of its booking, accepts."""

    __tablename__ = "flexible_choice"

    hold_id: str = Field(foreign_key="slot_hold.id", primary_key=True)
    slot_id: str = Field(foreign_key="delivery_slot.id", primary_key=True)
    place: int


class FlexibleSlotBooking(SQLModel, table=True):
    """That a booking is for one of several windows, and until when it is decided which.

    Until then the booking's `starts_at` and `ends_at` are those of all of them together, and its slot is
    the one planned as of now.
    """

    __tablename__ = "flexible_slot_booking"

    booking_id: str = Field(foreign_key="delivery_booking.id", primary_key=True)
    narrow_by: datetime
    narrowed_at: datetime | None = None


class CompartmentClaim(SQLModel, table=True):
    """The compartment that a hold, and then its booking, keeps in a locker that its customer accepts.

    From the begin of its window until the hours after it are over, or until it was `emptied_at`. That of a
    hold or booking which has ended keeps nothing, whoever has noticed: that is a comparison.
    """

    __tablename__ = "compartment_claim"
    __table_args__ = (sa.Index("claim_of_locker", "locker_id", "ends_at"),)

    hold_id: str = Field(foreign_key="slot_hold.id", primary_key=True)
    locker_id: str = Field(foreign_key="collection_point.id")
    compartment_id: str = Field(foreign_key="locker_compartment.id")
    starts_at: datetime
    ends_at: datetime
    emptied_at: datetime | None = None


class WaitlistEntry(Wish, table=True):
    """A customer who waits for room in one of some windows; `hold_id` is the offer made last.

    Served by `priority`, higher first, then in the order of joining.
    """

    __tablename__ = "waitlist_entry"
    __table_args__ = (sa.Index("waitlist_order", "status", "priority", "joined_at"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    status: WaitlistStatus = Field(default=WaitlistStatus.WAITING, sa_type=words(WaitlistStatus))
    priority: int = 0
    joined_at: datetime
    hold_id: str | None = Field(default=None, foreign_key="slot_hold.id", index=True)


class WaitlistWindow(SQLModel, table=True):
    """A window that an entry would take, the most wanted first."""

    __tablename__ = "waitlist_window"

    entry_id: str = Field(foreign_key="waitlist_entry.id", primary_key=True)
    slot_id: str = Field(foreign_key="delivery_slot.id", primary_key=True, index=True)
    place: int
