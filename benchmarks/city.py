"""A synthetic city of any size with fixed seeds: the generator behind the allocation figures.

14 x 14 km, one depot at the edge and three micro-fulfilment centres, four classes, five shifts, nine buckets,
twelve windows, wages of 17 EUR with premia, carbon at 120 EUR a tonne. It shows what is solvable, not what a
retailer would save.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import exp, hypot, sqrt
from random import Random

from app.allocation.problem import Arc, DayProblem, Fleet, Group, Node, OpeningRule, Problem, ShiftOption
from app.values.window import Window

DAY = date(2026, 11, 28)
_HOURS = ((8, 10), (10, 12), (12, 14), (14, 16), (16, 18), (18, 19), (19, 20), (20, 21), (21, 22))
_WINDOWS = [*([(i,) for i in range(9)]), (5, 6), (7, 8), (5, 6, 7, 8)]
_CLASSES = (
    ("van", 29.0, 28.0, 1.0, 1.0, 36, None, False),
    ("e-van", 17.0, 28.0, 1.0, 1.0, 34, None, False),
    ("cargo bike", 6.0, 14.0, 0.95, 0.15, 7, 4.5, False),
    ("scooter", 4.5, 17.0, 0.95, 0.1, 2, 6.0, True),
)
_SHIFTS = ((0, 2), (1, 5), (3, 9), (5, 9), (0, 5))
_NODES = ((13.0, 1.0), (7.0, 7.0), (4.5, 8.0), (8.0, 4.5))


# An opening rule of the generator: of nine buckets from four to seven, two euros each.
_LEAST, _MOST, _OPENING_MINOR = 4, 7, 200


def city_day(
    zones: int, orders: int, seed: int = 1, *, concave: bool = False, opening: bool = False
) -> Problem:
    """One Saturday of a city with so many zones and orders; travel as dense as expected, or `concave`; every
    window open where it pays, or `opening` decided in every zone."""
    rng = Random(seed)
    places = [(rng.gauss(7, 2.8) % 14, rng.gauss(7, 2.8) % 14) for _ in range(zones)]
    weights = [exp(-hypot(x - 7, y - 7) / 4) * rng.uniform(0.6, 1.4) for x, y in places]
    daily = [orders * w / sum(weights) for w in weights]
    area_km2 = 196 / zones
    fleets = _fleets(orders)
    rules = tuple(OpeningRule(z, _LEAST, _MOST, _OPENING_MINOR, 0) for z in range(zones)) if opening else ()
    return Problem(
        currency="EUR",
        margin_minor=950,
        usable_bp=9_200,
        small_orders_bp=4_500,
        at_door_s=240,
        zones=tuple(f"zone-{z}" for z in range(zones)),
        nodes=tuple(Node(f"node-{n}", f"Node {n}", max(60, orders // 18), (10_000.0,)) for n in range(4)),
        fleets=fleets,
        days=(
            DayProblem(
                day=DAY,
                week=0,
                buckets=tuple(_bucket(a, b) for a, b in _HOURS),
                groups=tuple(_groups(daily)),
                arcs=tuple(_arcs(fleets, places, daily, area_km2, rng, concave)),
                shifts=tuple(_shifts(fleets)),
                taken=(),
                openings=rules,
            ),
        ),
    )


def city_fortnight(zones: int, orders: int, *, hours_bp: int = 10_000, seed: int = 1) -> Problem:
    """Fourteen days from a Monday, each with its own demand; each node has `hours_bp` of the driver hours
    that all its vehicles' longest shifts would take in a week."""
    rng = Random(seed)
    one = city_day(zones, orders, seed)
    saturday = one.days[0]
    days = []
    for n in range(14):
        shift = timedelta(days=n + 2)
        factor = (0.9, 0.88, 0.92, 1.0, 1.16, 1.22, 0.92)[n % 7]
        days.append(
            replace(
                saturday,
                day=DAY + shift,
                week=n // 7,
                buckets=tuple(Window(b.start + shift, b.end + shift) for b in saturday.buckets),
                groups=tuple(
                    replace(group, orders=group.orders * factor * rng.uniform(0.9, 1.1))
                    for group in saturday.groups
                ),
                shifts=tuple(
                    replace(s, window=Window(s.window.start + shift, s.window.end + shift))
                    for s in saturday.shifts
                ),
            )
        )
    longest = max(s.hours for s in saturday.shifts)
    vehicles = [sum(f.vehicles for f in one.fleets if f.node == n) for n in range(4)]
    nodes = tuple(
        replace(node, hours=(vehicles[n] * longest * 7 * hours_bp / 10_000,) * 2)
        for n, node in enumerate(one.nodes)
    )
    return replace(one, nodes=nodes, days=tuple(days))


def _bucket(start: int, end: int) -> Window:
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    return Window(midnight + timedelta(hours=start), midnight + timedelta(hours=end))


def _fleets(orders: int) -> tuple[Fleet, ...]:
    made = []
    for node in range(4):
        for key, (kind, minor_per_km, *_rest, stops, _reach, small) in enumerate(_CLASSES):
            share = (0.0045, 0.0045, 0.0, 0.0)[key] if node == 0 else (0.0, 0.001, 0.0035, 0.002)[key]
            vehicles = round(orders * share)
            if vehicles:
                per_m = minor_per_km / 1000
                made.append(
                    Fleet(
                        node,
                        kind,
                        kind,
                        "VAN",
                        vehicles,
                        150_000,
                        small,
                        stops,
                        1,
                        1,
                        1,
                        1,
                        minor_per_m=per_m,
                    )
                )
    return tuple(made)


def _groups(daily: list[float]) -> list[Group]:
    """36 kinds of customer per zone, by favourite window and flexibility; equal ones are merged."""
    made = []
    for zone, orders in enumerate(daily):
        merged: dict[tuple[tuple[int, int], ...], float] = {}
        for wanted, window in enumerate(_WINDOWS):
            weight = (0.55 if window[0] >= 5 else 0.45) / (7 if window[0] >= 5 else 5)
            near = {b for w in _WINDOWS for b in w if w[-1] + 1 == window[0] or window[-1] + 1 == w[0]}
            part = set(range(5, 9)) if window[0] >= 5 else set(range(5))
            for share, others, incentive in ((0.45, set[int](), 0), (0.35, near, 50), (0.2, part, 100)):
                accepts = dict.fromkeys(others, incentive) | dict.fromkeys(window, 0)
                key = tuple(sorted(accepts.items()))
                merged[key] = merged.get(key, 0.0) + orders * weight * share
            assert wanted < 12
        made += [Group(zone, amount, accepts) for accepts, amount in sorted(merged.items())]
    return made


def _arcs(
    fleets: tuple[Fleet, ...],
    places: list[tuple[float, float]],
    daily: list[float],
    area_km2: float,
    rng: Random,
    concave: bool,
) -> list[Arc]:
    kinds = {kind[0]: kind for kind in _CLASSES}
    slow = [1.25, 1.1, 1.05, 1.1, 1.45, 1.3, 1.2, 1.05, 1.0]
    parking = [rng.uniform(0.8, 7.0) * 60 * exp(-hypot(x - 7, y - 7) / 6) for x, y in places]
    made = []
    for f, fleet in enumerate(fleets):
        _, cost, speed, handover, park, stops, reach, _ = kinds[fleet.class_id]
        for z, (x, y) in enumerate(places):
            air = hypot(x - _NODES[fleet.node][0], y - _NODES[fleet.node][1])
            if reach is not None and air > reach:
                continue
            for b in range(9):
                between = min(1.5, 0.774 * sqrt(area_km2 / max(1.0, daily[z] / 9)))
                km = 2.6 * air / stops + (0.0 if concave else between)
                travel = round(km / speed * 3600 * slow[b] + parking[z] * park + 900 / stops)
                made.append(
                    Arc(
                        fleet=f,
                        zone=z,
                        bucket=b,
                        work_s=travel + round(240 * handover),
                        travel_s=travel,
                        handover_bp=round(handover * 10_000),
                        distance_m=round(km * 1000),
                        cost_minor=km * cost,
                        grams=1,
                        spread_m=round(774 * sqrt(area_km2)) if concave else 0,
                        s_per_m=3.6 / speed * slow[b],
                        stem_m=round(2600 * air),
                    )
                )
    return made


def _shifts(fleets: tuple[Fleet, ...]) -> list[ShiftOption]:
    made = []
    for f in range(len(fleets)):
        for number, (first, last) in enumerate(_SHIFTS):
            covers = tuple(range(first, last))
            window = Window(_bucket(*_HOURS[first]).start, _bucket(*_HOURS[last - 1]).end)
            hours = window.duration.total_seconds() / 3600
            evening = sum(1 for b in covers if b >= 5)
            wage = 1_700 * 1.2 * hours + 1_700 * 0.25 * evening
            made.append(ShiftOption(f, f"shift-{number}", window, hours, round(wage + 900), covers))
    return made
