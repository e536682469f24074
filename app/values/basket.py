"""The goods of one order, as far as delivery cares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.values.load import Load
from app.values.money import Money


class GoodsTrait(StrEnum):
    """What about the goods restricts how they may be carried or handed over."""

    AGE_RESTRICTED = "AGE_RESTRICTED"
    BULKY = "BULKY"
    FRAGILE = "FRAGILE"
    HIGH_VALUE = "HIGH_VALUE"


@dataclass(frozen=True, slots=True)
class Basket:
    """Value, weight in grams, volume in millilitres per temperature class, and traits."""

    value: Money
    weight_g: int
    ambient_ml: int
    chilled_ml: int = 0
    frozen_ml: int = 0
    traits: frozenset[GoodsTrait] = frozenset()

    def __post_init__(self) -> None:
        for name in ("weight_g", "ambient_ml", "chilled_ml", "frozen_ml"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.value.minor < 0:
            raise ValueError("the value of a basket must not be negative")

    @property
    def volume_ml(self) -> int:
        """All temperature classes together."""
        return self.ambient_ml + self.chilled_ml + self.frozen_ml

    def load(self, work_s: int) -> Load:
        """What one drop of this basket takes from a pool that needs `work_s` seconds for it."""
        return Load(1, work_s, self.volume_ml, self.weight_g, self.chilled_ml, self.frozen_ml)
