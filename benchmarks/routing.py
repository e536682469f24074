"""Tours (layer D): our door beside bare PyVRP in equal time, and how well the window law foretells kilometres.

ROUTING_SECONDS="5 30" are the times.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt
from statistics import fmean

from pyvrp import solve
from pyvrp.stop import MaxRuntime

from app.allocation.solve.routes import route
from app.tours.check import check
from app.tours.problem import Drop, Grid, Kind, Routes, RoutingLimits, RoutingProblem, Travel, Vehicle, Way
from app.tours.window_law import WHOLE_H, Driven, Law, fit, hull_area_m2, mean_error
from app.values.load import Load
from benchmarks.instances import Instance, bare, cost_in_units, made, ours
from benchmarks.page import Section, Table

NAME = "routing"
TITLE = "Tours"
SECONDS = tuple(float(one) for one in os.environ.get("ROUTING_SECONDS", "5 30").split())
AIM_POINTS = 0.5
MADE = ((100, 1, False, 240), (100, 2, True, 480), (200, 3, False, 480), (400, 4, True, 240))
# Days for the window law: drops, side of the area in km, hours of the windows.
DAYS = [(n, side, hours) for n in (40, 80, 160, 240) for side in (3, 5) for hours in (1, 2, 4)]
_EVENING_S = 4 * 3_600
_HOUR_S = 3_600
_SPEED = 20 / 3.6
_CIRCUITY = 1.3


@dataclass(frozen=True, slots=True)
class Pair:
    """One instance after so many seconds: our cost and that of bare PyVRP; `best` known, or found here."""

    name: str
    seconds: float
    ours: float
    bare: float
    best: float

    @property
    def behind(self) -> float:
        """How many points of the best our gap is worse than bare PyVRP's."""
        return 100 * (self.ours - self.bare) / self.best


def run() -> Section:
    """Measure both."""
    drawn = [made(n, seed=seed, clustered=clustered, window=window) for n, seed, clustered, window in MADE]
    pairs = [pair for instance in drawn for pair in compared(instance, SECONDS)]
    return section(pairs, [day(*one, seed=number) for number, one in enumerate(DAYS)])


def compared(instance: Instance, seconds: Sequence[float]) -> list[Pair]:
    """Ours and bare, one after the other, for each time."""
    problem, data = ours(instance), bare(instance)
    found = []
    for limit in seconds:
        routes = routed(problem, limit)
        result = solve(data, MaxRuntime(limit), seed=1, collect_stats=False)
        if routes.unserved or not result.is_feasible():
            raise SystemExit(f"{instance.name} has no tours after {limit:g} s; give it more")
        found.append((limit, cost_in_units(instance, routes.cost_minor), float(result.cost())))
    best = float(instance.best or min(cost for _, *both in found for cost in both))
    pairs = [Pair(instance.name, limit, mine, bares, best) for limit, mine, bares in found]
    for pair in pairs:
        print(f"{NAME} {pair.name} {pair.seconds:g} s: {pair.behind:+.2f} points", flush=True)
    return pairs


def routed(problem: RoutingProblem, seconds: float) -> Routes:
    """Our routes, which passed the check."""
    routes = route(problem, RoutingLimits(seconds=seconds))
    wrong = check(problem, routes)
    if wrong:
        raise SystemExit(f"the tours failed their check: {wrong[:3]}")
    return routes


def day(drops: int, side_km: int, window_h: int, *, seed: int, seconds: float = 4.0) -> Driven:
    """An evening's tours over a square with the node at its edge, and what the law is told of it."""
    chance = random.Random(seed)
    side = side_km * 1_000
    points = [(side / 2, 0.0), *((chance.uniform(0, side), chance.uniform(0, side)) for _ in range(drops))]
    problem = evening(points, window_h, chance)
    routes = routed(problem, seconds)
    served = [
        points[problem.drops[s.drop].ways[s.way].place]
        for t in routes.tours
        for p in t.trips
        for s in p.stops
    ]
    home = points[0]
    return Driven(
        drops=len(served),
        trips=sum(len(tour.trips) for tour in routes.tours),
        area_m2=round(hull_area_m2(served)),
        away_m=round(fmean(sqrt((x - home[0]) ** 2 + (y - home[1]) ** 2) for x, y in served)),
        windows=WHOLE_H / window_h,
        distance_m=sum(tour.distance_m for tour in routes.tours),
    )


def evening(points: Sequence[tuple[float, float]], window_h: int, chance: random.Random) -> RoutingProblem:
    """Orders in windows of so many hours between 18 and 22 h; as many vans as may be wanted, each dear."""
    metres = [
        [round(_CIRCUITY * sqrt((ax - bx) ** 2 + (ay - by) ** 2)) for bx, by in points] for ax, ay in points
    ]
    seconds = [[round(m / _SPEED) for m in row] for row in metres]
    length_s = window_h * 3_600
    drops = []
    for place in range(1, len(points)):
        opens_s = _HOUR_S + length_s * chance.randrange(_EVENING_S // length_s)
        way = Way(place, opens_s, opens_s + length_s - 1, (chance.randrange(240, 420),), (0,))
        drops.append(Drop(str(place), Load(orders=1), (way,)))
    vans = tuple(
        Vehicle(
            f"v{n}", 0, 0, 0, 0, _EVENING_S + 2 * _HOUR_S, Load(orders=60), 200_000, 30, fixed_minor=3_000
        )
        for n in range(4 + len(drops) // 6)
    )
    travel = Travel("van", "straight lines", Grid.of(metres), Grid.of(seconds))
    begins_at = datetime(2026, 1, 1, 17, tzinfo=UTC)
    return RoutingProblem(
        begins_at, "EUR", len(points), (travel,), (Kind("van", "Van", 0),), vans, tuple(drops)
    )


def section(pairs: Sequence[Pair], days: Sequence[Driven]) -> Section:
    """The page's part."""
    law = fit(days[::2])
    table = table_of_pairs(pairs)
    text = f"""
Instances made with fixed seeds; the gap is to the best found here. Ours and bare PyVRP search one after the other for
the same seconds, one seed; the aim is at most {AIM_POINTS} points worse. Our tours passed the independent check.

{table}

**The window law** `km = kappa sqrt(A n W) + stem 2 rho m`, fitted to every other of {len(days)} evenings that were
routed for 4 s each (40 to 240 drops, 9 and 25 km2, windows of 1, 2 and 4 h): kappa {law.kappa:.3f}, stem
{law.stem:.3f}. Mean error on the evenings it was not fitted to: **{mean_error(law, days[1::2]):.1%}**; with the
study's constants ({Law().kappa}, {Law().stem}) {mean_error(Law(), days[1::2]):.1%}. The aim is 5 %.
"""
    return Section(NAME, TITLE, text)


def table_of_pairs(pairs: Sequence[Pair]) -> Table:
    """A row for each instance and time, and the means."""
    rows = [
        [p.name, f"{p.seconds:g}", f"{_gap(p.ours, p):.2f} %", f"{_gap(p.bare, p):.2f} %", f"{p.behind:+.2f}"]
        for p in pairs
    ]
    for limit in dict.fromkeys(p.seconds for p in pairs):
        some = [p for p in pairs if p.seconds == limit]
        mean = (fmean(_gap(p.ours, p) for p in some), fmean(_gap(p.bare, p) for p in some))
        rows.append(
            ["mean", f"{limit:g}", f"{mean[0]:.2f} %", f"{mean[1]:.2f} %", f"{mean[0] - mean[1]:+.2f}"]
        )
    return Table(["instance", "seconds", "our door", "bare PyVRP", "points worse"], rows)


def _gap(cost: float, pair: Pair) -> float:
    return 100 * (cost / pair.best - 1)
