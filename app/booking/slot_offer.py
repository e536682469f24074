"""An offer of a slot as one shopper sees it, and how those of a day compare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from app.booking.openings import Opening
from app.booking.rules import SlotClosedReason
from app.capacity.rules import Reach
from app.fleet.rules import Emissions
from app.handover.rules import HandoverOption
from app.pricing.rules import Quote
from app.slots.rules import SlotLabel
from app.slots.tables import DeliverySlot


@dataclass(frozen=True, slots=True)
class Closure:
    """Why a window is closed, in a word and a sentence, and what would open it.

    `by_tours`: pools have room, but no tour can come by the address in time.
    """

    reason: SlotClosedReason
    message: str
    opens_with: tuple[Opening, ...] = ()
    by_tours: bool = False


@dataclass(frozen=True, slots=True)
class SlotOffer:
    """A slot as one shopper sees it now: never stored.

    `closed` is None while available; `quote`, `emissions` and `vehicle_kind` are None while closed.
    """

    slot: DeliverySlot
    available: bool
    held_by_customer: bool
    closed: Closure | None
    quote: Quote | None
    emissions: Emissions | None
    vehicle_kind: str | None
    handover_options: tuple[HandoverOption, ...]
    labels: tuple[SlotLabel, ...]

    @property
    def can_wait(self) -> bool:
        """Whether waiting for it makes sense: it is full, and not held by the customer already."""
        full = self.closed is not None and self.closed.reason is SlotClosedReason.FULL
        return full and not self.held_by_customer


def compared(offers: Sequence[SlotOffer]) -> list[SlotOffer]:
    """The offers with the cheapest and the greenest of each day labelled."""
    by_day: dict[object, list[SlotOffer]] = defaultdict(list)
    for one in offers:
        by_day[one.slot.day].append(one)
    best = {day: _best(same) for day, same in by_day.items()}
    return [_compared(one, *best[one.slot.day]) for one in offers]


def _best(day: Sequence[SlotOffer]) -> tuple[int | None, int | None]:
    """The least fee and the least grams of a day, each None where all are alike."""
    fees = {one.quote.total.minor for one in day if one.quote}
    grams = {one.emissions.grams for one in day if one.emissions}
    return min(fees) if len(fees) > 1 else None, min(grams) if len(grams) > 1 else None


def _compared(one: SlotOffer, least_minor: int | None, least_grams: int | None) -> SlotOffer:
    if one.quote is None or one.emissions is None:
        return one
    labels = list(one.labels)
    if one.quote.total.minor == least_minor:
        labels.append(SlotLabel.CHEAPEST)
    if one.emissions.grams == least_grams:
        labels.append(SlotLabel.GREENEST)
    return replace(one, labels=tuple(labels))


def kept_until(slot: DeliverySlot, reaches: Sequence[Reach]) -> str | None:
    """When the first of what is kept for others in these pools is open to all, on the slot's wall clock."""
    instant = open_to_all(reaches)
    return instant.astimezone(ZoneInfo(slot.time_zone)).isoformat() if instant else None


def open_to_all(reaches: Sequence[Reach]) -> datetime | None:
    """When the first of what is kept for others in these pools is open to all."""
    return min((r.kept_until for r in reaches if r.kept_until and r.kept_orders > 0), default=None)
