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
    customer_group: str | None = None


def is_group(text: str) -> bool:
    """Whether this can be the name of a group of customers."""
    return 1 <= len(text) <= 60 and text.isprintable()
