"""What a prepaid delivery pass covers of a fee."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.pricing.rules import FeePart, FeePartKind, Quote
from app.slots.rules import SlotLabel, slot_labels
from app.values.window import Window

_PEAK = {SlotLabel.EVENING, SlotLabel.WEEKEND}
_MOST_LETTERS = 60
_MOST_DELIVERIES = 10_000


class PassWindows(StrEnum):
    """For which windows a pass is good: all, or those neither in the evening nor at the weekend."""

    ALL = "ALL"
    OFF_PEAK = "OFF_PEAK"


@dataclass(frozen=True, slots=True)
class PassTerms:
    """What was agreed: deliveries that begin within the validity, up to so much of each fee.

    Amounts are minor units of `currency`; `max_deliveries` None is without limit.
    """

    label: str
    valid_from: datetime
    valid_until: datetime
    currency: str
    covers_minor: int
    min_basket_minor: int = 0
    windows: PassWindows = PassWindows.ALL
    max_deliveries: int | None = None

    def covers(self, *, window: Window, zone: str, basket_minor: int) -> bool:
        """Whether it is good for this delivery; its number of deliveries is not looked at."""
        if not self.valid_from <= window.start < self.valid_until:
            return False
        if basket_minor < self.min_basket_minor:
            return False
        return self.windows is PassWindows.ALL or not _PEAK.intersection(slot_labels(window, zone))


@dataclass(frozen=True, slots=True)
class UsablePass:
    """A customer's pass that may cover one more delivery."""

    id: str
    terms: PassTerms


def best_pass(
    passes: Iterable[UsablePass], quote: Quote, *, window: Window, zone: str, basket_minor: int
) -> UsablePass | None:
    """The pass that takes most off the fee, the one that ends first among equals; None where none does."""
    good = [
        one
        for one in passes
        if one.terms.currency == quote.currency
        and one.terms.covers(window=window, zone=zone, basket_minor=basket_minor)
        and covered_minor(one.terms, quote) > 0
    ]
    key = min(
        ((-covered_minor(one.terms, quote), one.terms.valid_until, one.id) for one in good), default=None
    )
    return None if key is None else next(one for one in good if one.id == key[2])


def covered_minor(terms: PassTerms, quote: Quote) -> int:
    """What the pass takes off a fee, never more than the fee."""
    return max(0, min(terms.covers_minor, quote.total.minor))


def with_pass(quote: Quote, terms: PassTerms) -> Quote:
    """The fee with the part that the pass pays."""
    part = FeePart(FeePartKind.PASS, terms.label, -covered_minor(terms, quote), quote.currency)
    return Quote(quote.currency, (*quote.parts, part))


def pass_mistake(terms: PassTerms) -> str | None:
    """What is wrong with the terms, in words, or None."""
    if not 1 <= len(terms.label) <= _MOST_LETTERS or not terms.label.isprintable():
        return f"its label has 1 to {_MOST_LETTERS} printable characters"
    if terms.valid_until <= terms.valid_from:
        return "it must end after it begins"
    if terms.covers_minor <= 0 or terms.min_basket_minor < 0:
        return "it covers more than nothing, and the least basket is not below nothing"
    if terms.max_deliveries is not None and not 1 <= terms.max_deliveries <= _MOST_DELIVERIES:
        return f"it is for 1 to {_MOST_DELIVERIES} deliveries, or without limit"
    return None
