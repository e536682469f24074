"""How far tours drive, from a handful of figures: the window law, and its fit to tours that were made.

`km = kappa sqrt(A n W) + stem 2 rho m`: a window behaves like a tour of its own among n/W of the drops, and
every trip goes out and comes back (Daganzo 1984; constants of the allocation study, section 4.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# A window of this length counts once.
WHOLE_H = 4.0


@dataclass(frozen=True, slots=True)
class Driven:
    """A node's day of tours: metres driven for so many drops in so many trips.

    `area_m2` is where the drops lie, `away_m` their mean distance from the node as the crow flies,
    `windows` 4 h over the mean length of their windows.
    """

    drops: int
    trips: int
    area_m2: int
    away_m: int
    windows: float
    distance_m: int


@dataclass(frozen=True, slots=True)
class Law:
    """The two constants, and how far off they were on average on the days they were fitted to."""

    kappa: float = 0.774
    stem: float = 0.756
    samples: int = 0
    mean_error: float = 0.0

    def metres(self, day: Driven) -> float:
        """What the law expects of a day."""
        between, stems = _terms(day)
        return self.kappa * between + self.stem * stems


def fit(days: Sequence[Driven]) -> Law:
    """The constants with the least squares of relative errors; the study's where there are too few days."""
    known = [day for day in days if day.drops > 1 and day.distance_m > 0]
    if len(known) < 2:
        return Law()
    rows = [tuple(term / day.distance_m for term in _terms(day)) for day in known]
    aa, ab, bb = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = (sum(row[i] for row in rows) for i in (0, 1))
    determinant = aa * bb - ab * ab
    # Days that are all alike cannot tell the two terms apart.
    if determinant <= 1e-9 * aa * bb:
        kappa, stem = a / aa, 0.0
    else:
        kappa, stem = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
        if stem < 0:
            kappa, stem = a / aa, 0.0
        elif kappa < 0:
            kappa, stem = 0.0, b / bb
    law = Law(kappa, stem)
    return Law(kappa, stem, len(known), mean_error(law, known))


def mean_error(law: Law, days: Sequence[Driven]) -> float:
    """The mean relative error of the law on days."""
    known = [day for day in days if day.distance_m > 0]
    return sum(abs(law.metres(day) / day.distance_m - 1) for day in known) / max(1, len(known))


def _terms(day: Driven) -> tuple[float, float]:
    return sqrt(day.area_m2 * day.drops * day.windows), 2.0 * day.away_m * day.trips


def hull_area_m2(points: Sequence[tuple[float, float]]) -> float:
    """The area of the convex hull of points in metres (Andrew's monotone chain, shoelace formula)."""
    spread = sorted(set(points))
    if len(spread) < 3:
        return 0.0
    hull = [*_half(spread)[:-1], *_half(spread[::-1])[:-1]]
    turns = zip(hull, [*hull[1:], hull[0]], strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in turns)) / 2


def _half(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    chain: list[tuple[float, float]] = []
    for x, y in points:
        while len(chain) >= 2:
            (ax, ay), (bx, by) = chain[-2:]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain
