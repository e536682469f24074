"""A town whose demand is known: weekday, evening and weekend seasons, growth and noise from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from app.demand.rules import Cell, DayKind, History, PastDay, Prior, day_kind

FIRST = date(2026, 5, 4)
KEYS = ("day-10", "day-14", "evening-18", "evening-20")
# What the operator wrote down before anybody had ordered: too low, too flat, evenings too small.
PRIOR = Prior(
    zones=("Z-1", "Z-2", "Z-3", "Z-4", "Z-5"),
    zone_orders=(60.0, 50.0, 40.0, 30.0, 20.0),
    weekday_bp=(9_000, 8_800, 9_200, 10_000, 11_600, 12_200, 9_200),
    keys=KEYS,
    windows={
        DayKind.WORKDAY: (3.0, 3.0, 2.0, 2.0),
        DayKind.SATURDAY: (4.0, 3.0, 2.0, 1.0),
        DayKind.SUNDAY: (4.0, 3.0, 2.0, 1.0),
    },
)


@dataclass(frozen=True)
class Town:
    """The truth: orders of a day, where they come from and when they are wanted."""

    base: float = 260.0
    growth: float = 0.0025
    noise: float = 0.04
    weekday: tuple[float, ...] = (0.82, 0.80, 0.86, 1.0, 1.28, 1.40, 0.84)
    zones: tuple[float, ...] = (0.20, 0.20, 0.20, 0.25, 0.15)
    workday: tuple[float, ...] = (0.10, 0.15, 0.40, 0.35)
    weekend: tuple[float, ...] = (0.35, 0.30, 0.20, 0.15)

    def windows(self, day: date) -> tuple[float, ...]:
        """Each window's share of a day."""
        return self.workday if day_kind(day) is DayKind.WORKDAY else self.weekend

    def mean(self, day: date) -> float:
        """The orders of a day, without its noise."""
        return self.base * float(np.exp(self.growth * (day - FIRST).days)) * self.weekday[day.weekday()]

    def history(
        self, days: int, *, seed: int, ahead: int = 14, most: dict[str, int] | None = None
    ) -> History:
        """So many days as they were seen; `most` is what a zone's window could take, the rest met FULL."""
        rng = np.random.default_rng(seed)
        past, cells = [], []
        for n in range(days):
            day = FIRST + timedelta(days=n)
            past.append(PastDay(day, True, False))
            level = self.mean(day) * float(np.exp(rng.normal(0, self.noise)))
            for z, zone in enumerate(self.zones):
                for w, share in enumerate(self.windows(day)):
                    wanted = int(rng.poisson(level * zone * share))
                    limit = (most or {}).get(KEYS[w], 10**9)
                    if wanted:
                        cells.append(Cell(n, z, w, min(wanted, limit), wanted >= limit))
        coming = tuple(PastDay(FIRST + timedelta(days=days + n), True, False) for n in range(ahead))
        return History(PRIOR, tuple(past), tuple(cells), coming)

    def to_come(self, history: History, *, seed: int) -> list[int]:
        """What is then really ordered on the days ahead."""
        rng = np.random.default_rng(seed + 1_000)
        return [
            int(rng.poisson(self.mean(one.day) * float(np.exp(rng.normal(0, self.noise)))))
            for one in history.ahead
        ]


def seen(history: History) -> list[int]:
    """Orders of each day of a history."""
    totals = [0] * len(history.past)
    for cell in history.cells:
        totals[cell.day] += cell.orders
    return totals
