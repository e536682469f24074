"""What a message may say: one frozen dataclass per purpose, each field with a sample."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class PartFact:
    """A line of the fee."""

    label: str
    amount: str


@dataclass(frozen=True, slots=True)
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
        )

    def as_context(self) -> dict[str, Any]:
        """The fields by name, for a template."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
