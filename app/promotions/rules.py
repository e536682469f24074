"""Who may have a promotion, and what it takes off."""

from enum import StrEnum


class DiscountKind(StrEnum):
    """How a discount is counted."""

    AMOUNT = "AMOUNT"
    PERCENT = "PERCENT"
    FREE_DELIVERY = "FREE_DELIVERY"


class RedemptionState(StrEnum):
    """A use of a promotion: claimed with a hold, spent with a booking, or given back."""

    RESERVED = "RESERVED"
    REDEEMED = "REDEEMED"
    RETURNED = "RETURNED"
