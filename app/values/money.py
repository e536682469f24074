"""Money as integer minor units with their currency; the only rounding rule of the house lives here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

PLACES = {"EUR": 2, "GBP": 2, "USD": 2}


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (cents) of one ISO 4217 currency; may be negative."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in PLACES:
            raise ValueError(f"unknown currency {self.currency!r}; known are {', '.join(PLACES)}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")

    @property
    def amount(self) -> Decimal:
        """The amount in major units with the currency's number of places."""
        return Decimal(self.minor).scaleb(-PLACES[self.currency])

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Money:
        """Money from major units; raises ValueError when the amount has more places than the currency."""
        places = PLACES.get(currency)
        if places is None:
            raise ValueError(f"unknown currency {currency!r}; known are {', '.join(PLACES)}")
        minor = amount.scaleb(places)
        if not amount.is_finite() or minor != minor.to_integral_value():
            raise ValueError(f"{amount} has more places than {currency} knows")
        return cls(int(minor), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in a currency."""
        return cls(0, currency)


def round_half_up(minor: Decimal | Fraction | float) -> int:
    """Whole minor units, halves away from zero: the one rounding rule for amounts.

    The solver's amounts arrive as floats; all others are exact.
    """
    return divided(*minor.as_integer_ratio())


def divided(numerator: int, denominator: int) -> int:
    """A quotient in whole units by the same rule, exact and without a detour over decimals."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def share_bp(minor: int, basis_points: int) -> int:
    """A percentage (in basis points, 10000 = all) of an amount in minor units."""
    return divided(minor * basis_points, 10_000)


def to_step(minor: int, step: int) -> int:
    """The amount rounded to the nearest multiple of `step` minor units."""
    return divided(minor, step) * step
