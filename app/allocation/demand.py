"""Who would order when: customer groups by zone and by the buckets they accept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from app.allocation.prior import window_weights
from app.allocation.problem import Group
from app.allocation.tables import PlanningFigures
from app.demand.rules import day_kind
from app.values.window import Window


def groups(
    figures: PlanningFigures,
    *,
    day: date,
    daily_orders: Sequence[float],
    windows: Mapping[str, Window],
    buckets: Sequence[Window],
    forecast: Mapping[str, float],
) -> list[Group]:
    """Customers by zone and by the buckets they accept, from the orders still to come of each zone.

    They spread over the windows as `forecast` says by key, or as the figures do where it says nothing.
    Each favourite window has customers who take only it, who take a neighbouring one for a small
    incentive, and who take any of the same part of the day for a larger one.
    """
    weights = _weights(forecast or window_weights(figures, day_kind(day)), windows)
    merged: list[Group] = []
    for z, orders in enumerate(daily_orders):
        by_map: dict[tuple[tuple[int, int], ...], float] = defaultdict(float)
        for key, weight in weights.items():
            for share, accepts in _choices(figures, windows, key, buckets):
                if accepts:
                    by_map[accepts] += orders * weight * share
        merged += [
            Group(z, round(amount, 4), accepts) for accepts, amount in sorted(by_map.items()) if amount > 0
        ]
    return merged


def _weights(known: Mapping[str, float], windows: Mapping[str, Window]) -> dict[str, float]:
    """How the orders of a day spread over its windows; one that nothing is known of is a usual one."""
    usual = sum(known.values()) / len(known) if known else 1.0
    raw = {key: known.get(key, usual) for key in windows}
    total = sum(raw.values())
    return {key: weight / total for key, weight in raw.items()} if total else {}


def _choices(
    figures: PlanningFigures, windows: Mapping[str, Window], favourite: str, buckets: Sequence[Window]
) -> list[tuple[float, tuple[tuple[int, int], ...]]]:
    """The three kinds of customer of a favourite window: share, and incentive by accepted bucket."""
    wanted = windows[favourite]
    near = [w for w in windows.values() if w.end == wanted.start or w.start == wanted.end]
    noon = wanted.start + (wanted.end - wanted.start) / 2
    part = [w for w in windows.values() if abs(w.start - noon) <= timedelta(hours=4)]
    neighbours, flexible = figures.neighbours_bp / 10_000, figures.flexible_bp / 10_000
    return [
        (1 - neighbours - flexible, _accepts(buckets, wanted, [], 0)),
        (neighbours, _accepts(buckets, wanted, near, figures.incentive_minor)),
        (flexible, _accepts(buckets, wanted, part, figures.flexible_incentive_minor)),
    ]


def _accepts(
    buckets: Sequence[Window], favourite: Window, others: Sequence[Window], incentive_minor: int
) -> tuple[tuple[int, int], ...]:
    found: dict[int, int] = {}
    for b, bucket in enumerate(buckets):
        if favourite.covers(bucket):
            found[b] = 0
        elif any(other.covers(bucket) for other in others):
            found[b] = incentive_minor
    return tuple(sorted(found.items()))
