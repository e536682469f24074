"""What a forecast is told and what it says, as frozen values; the prior of a city without a history.

Indices instead of ids keep the history small: a cell names a day, a zone and a window of its history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pydantic import TypeAdapter


class DayKind(StrEnum):
    """The days that are alike in when people want their orders."""

    WORKDAY = "WORKDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


@dataclass(frozen=True, slots=True)
class Prior:
    """What an operator expects of a city before it has a history.

    `zone_orders` are orders of an average day; `weekday_bp` a weekday's demand in basis points of the
    average, Monday first; `windows` the weights of each window by kind of day, in the order of `keys`.
    """

    zones: tuple[str, ...]
    zone_orders: tuple[float, ...]
    weekday_bp: tuple[int, ...]
    keys: tuple[str, ...]
    windows: dict[DayKind, tuple[float, ...]]

    def orders(self, day: date) -> float:
        """Orders of the whole city on a day."""
        return sum(self.zone_orders) * self.weekday_bp[day.weekday()] / 10_000

    def zone_share(self) -> tuple[float, ...]:
        """Each zone's share of a day."""
        return _shares(self.zone_orders)

    def window_share(self, kind: DayKind) -> tuple[float, ...]:
        """Each window's share of a day of this kind."""
        return _shares(self.windows[kind])


@dataclass(frozen=True, slots=True)
class Cell:
    """Orders of a zone in a window of a day; `sold_out` when at the end none more could have been had."""

    day: int
    zone: int
    window: int
    orders: int
    sold_out: bool


@dataclass(frozen=True, slots=True)
class PastDay:
    """A day of the history; one that was not `offered` tells nothing, a holiday little."""

    day: date
    offered: bool
    holiday: bool


@dataclass(frozen=True, slots=True)
class History:
    """All that a forecast of `ahead` is told: the prior, the days observed, and which of them rest."""

    prior: Prior
    past: tuple[PastDay, ...]
    cells: tuple[Cell, ...]
    ahead: tuple[PastDay, ...]


@dataclass(frozen=True, slots=True)
class DayOutlook:
    """Orders of the whole city on a day: the middle, and the interval that four days of five fall into."""

    day: date
    orders: float
    low: float
    high: float
    zones: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """A forecast. `zones` of a day are (orders, low, high) in the order of the prior's zones.

    `model` says what made it, `history_weight` what the history counted beside the prior on the first day
    ahead, `level` how many times the prior's orders the city has, `spread` the standard deviation of a
    day's logarithm, `week_growth` what a week adds to a day, `holiday` what a holiday makes of a day.
    `unseen` are the orders of the last four weeks that found everything sold out, as estimated.
    """

    model: str
    history_days: int
    history_weight: float
    level: float
    spread: float
    week_growth: float
    holiday: float
    outliers: tuple[date, ...]
    unseen: float
    weekday: tuple[float, ...]
    windows: dict[DayKind, tuple[float, ...]]
    days: tuple[DayOutlook, ...]


def day_kind(day: date) -> DayKind:
    """Which days a day is like."""
    return {5: DayKind.SATURDAY, 6: DayKind.SUNDAY}.get(day.weekday(), DayKind.WORKDAY)


def wrong_with(history: History, outlook: Outlook) -> list[str]:
    """What is wrong with a forecast, a sentence each: it is checked before it is believed."""
    wanted = [one.day for one in history.ahead]
    zones, windows = len(history.prior.zones), len(history.prior.keys)
    wrong = []
    if [one.day for one in outlook.days] != wanted:
        wrong.append("It is not of the days that were asked for.")
    if any(len(one.zones) != zones for one in outlook.days):
        wrong.append("It does not name every zone.")
    figures = [f for one in outlook.days for f in ((one.orders, one.low, one.high), *one.zones)]
    if not all(0 <= low <= middle <= high < float("inf") for middle, low, high in figures):
        wrong.append("A day or zone has no orders between its low and its high.")
    for kind in DayKind:
        shares = outlook.windows.get(kind, ())
        if len(shares) != windows or min(shares, default=0) < 0 or abs(sum(shares) - bool(shares)) > 1e-6:
            wrong.append(f"The windows of a {kind.lower()} do not share out one day.")
    return wrong


def _shares(weights: Sequence[float]) -> tuple[float, ...]:
    total = sum(weights)
    if total <= 0:
        return tuple(1 / len(weights) for _ in weights)
    return tuple(weight / total for weight in weights)


_HISTORY: TypeAdapter[History] = TypeAdapter(History)
_OUTLOOK: TypeAdapter[Outlook] = TypeAdapter(Outlook)


def history_to_json(history: History) -> bytes:
    """A history as one line of JSON."""
    return _HISTORY.dump_json(history)


def history_from_json(line: bytes) -> History:
    """The history that `history_to_json` wrote; raises ValueError."""
    return _HISTORY.validate_json(line)


def outlook_to_json(outlook: Outlook) -> bytes:
    """A forecast as one line of JSON."""
    return _OUTLOOK.dump_json(outlook)


def outlook_from_json(line: bytes) -> Outlook:
    """The forecast that `outlook_to_json` wrote; raises ValueError."""
    return _OUTLOOK.validate_json(line)
