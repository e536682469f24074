"""Promotions on holds and bookings."""

import strawberry

from app.promotions.rules import AppliedPromotion as AppliedPromotionValue
from schema.onto import onto
from schema.values import Money
from schema.words import RedemptionState


@onto(AppliedPromotionValue, description="A promotion on a hold or booking.")
class AppliedPromotion:
    """A use."""

    code: str = strawberry.field(description="The code that was given.")
    label: str = strawberry.field(description="For people.")
    discount: Money = strawberry.field(description="What it takes off.")
    status: RedemptionState = strawberry.field(description="Where the use stands.")
