"""Who asks: every verb that reads or changes something of a storefront is given one."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an API key may do: a storefront sells its own slots, an operator runs the house."""

    STOREFRONT = "STOREFRONT"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller: the storefront it speaks for, its role, and the name that histories show."""

    storefront_id: str
    role: Role
    name: str

    @property
    def is_operator(self) -> bool:
        """Whether the caller runs the house rather than one shop."""
        return self.role is Role.OPERATOR
