"""What a basket asks of a vehicle: the capacity vector."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import add, attrgetter, le, sub


@dataclass(frozen=True, slots=True)
class Load:
    """One amount per capacity dimension: drops, seconds of work, millilitres and grams.

    `volume_ml` is the whole volume; the chilled and frozen parts of it are counted again on their own.
    """

    orders: int = 0
    work_s: int = 0
    volume_ml: int = 0
    weight_g: int = 0
    chilled_ml: int = 0
    frozen_ml: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(*map(add, _amounts(self), _amounts(other)))

    def __sub__(self, other: Load) -> Load:
        return Load(*map(sub, _amounts(self), _amounts(other)))

    def __neg__(self) -> Load:
        return Load() - self

    def fits(self, room: Load) -> bool:
        """Whether no dimension exceeds the room."""
        return all(map(le, _amounts(self), _amounts(room)))


DIMENSIONS = tuple(field.name for field in fields(Load))
_amounts = attrgetter(*DIMENSIONS)
