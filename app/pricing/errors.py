"""What pricing refuses."""

from app.errors import Refusal


class NoPriceTable(Refusal):
    """This storefront has no price table that is valid now; load one first."""
