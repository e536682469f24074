"""What a slot costs: base, window, demand, handover; always inside the published band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import product
from typing import Any, Protocol

from app.slots.rules import SlotLabel, slot_labels
from app.values.money import Money, share_bp, to_step
from app.values.window import Window


class FeePartKind(StrEnum):
    """What a part of the fee pays for."""

    BASE = "BASE"
    WINDOW = "WINDOW"
    DEMAND = "DEMAND"
    HANDOVER = "HANDOVER"
    INCENTIVE = "INCENTIVE"
    PASS = "PASS"
    PROMOTION = "PROMOTION"
    CANCELLATION = "CANCELLATION"


class PriceFigure(StrEnum):
    """A figure of the prices that an operator may change."""

    BASE_FEE = "BASE_FEE"
    ONE_HOUR_FEE = "ONE_HOUR_FEE"
    FOUR_HOUR_FEE = "FOUR_HOUR_FEE"
    EVENING_FEE = "EVENING_FEE"
    WEEKEND_FEE = "WEEKEND_FEE"
    FLOOR = "FLOOR"
    CEILING = "CEILING"
    STEP = "STEP"
    USUAL_COST = "USUAL_COST"
    PASS_ON_PERCENT = "PASS_ON_PERCENT"
    LEVEL_PASS_ON_PERCENT = "LEVEL_PASS_ON_PERCENT"
    GREEN_DISCOUNT = "GREEN_DISCOUNT"
    DAILY_INCENTIVE_BUDGET = "DAILY_INCENTIVE_BUDGET"
    INCENTIVE_BUDGET_OF_DAY = "INCENTIVE_BUDGET_OF_DAY"


# Figures that are shares: kept in hundredths of a percent, where the others are amounts.
SHARES = frozenset({PriceFigure.PASS_ON_PERCENT, PriceFigure.LEVEL_PASS_ON_PERCENT})
# What no budget reaches: as much as an integer column holds.
NO_LIMIT = 2_147_483_647
_SHORT = timedelta(hours=1)
_OTHER = timedelta(hours=2)
_LONG = timedelta(hours=4)


class FeeTable(Protocol):
    """A price table; amounts in minor units of `currency`."""

    currency: str
    base_minor: int
    one_hour_minor: int
    four_hour_minor: int
    evening_minor: int
    weekend_minor: int
    usual_cost_minor: int
    pass_on_bp: int
    level_pass_on_bp: int | None
    step_minor: int
    floor_minor: int
    ceiling_minor: int
    green_grams: int
    green_discount_minor: int
    flexible_minor: int
    flexible_most_minor: int


@dataclass(frozen=True, slots=True)
class FeePart:
    """What one part of the fee is for, and how much it is in minor units; a discount is negative."""

    kind: FeePartKind
    label: str
    minor: int
    currency: str

    @property
    def amount(self) -> Money:
        """The part as money."""
        return Money(self.minor, self.currency)

    def stored(self) -> dict[str, object]:
        """The part as it is kept with a hold or booking."""
        return {"kind": self.kind, "label": self.label, "minor": self.minor, "currency": self.currency}


@dataclass(frozen=True, slots=True)
class WindowFee:
    """What a kind of window costs before demand and discounts; `hours` is None for other lengths."""

    hours: int | None
    evening: bool
    weekend: bool
    fee: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """A fee and the parts that add up to it."""

    currency: str
    parts: tuple[FeePart, ...]

    @property
    def total(self) -> Money:
        """The sum of the parts."""
        return Money(sum(part.minor for part in self.parts), self.currency)

    @property
    def incentive_minor(self) -> int:
        """What of it was taken off to steer demand: quiet times, greener choices, being flexible."""
        return -sum(part.minor for part in self.parts if _steers(part))

    def unsteered(self) -> Quote:
        """The same fee without what was taken off: the budget of its day is spent."""
        return Quote(self.currency, tuple(part for part in self.parts if not _steers(part)))


def _steers(part: FeePart) -> bool:
    return part.minor < 0 and part.kind in (FeePartKind.DEMAND, FeePartKind.INCENTIVE)


@dataclass(frozen=True, slots=True)
class IncentivesLeft:
    """What may still be taken off to steer demand, by delivery day: `usual_minor` where nothing is noted.

    None is no limit.
    """

    usual_minor: int | None = None
    days: Mapping[date, int] = field(default_factory=dict)

    def covers(self, day: date, minor: int) -> bool:
        """Whether so much may be taken off for a drop of this day."""
        left = self.days.get(day, self.usual_minor)
        return minor <= 0 or left is None or minor <= left


NOTHING_LEFT = IncentivesLeft(0)
# What the part of a fee is called that is taken off because a drop emits little.
GREENER = "Greener choice"


def quote(
    table: FeeTable,
    *,
    window: Window,
    zone: str,
    marginal_cost_minor: int,
    grams: int,
    handover_minor: int,
    zone_cost_minor: int | None = None,
) -> Quote:
    """The fee of a drop in a window, the same for the same zone, window and load.

    The demand part passes on what the drop costs above the usual, in published steps. It and the
    green discount are cut so that the delivery itself stays within the table's floor and ceiling;
    the handover comes on top. `zone_cost_minor` is what a drop costs on the mean over the zone's day.
    """
    parts = [
        FeePart(FeePartKind.BASE, "Delivery", table.base_minor, table.currency),
        *_window_parts(table, window, zone),
    ]
    fixed = sum(part.minor for part in parts)
    demand = _within(table, fixed, _demand(table, marginal_cost_minor, zone_cost_minor))
    if demand:
        label = "Busy time" if demand > 0 else "Quiet time"
        parts.append(FeePart(FeePartKind.DEMAND, label, demand, table.currency))
    if grams <= table.green_grams and table.green_discount_minor:
        green = _within(table, fixed + demand, -table.green_discount_minor)
        if green < 0:
            parts.append(FeePart(FeePartKind.INCENTIVE, GREENER, green, table.currency))
    if handover_minor:
        parts.append(FeePart(FeePartKind.HANDOVER, "Handover", handover_minor, table.currency))
    return Quote(table.currency, tuple(parts))


def _demand(table: FeeTable, cost_minor: int, zone_cost_minor: int | None) -> int:
    """What a drop's cost adds to its fee: its difference to the zone's day, and that day's to the usual.

    Where customers choose by the logit model, a window that costs more than the others of its day should
    cost all of that more, but when the whole day costs more only `1 / (1 + W(S))` of it, a fifth to a third,
    is well passed on: beyond that more is lost with those who leave (docs/allocation.md, "Fees").
    """
    if zone_cost_minor is None or table.level_pass_on_bp is None:
        passed_on = share_bp(cost_minor - table.usual_cost_minor, table.pass_on_bp)
    else:
        passed_on = share_bp(cost_minor - zone_cost_minor, table.pass_on_bp)
        passed_on += share_bp(zone_cost_minor - table.usual_cost_minor, table.level_pass_on_bp)
    return to_step(passed_on, table.step_minor)


def promised_grams(stored_parts: Sequence[Mapping[str, Any]], grams: int) -> int | None:
    """The most grams that a drop may emit: those it was sold with where they made it cheaper, else any.

    `stored_parts` are those of its fee as `FeePart.stored` tells them.
    """
    greener = any(part["kind"] == FeePartKind.INCENTIVE and part["label"] == GREENER for part in stored_parts)
    return grams if greener else None


def flexible_quote(table: FeeTable, quotes: Sequence[Quote]) -> Quote:
    """The fee of a drop in any of several windows: that of the cheapest, less what being flexible is worth.

    Each window beyond the first takes something off, up to the table's most; the delivery itself stays
    above the table's floor.
    """
    cheapest = min(quotes, key=lambda quote: quote.total.minor)
    delivery = sum(part.minor for part in cheapest.parts if part.kind is not FeePartKind.HANDOVER)
    wanted = min(table.flexible_minor * (len(quotes) - 1), table.flexible_most_minor)
    off = max(0, min(wanted, delivery - table.floor_minor))
    if not off:
        return cheapest
    part = FeePart(FeePartKind.INCENTIVE, "Flexible", -off, table.currency)
    return Quote(table.currency, (*cheapest.parts, part))


def dearer(fee: Money, shown: Money) -> bool:
    """Whether somebody who was shown another fee would pay more by this one; paying less surprises nobody."""
    return fee.currency != shown.currency or fee.minor > shown.minor


def window_fees(table: FeeTable) -> tuple[WindowFee, ...]:
    """The fee of every kind of window by the table alone."""
    return tuple(
        WindowFee(
            hours,
            evening,
            weekend,
            Money(table.base_minor + sum(part.minor for part in parts), table.currency),
        )
        for weekend, evening, (hours, length) in product(
            (False, True), (False, True), ((1, _SHORT), (None, _OTHER), (4, _LONG))
        )
        for parts in [_parts(table, length, evening=evening, weekend=weekend)]
    )


def _window_parts(table: FeeTable, window: Window, zone: str) -> list[FeePart]:
    labels = slot_labels(window, zone)
    return _parts(
        table, window.duration, evening=SlotLabel.EVENING in labels, weekend=SlotLabel.WEEKEND in labels
    )


def _parts(table: FeeTable, length: timedelta, *, evening: bool, weekend: bool) -> list[FeePart]:
    by_length = {
        _SHORT: ("One-hour window", table.one_hour_minor),
        _LONG: ("Four-hour window", table.four_hour_minor),
    }
    found = [by_length[length]] if length in by_length else []
    if evening:
        found.append(("Evening", table.evening_minor))
    if weekend:
        found.append(("Weekend", table.weekend_minor))
    return [FeePart(FeePartKind.WINDOW, label, minor, table.currency) for label, minor in found if minor]


def _within(table: FeeTable, so_far: int, part: int) -> int:
    """The part, cut so that the sum stays within floor and ceiling; never turned round."""
    wanted = min(max(so_far + part, table.floor_minor), table.ceiling_minor) - so_far
    return min(max(wanted, min(part, 0)), max(part, 0))
