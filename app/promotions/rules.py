"""Who may have a promotion, and what it takes off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.slots.rules import SlotLabel, slot_labels
from app.values.money import Money, share_bp
from app.values.window import Window


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


class PromotionFacts(Protocol):
    """What of a promotion decides who may have it and what it takes off."""

    kind: DiscountKind
    amount_minor: int
    percent_bp: int
    starts_at: datetime
    ends_at: datetime
    zone_ids: list[Any] | None
    evening_only: bool


@dataclass(frozen=True, slots=True)
class AppliedPromotion:
    """A promotion on a hold or booking, as the customer sees it."""

    code: str
    label: str
    discount: Money
    status: RedemptionState
    labels: Mapping[str, str] = field(default_factory=dict)

    def label_in(self, language: str) -> str:
        """What it is called in a language ('pt'); as it is called at all where that was not written."""
        return self.labels.get(language, self.label)


class Ineligible(StrEnum):
    """Why a promotion does not apply here."""

    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"
    OTHER_ZONE = "OTHER_ZONE"
    EVENING_ONLY = "EVENING_ONLY"


def ineligible(
    promotion: PromotionFacts, *, now: datetime, zone_id: str, window: Window, zone: str
) -> Ineligible | None:
    """Why the promotion does not apply to this drop now, or None; the dates are half-open."""
    if now < promotion.starts_at:
        return Ineligible.NOT_STARTED
    if now >= promotion.ends_at:
        return Ineligible.ENDED
    if promotion.zone_ids is not None and zone_id not in promotion.zone_ids:
        return Ineligible.OTHER_ZONE
    if promotion.evening_only and SlotLabel.EVENING not in slot_labels(window, zone):
        return Ineligible.EVENING_ONLY
    return None


def discount_minor(promotion: PromotionFacts, fee_minor: int) -> int:
    """What the promotion takes off a fee, in minor units: never more than the fee."""
    match promotion.kind:
        case DiscountKind.AMOUNT:
            wanted = promotion.amount_minor
        case DiscountKind.PERCENT:
            wanted = share_bp(fee_minor, promotion.percent_bp)
        case DiscountKind.FREE_DELIVERY:
            wanted = fee_minor
    return max(0, min(wanted, fee_minor))


@dataclass(frozen=True, slots=True)
class CountedUse:
    """A use of a promotion that counts, and what it takes off in minor units."""

    redemption_id: str
    discount_minor: int
    promotion: PromotionFacts


def kept_minor(use: CountedUse, *, zone_id: str, window: Window, zone: str, fee_minor: int) -> int:
    """What is left of a discount when its delivery moves to another window and fee; 0 where it is lost.

    It was given within the promotion's dates, so only window and fee are looked at; it never grows.
    """
    began = use.promotion.starts_at
    if ineligible(use.promotion, now=began, zone_id=zone_id, window=window, zone=zone):
        return 0
    return min(use.discount_minor, discount_minor(use.promotion, fee_minor))
