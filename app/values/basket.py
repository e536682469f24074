"""The goods of one order, as far as delivery cares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from app.values.load import Load
from app.values.money import Money


class GoodsTrait(StrEnum):
    """What about the goods restricts how they may be carried or handed over."""

    AGE_RESTRICTED = "AGE_RESTRICTED"
    BULKY = "BULKY"
    TWO_PERSON = "TWO_PERSON"
    TAIL_LIFT = "TAIL_LIFT"
    FRAGILE = "FRAGILE"
    HIGH_VALUE = "HIGH_VALUE"


class VehicleSkill(StrEnum):
    """What a vehicle with its crew can do beyond litres and grams."""

    AGE_CHECK = "AGE_CHECK"
    LARGE_ITEMS = "LARGE_ITEMS"
    TWO_PEOPLE = "TWO_PEOPLE"
    TAIL_LIFT = "TAIL_LIFT"


# What goods ask of the vehicle that brings them; other traits are about the handover alone.
NEEDED: Mapping[GoodsTrait, VehicleSkill] = {
    GoodsTrait.AGE_RESTRICTED: VehicleSkill.AGE_CHECK,
    GoodsTrait.BULKY: VehicleSkill.LARGE_ITEMS,
    GoodsTrait.TWO_PERSON: VehicleSkill.TWO_PEOPLE,
    GoodsTrait.TAIL_LIFT: VehicleSkill.TAIL_LIFT,
}
# Goods that fit no box.
LARGE = frozenset({GoodsTrait.BULKY, GoodsTrait.TWO_PERSON, GoodsTrait.TAIL_LIFT})


@cache
def needs_of(traits: frozenset[GoodsTrait]) -> frozenset[VehicleSkill]:
    """What the vehicle of goods with these traits must be able to do."""
    return frozenset(NEEDED[trait] for trait in traits if trait in NEEDED)


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

    @property
    def needs(self) -> frozenset[VehicleSkill]:
        """What a vehicle must be able to do to bring it."""
        return needs_of(self.traits)

    def load(self, work_s: int) -> Load:
        """What one drop of this basket takes from a pool that needs `work_s` seconds for it."""
        return Load(1, work_s, self.volume_ml, self.weight_g, self.chilled_ml, self.frozen_ml)
