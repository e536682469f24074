"""What pricing refuses."""

from app.errors import Invalid, Refusal


class NoPriceTable(Refusal):
    """This storefront has no price table that is valid now; load one first."""


class InvalidPrices(Invalid):
    """These prices cannot be: {what}."""
