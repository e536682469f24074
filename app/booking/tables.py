"""Holds, bookings and the history of the promise, as rows."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.booking.rules import BookingStatus, HoldStatus
from app.database.columns import words
from app.fleet.rules import VehicleKind
from app.values.basket import Basket, GoodsTrait
from app.values.ids import new_id, short_code
from app.values.load import Load
from app.values.money import Money
from app.values.point import Point
from app.values.window import Window


class BookingPolicy(SQLModel, table=True):
    """How long holds last and how far ahead slots are shown, per storefront."""

    __tablename__ = "booking_policy"

    storefront_id: str = Field(foreign_key="storefront.id", primary_key=True)
    hold_min: int = 60
    hold_ceiling_min: int = 120
    horizon_days: int = 14
    # How long after the cut-off a hold taken before it may still be confirmed.
    confirm_grace_min: int = 0


class _Claim(SQLModel):
    """What a hold and the booking that follows it have in common: goods, place, price, emissions."""

    storefront_id: str = Field(foreign_key="storefront.id")
    customer_id: str = Field(foreign_key="customer.id")
    slot_id: str = Field(foreign_key="delivery_slot.id", index=True)
    zone_id: str = Field(foreign_key="service_zone.id")
    pool_id: str = Field(foreign_key="capacity_pool.id", index=True)
    drop_preference_id: str = Field(foreign_key="drop_preference.id")
    # Travel, parking and reloading in this pool; the handover comes on top, scaled by the vehicle.
    reach_work_s: int
    handover_bp: int
    work_s: int
    weight_g: int
    ambient_ml: int
    chilled_ml: int
    frozen_ml: int
    traits: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    basket_minor: int
    address_label: str
    address_line2: str | None = None
    latitude: float
    longitude: float
    currency: str
    fee_minor: int
    # The parts before promotions, as [{kind, label, minor}]; promotions are their redemptions.
    fee_parts: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    grams: int
    factor_id: str
    vehicle_kind: VehicleKind = Field(sa_type=words(VehicleKind))
    # Of the node that serves it, as it was when it was promised: later rules do not move it.
    cutoff_at: datetime
    version: int = 1

    @property
    def load(self) -> Load:
        """What it takes from its pool."""
        volume_ml = self.ambient_ml + self.chilled_ml + self.frozen_ml
        return Load(1, self.work_s, volume_ml, self.weight_g, self.chilled_ml, self.frozen_ml)

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
    def fee(self) -> Money:
        """The locked fee before promotions."""
        return Money(self.fee_minor, self.currency)

    @property
    def point(self) -> Point:
        """Where the drop goes."""
        return Point(self.latitude, self.longitude)


class SlotHold(_Claim, table=True):
    """A temporary claim with a locked price; one active hold per customer and cart."""

    __tablename__ = "slot_hold"
    __table_args__ = (
        sa.Index(
            "hold_one_per_cart",
            "customer_id",
            "cart_reference",
            unique=True,
            postgresql_where=sa.text("status = 'ACTIVE'"),
            sqlite_where=sa.text("status = 'ACTIVE'"),
        ),
        sa.Index(
            "hold_due",
            "pool_id",
            "expires_at",
            postgresql_where=sa.text("status = 'ACTIVE'"),
            sqlite_where=sa.text("status = 'ACTIVE'"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    cart_reference: str = ""
    status: HoldStatus = Field(default=HoldStatus.ACTIVE, sa_type=words(HoldStatus))
    created_at: datetime
    expires_at: datetime


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

    @property
    def code(self) -> str:
        """Short, for people."""
        return short_code(self.id)

    @property
    def window(self) -> Window:
        """The promised window."""
        return Window(self.starts_at, self.ends_at)


class PromiseChange(SQLModel, table=True):
    """One line of the promise's history; `before_*` is null for the promise itself."""

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
