"""The ways of selling an evening that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fees(StrEnum):
    """How fees are found."""

    FLAT = "FLAT"
    TABLE = "TABLE"
    CHOICE = "CHOICE"


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides which windows are open, and what they cost.

    `tours`: by exact insertion into tentative tours, else by counting minutes. `improves`: the tours are
    re-optimised every few orders. `flat_minor` is the fee where there is one for all.
    """

    name: str
    tours: bool
    improves: bool
    fees: Fees
    flat_minor: int = 400

    @property
    def bids(self) -> bool:
        """Whether it needs bid prices."""
        return self.fees is not Fees.FLAT


COUNTERS = Policy("counters, 4 EUR", tours=False, improves=False, fees=Fees.FLAT)
POLICIES = (
    COUNTERS,
    Policy("first-come insertion, 4 EUR", tours=True, improves=False, fees=Fees.FLAT),
    Policy("re-optimised, 4 EUR", tours=True, improves=True, fees=Fees.FLAT),
    Policy("re-optimised, 6 EUR", tours=True, improves=True, fees=Fees.FLAT, flat_minor=600),
    Policy("re-optimised, price table with bid prices", tours=True, improves=True, fees=Fees.TABLE),
    Policy("re-optimised, bid prices and choice", tours=True, improves=True, fees=Fees.CHOICE),
)
