"""What is known of a customer, and whether it makes sense."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """A customer as a storefront tells it: its own reference, and what it wants known."""

    reference: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
