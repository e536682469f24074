"""What messages about standing slots may say; texts are in the customer's language already."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class StandingFacts:
    """What every message about one week says: whom it is for, and the window it is about."""

    customer_name: str
    storefront_name: str
    day: str
    window: str
    place: str

    def as_context(self) -> dict[str, Any]:
        """The fields by name, for a template."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


_SAMPLE = {
    "customer_name": "Ana <Lima>",
    "storefront_name": "Mercearia do Bairro",
    "day": "Fri 27 November",
    "window": "19:00-20:00",
    "place": "Rua das Flores 12, Porto",
}


@dataclass(frozen=True, slots=True)
class StandingReminderFacts(StandingFacts):
    """What the reminder to order may say."""

    fee: str
    submit_by: str
    hold_url: str

    @classmethod
    def sample(cls) -> StandingReminderFacts:
        """A week that was not ordered for yet."""
        return cls(
            **_SAMPLE,
            fee="€4.50",
            submit_by="Thu 26 November, 17:00",
            hold_url="https://shop.example/holds/token",
        )


@dataclass(frozen=True, slots=True)
class StandingReleasedFacts(StandingFacts):
    """What the word of a released week may say."""

    submit_by: str
    next_day: str

    @classmethod
    def sample(cls) -> StandingReleasedFacts:
        """A week that nobody ordered for."""
        return cls(**_SAMPLE, submit_by="Thu 26 November, 17:00", next_day="Fri 4 December")


@dataclass(frozen=True, slots=True)
class StandingMissedFacts(StandingFacts):
    """What the word of a week without a window may say: why, and the nearest windows instead."""

    reason: str
    alternatives: tuple[str, ...]

    @classmethod
    def sample(cls) -> StandingMissedFacts:
        """A week whose window was full."""
        others = ("Thu 26 November, 20:00-21:00", "Sat 28 November, 10:00-12:00")
        return cls(**_SAMPLE, reason="Full", alternatives=others)


@dataclass(frozen=True, slots=True)
class StandingClosedFacts(StandingFacts):
    """What the word of a week that is skipped because its window is closed may say."""

    next_day: str

    @classmethod
    def sample(cls) -> StandingClosedFacts:
        """A public holiday."""
        return cls(**_SAMPLE, next_day="Fri 4 December")


@dataclass(frozen=True, slots=True)
class StandingPriceFacts(StandingFacts):
    """What the notice of another fee may say; `day` is the first that it is for."""

    before: str
    after: str

    @classmethod
    def sample(cls) -> StandingPriceFacts:
        """A new price table."""
        return cls(**_SAMPLE, before="€4.50", after="€4.90")
