"""What a basket asks of a vehicle: the capacity vector."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields


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
        return Load(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Load) -> Load:
        return Load(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __neg__(self) -> Load:
        return Load() - self

    def fits(self, room: Load) -> bool:
        """Whether no dimension exceeds the room."""
        return all(a <= b for a, b in zip(astuple(self), astuple(room), strict=True))


DIMENSIONS = tuple(field.name for field in fields(Load))
