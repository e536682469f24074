"""The way between drops: the more of them in a zone, the nearer each is to the next.

`x` drops of a fleet in a zone and bucket lie on a way of `g(x) = min(s x, k min(x, sqrt x))` metres, with
`k = kappa sqrt(area)` (the arc's `spread_m`) and `s` the most that two drops are ever apart. That is concave:
a tangent lies above it everywhere and a chord from nothing below it up to its end, so a model with tangents
never promises what cannot be driven, and one with chords bounds every plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.allocation.problem import Arc, DayProblem, Problem

# Drops of one vehicle are kappa * sqrt(A / n) apart in a zone of area A with n drops: the window law of
# the allocation study, circuity included.
KAPPA = 0.774
MAX_BETWEEN_M = 1_500
# Fewer drops than this are dust of the solver.
_DUST = 1e-6


class Line(NamedTuple):
    """A straight line for an arc's way: metres of each drop, and metres whether or not there are any."""

    slope_m: float
    base_m: float


_FLAT = Line(0.0, 0.0)


def between_m(arc: Arc, drops: float) -> float:
    """Metres between `drops` more drops of an arc, beside those that are placed there already."""
    return _way_m(arc.spread_m, arc.placed + drops) - _way_m(arc.spread_m, arc.placed)


def tangent(arc: Arc, drops: float) -> Line:
    """The line that touches the way at so many drops: never below it."""
    if not arc.spread_m:
        return _FLAT
    slope = _slope_m(arc.spread_m, arc.placed + drops)
    return Line(slope, max(0.0, between_m(arc, drops) - slope * drops))


def chord(arc: Arc, drops: float) -> Line:
    """The line from nothing to the way at so many drops: never above it up to there."""
    return _FLAT if not arc.spread_m else Line(average_m(arc, drops), 0.0)


def average_m(arc: Arc, drops: float) -> float:
    """Metres of each of so many drops; of the first where there are none."""
    if drops <= _DUST:
        return _slope_m(arc.spread_m, arc.placed)
    return between_m(arc, drops) / drops


def demand_of_cells(day: DayProblem) -> dict[tuple[int, int], tuple[float, float]]:
    """Per (zone, bucket) the drops to expect if everybody spread evenly, and the most there can be."""
    found: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for group in day.groups:
        for bucket, _ in group.accepts:
            found[group.zone, bucket][0] += group.orders / len(group.accepts)
            found[group.zone, bucket][1] += group.orders
    return {key: (expected, most) for key, (expected, most) in found.items()}


def expected_lines(day: DayProblem) -> list[Line]:
    """A first guess for every arc: the average of a cell's expected drops, were one fleet to serve them."""
    cells = demand_of_cells(day)
    return [chord(arc, cells.get((arc.zone, arc.bucket), (0.0, 0.0))[0]) for arc in day.arcs]


def chords(problem: Problem, day: DayProblem) -> list[Line]:
    """For every arc the chord up to the most that it can ever serve: demand of the cell or vehicles' time."""
    cells = demand_of_cells(day)
    lines = []
    for arc in day.arcs:
        usable_s = problem.usable_bp / 10_000 * day.bucket_s(arc.bucket)
        most = problem.fleets[arc.fleet].vehicles * usable_s / max(1, arc.work_s)
        lines.append(chord(arc, min(most, cells.get((arc.zone, arc.bucket), (0.0, 0.0))[1])))
    return lines


def tangents(day: DayProblem, served: Sequence[float]) -> list[Line]:
    """For every arc the tangent at what a plan serves."""
    return [tangent(arc, drops) for arc, drops in zip(day.arcs, served, strict=True)]


def averages(day: DayProblem, served: Sequence[float]) -> list[Line]:
    """For every arc the average way of what a plan serves: what each drop is counted with once it is sold."""
    return [
        Line(average_m(arc, drops), 0.0) if arc.spread_m else _FLAT
        for arc, drops in zip(day.arcs, served, strict=True)
    ]


def _until(spread_m: int) -> float:
    """Up to so many drops each is as far from the next as drops ever are."""
    return max(1.0, (spread_m / MAX_BETWEEN_M) ** 2)


def _way_m(spread_m: int, drops: float) -> float:
    if drops <= _until(spread_m):
        return min(spread_m, MAX_BETWEEN_M) * drops
    return spread_m * sqrt(drops)


def _slope_m(spread_m: int, drops: float) -> float:
    if drops < _until(spread_m) or not spread_m:
        return float(min(spread_m, MAX_BETWEEN_M))
    return spread_m / (2 * sqrt(drops))
