"""What a message may say: one frozen dataclass per purpose, each field with a sample."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol

from app.engagement.standing_facts import (
    StandingClosedFacts,
    StandingMissedFacts,
    StandingPriceFacts,
    StandingReleasedFacts,
    StandingReminderFacts,
)


@dataclass(frozen=True, slots=True)
class PartFact:
    """A line of the fee."""

    label: str
    amount: str


@dataclass(frozen=True)
class BookingConfirmedFacts:
    """What the confirmation of a booking may say; texts are in the customer's language already."""

    customer_name: str
    storefront_name: str
    booking_code: str
    order_reference: str
    day: str
    window: str
    place: str
    handover: str
    fee: str
    fee_parts: tuple[PartFact, ...]
    grams: int
    vehicle: str
    change_until: str
    booking_url: str
    bookings_url: str

    @classmethod
    def sample(cls) -> BookingConfirmedFacts:
        """A delivery that never was, for previews and tests."""
        return cls(
            customer_name="Ana <Lima>",
            storefront_name="Mercearia do Bairro",
            booking_code="7K2M-9QXT",
            order_reference="order-1042",
            day="Wed 25 November",
            window="18:00-20:00",
            place="Rua das Flores 12, Porto",
            handover="In person at the door",
            fee="€3.40",
            fee_parts=(PartFact("Delivery", "€2.90"), PartFact("Evening", "€0.50")),
            grams=12,
            vehicle="cargo bike",
            change_until="Wed 25 November, 15:30",
            booking_url="https://shop.example/bookings/token",
            bookings_url="https://shop.example/my/token",
        )

    def as_context(self) -> dict[str, Any]:
        """The fields by name, for a template."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class BookingMovedFacts(BookingConfirmedFacts):
    """What the message about a moved booking may say: the booking as it is, and its window before."""

    before_day: str
    before_window: str

    @classmethod
    def sample(cls) -> BookingMovedFacts:
        """A delivery that was moved by a day."""
        booked = BookingConfirmedFacts.sample().as_context()
        return cls(**booked, before_day="Tue 24 November", before_window="19:00-20:00")


@dataclass(frozen=True)
class RepromiseFacts(BookingConfirmedFacts):
    """What the message about a promise that cannot be kept may say: what to choose from, and by when."""

    choices: tuple[str, ...]
    answer_by: str
    choose_url: str

    @classmethod
    def sample(cls) -> RepromiseFacts:
        """A delivery whose van broke down."""
        return cls(
            **BookingConfirmedFacts.sample().as_context(),
            choices=("Wed 25 November, 20:00-21:00", "Thu 26 November, 18:00-19:00"),
            answer_by="Wed 25 November, 18:30",
            choose_url="https://shop.example/bookings/token/choose",
        )


@dataclass(frozen=True)
class BookingCancelledFacts(BookingConfirmedFacts):
    """What the message about a cancelled booking may say; `owed` is whether anything is still to be paid."""

    owed: bool

    @classmethod
    def sample(cls) -> BookingCancelledFacts:
        """A delivery that was cancelled late."""
        return cls(**BookingConfirmedFacts.sample().as_context(), owed=True)


@dataclass(frozen=True, slots=True)
class WaitlistOfferedFacts:
    """What the offer to a customer who waits may say."""

    customer_name: str
    storefront_name: str
    day: str
    window: str
    place: str
    fee: str
    grams: int
    offer_until: str
    offer_url: str

    @classmethod
    def sample(cls) -> WaitlistOfferedFacts:
        """An offer that never was."""
        return cls(
            customer_name="Ana <Lima>",
            storefront_name="Mercearia do Bairro",
            day="Wed 25 November",
            window="18:00-20:00",
            place="Rua das Flores 12, Porto",
            fee="€3.40",
            grams=12,
            offer_until="14:30",
            offer_url="https://shop.example/holds/token",
        )

    def as_context(self) -> dict[str, Any]:
        """The fields by name, for a template."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Facts(Protocol):
    """What every message can be asked for: its fields, and a sample of them."""

    @classmethod
    def sample(cls) -> Facts:
        """For previews and tests."""

    def as_context(self) -> dict[str, Any]:
        """The fields by name, for a template."""


# The facts of each message, by the name of its folder of templates.
FACTS: dict[str, type[Facts]] = {
    "booking_confirmed": BookingConfirmedFacts,
    "booking_moved": BookingMovedFacts,
    "booking_cancelled": BookingCancelledFacts,
    "booking_narrowed": BookingConfirmedFacts,
    "booking_placed": BookingConfirmedFacts,
    "repromise": RepromiseFacts,
    "waitlist_offered": WaitlistOfferedFacts,
    "standing_reminder": StandingReminderFacts,
    "standing_released": StandingReleasedFacts,
    "standing_missed": StandingMissedFacts,
    "standing_closed": StandingClosedFacts,
    "standing_price": StandingPriceFacts,
}
