"""A greedy capacity plan on the same data: vehicle by vehicle, the one that adds most next, while any adds anything.

What a dispatcher with a spreadsheet could do, not a straw man: every vehicle is filled with the orders that earn
most in its time, and is worth what they earn less its shift. Where windows are opened one by one it plans as if all
were open, opens in each zone those that it served most, and plans again. It keeps every rule, and its plan is checked.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from app.allocation.problem import (
    SHORT_PRICE,
    DayProblem,
    DaySolution,
    OpeningRule,
    Problem,
    ShiftOption,
    contribution,
)

# Less than this is no order.
_DUST = 1e-6


@dataclass
class _Plan:
    """What is decided so far; demand left by group, and what was taken of it.

    Zones with an opening rule are served in the `opened` (zone, bucket) only. Whoever comes to one first keeps time
    for a whole trip there, and `first` says by which arc.
    """

    problem: Problem
    day: DayProblem
    opened: Collection[tuple[int, int]]
    left: list[float] = field(init=False)
    steered: list[list[float]] = field(init=False)
    served: list[float] = field(init=False)
    vehicles: list[int] = field(init=False)

    def __post_init__(self) -> None:
        day = self.day
        self.left = [group.orders for group in day.groups]
        self.steered = [[0.0] * len(group.accepts) for group in day.groups]
        self.served = [0.0] * len(day.arcs)
        self.vehicles = [0] * len(day.shifts)
        self.ruled = {rule.zone: rule.least for rule in day.openings}
        self.first: dict[tuple[int, int], int] = {}
        self.out: dict[tuple[int, int], int] = defaultdict(int)
        self.door: dict[tuple[int, int], float] = defaultdict(float)
        self.large: dict[tuple[int, int], float] = defaultdict(float)
        self.small: dict[tuple[int, int], float] = defaultdict(float)
        self.takers: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
        for g, group in enumerate(day.groups):
            for i, (bucket, incentive) in enumerate(group.accepts):
                self.takers[group.zone, bucket].append((incentive, g, i))
        for cell in self.takers.values():
            cell.sort()
        self.arcs: dict[tuple[int, int], list[int]] = defaultdict(list)
        for a, arc in enumerate(day.arcs):
            self.arcs[arc.fleet, arc.bucket].append(a)
        margin = self.problem.margin_minor
        for arcs in self.arcs.values():
            arcs.sort(key=lambda a: -(margin - day.arcs[a].cost_minor) / day.arcs[a].work_s)

    def worth(self, s: int, *, keep: bool) -> float:
        """What one more vehicle on a shift adds; with `keep` it is sent and its orders are taken."""
        shift = self.day.shifts[s]
        fleet = self.problem.fleets[shift.fleet]
        if any(self.out[shift.fleet, b] >= fleet.vehicles for b in shift.covers):
            return 0.0
        earned, metres = 0.0, float(fleet.range_m)
        for bucket in shift.covers:
            gained, driven = self._bucket(shift, bucket, metres, keep=keep)
            earned, metres = earned + gained, metres - driven
        if keep:
            self.vehicles[s] += 1
            for bucket in shift.covers:
                self.out[shift.fleet, bucket] += 1
        return earned - shift.cost_minor

    def _bucket(self, shift: ShiftOption, bucket: int, metres: float, *, keep: bool) -> tuple[float, float]:
        seconds = self.day.bucket_s(bucket) * self.problem.usable_bp / 10_000
        node = self.problem.fleets[shift.fleet].node
        through = self.problem.nodes[node].door_orders_per_h * self.day.bucket_s(bucket) / 3600
        room = through - self.door[node, bucket]
        earned = driven = 0.0
        for a in self.arcs[shift.fleet, bucket]:
            arc = self.day.arcs[a]
            if seconds < 1 or room < _DUST or metres < 1:
                break
            trip_m, cell = 0.0, (arc.zone, arc.bucket)
            if arc.zone in self.ruled:
                if cell not in self.opened:
                    continue
                trip_m = 0.0 if cell in self.first else float(arc.stem_m)
            left_s, left_m = seconds - trip_m * arc.s_per_m, metres - trip_m
            if left_s < 1 or left_m < 1:
                continue
            # Every order makes its share of the trip an ordinary one.
            stops = self.problem.fleets[shift.fleet].stops_per_trip
            each_s = arc.work_s - trip_m * arc.s_per_m / stops
            most = min(left_s / each_s, room, left_m / max(1, arc.distance_m), self._small(a))
            if trip_m:
                most = min(most, stops)
            taken, gained = self._orders(a, most, keep=keep)
            if not taken:
                continue
            if trip_m and self.come_to(arc.zone) < self.ruled[arc.zone]:
                earned += SHORT_PRICE
            if keep:
                self.first.setdefault(cell, a)
            trip_m *= 1 - taken / stops
            seconds -= taken * arc.work_s + trip_m * arc.s_per_m
            metres -= taken * arc.distance_m + trip_m
            room -= taken
            earned += gained - trip_m * self.problem.fleets[shift.fleet].minor_per_m
            driven += taken * arc.distance_m + trip_m
        return earned, driven

    def come_to(self, zone: int) -> int:
        """How many windows of a zone somebody comes to."""
        return sum(there == zone for there, _ in self.first)

    def _small(self, a: int) -> float:
        arc = self.day.arcs[a]
        if not self.problem.fleets[arc.fleet].small_orders_only:
            return float("inf")
        share, cell = self.problem.small_orders_bp / 10_000, (arc.zone, arc.bucket)
        return max(0.0, share / (1 - share) * self.large[cell] - self.small[cell])

    def _orders(self, a: int, most: float, *, keep: bool) -> tuple[float, float]:
        arc = self.day.arcs[a]
        taken = earned = 0.0
        for incentive, g, i in self.takers.get((arc.zone, arc.bucket), ()):
            gain = self.problem.margin_minor - incentive - arc.cost_minor
            amount = min(most - taken, self.left[g])
            if amount <= _DUST or gain <= 0:
                continue
            taken, earned = taken + amount, earned + gain * amount
            if keep:
                self.left[g] -= amount
                self.steered[g][i] += amount
        if keep and taken:
            self.served[a] += taken
            self.door[self.problem.fleets[arc.fleet].node, arc.bucket] += taken
            cell = self.small if self.problem.fleets[arc.fleet].small_orders_only else self.large
            cell[arc.zone, arc.bucket] += taken
        return taken, earned


def greedy(problem: Problem, day: DayProblem) -> DaySolution:
    """The greedy plan of a day without concave travel or promised work."""
    if not day.openings:
        return _planned(problem, day, ())
    everywhere = _planned(problem, replace(day, openings=()), ())
    return _planned(problem, day, _opened(problem, day, everywhere.served))


def _opened(problem: Problem, day: DayProblem, served: tuple[float, ...]) -> set[tuple[int, int]]:
    """In each zone the windows that were served most: while their margins pay for them, at least the fewest."""
    orders: dict[int, dict[tuple[int, int], float]] = defaultdict(lambda: defaultdict(float))
    for arc, amount in zip(day.arcs, served, strict=True):
        orders[arc.zone][arc.zone, arc.bucket] += amount
    found = set()
    for rule in day.openings:
        ranked = sorted(orders[rule.zone].items(), key=lambda one: (-one[1], one[0]))
        found |= {
            cell
            for place, (cell, amount) in enumerate(ranked[: rule.most])
            if place < rule.least or amount * problem.margin_minor > rule.cost_minor
        }
    return found


def _planned(problem: Problem, day: DayProblem, opened: Collection[tuple[int, int]]) -> DaySolution:
    plan = _Plan(problem, day, opened)
    # What a vehicle adds only falls as others go out, but for small ones; a value is looked at again when it leads.
    queue = [(-plan.worth(s, keep=False), s) for s in range(len(day.shifts))]
    heapq.heapify(queue)
    while queue:
        _, s = heapq.heappop(queue)
        worth = plan.worth(s, keep=False)
        if worth <= 0:
            continue
        if queue and worth < -queue[0][0]:
            heapq.heappush(queue, (-worth, s))
            continue
        plan.worth(s, keep=True)
        heapq.heappush(queue, (-worth, s))
    empty = _empty_trips(plan)
    visited = tuple(sorted(cell for cell in plan.first if cell[0] in plan.ruled))
    found = DaySolution(
        day=day.day,
        vehicles=tuple(plan.vehicles),
        served=tuple(plan.served),
        steered=tuple(tuple(amounts) for amounts in plan.steered),
        overflow_s=(),
        objective=0.0,
        bound=float("inf"),
        solver_s=0.0,
        build_s=0.0,
        columns=0,
        opened=visited,
        empty_trips=tuple(empty),
        short=tuple(_short(day, plan, rule, visited) for rule in day.openings),
    )
    earned = contribution(problem, day, found)
    return DaySolution(
        **{name: getattr(found, name) for name in DaySolution.__slots__ if name != "objective"},
        objective=earned,
    )


class _Spare:
    """What is left of the time and range of the vehicles that go out, and the trips with nothing to bring."""

    def __init__(self, plan: _Plan) -> None:
        problem, day = plan.problem, plan.day
        self.day = day
        self.empty = [0.0] * len(day.arcs)
        self.seconds: dict[tuple[int, int], float] = defaultdict(float)
        self.metres: dict[int, float] = defaultdict(float)
        for shift, count in zip(day.shifts, plan.vehicles, strict=True):
            self.metres[shift.fleet] += problem.fleets[shift.fleet].range_m * count
            for bucket in shift.covers:
                self.seconds[shift.fleet, bucket] += count * day.bucket_s(bucket) * problem.usable_bp / 10_000
        for arc, amount in zip(day.arcs, plan.served, strict=True):
            self.seconds[arc.fleet, arc.bucket] -= amount * arc.work_s
            self.metres[arc.fleet] -= amount * arc.distance_m

    def has(self, a: int) -> bool:
        """Whether a whole trip is left for an arc."""
        arc = self.day.arcs[a]
        enough = self.seconds[arc.fleet, arc.bucket] > arc.stem_m * arc.s_per_m
        return enough and self.metres[arc.fleet] > arc.stem_m

    def come(self, a: int, trips: float) -> None:
        """Drive so much of a trip."""
        arc = self.day.arcs[a]
        self.empty[a] = trips
        self.seconds[arc.fleet, arc.bucket] -= trips * arc.stem_m * arc.s_per_m
        self.metres[arc.fleet] -= trips * arc.stem_m


def _empty_trips(plan: _Plan) -> list[float]:
    """What is missing to a whole trip to every open window, by arc; where a zone has too few of them, vehicles with
    time to spare come to further ones with nothing to bring, the shortest way first."""
    day, spare = plan.day, _Spare(plan)
    visits: dict[tuple[int, int], float] = defaultdict(float)
    for arc, amount in zip(day.arcs, plan.served, strict=True):
        visits[arc.zone, arc.bucket] += amount / plan.problem.fleets[arc.fleet].stops_per_trip
    for cell, a in plan.first.items():
        if cell[0] in plan.ruled:
            spare.come(a, max(0.0, 1 - visits[cell]))
    for a in sorted(range(len(day.arcs)), key=lambda a: day.arcs[a].stem_m):
        zone, cell = day.arcs[a].zone, (day.arcs[a].zone, day.arcs[a].bucket)
        if cell not in plan.first and plan.come_to(zone) < plan.ruled.get(zone, 0) and spare.has(a):
            plan.first[cell] = a
            spare.come(a, 1.0)
    return spare.empty


def _short(
    day: DayProblem, plan: _Plan, rule: OpeningRule, visited: Collection[tuple[int, int]]
) -> tuple[float, float]:
    """The orders and windows below what a zone's rule asks for."""
    mine = [g for g, group in enumerate(day.groups) if group.zone == rule.zone]
    wanted = rule.service_bp / 10_000 * sum(day.groups[g].orders for g in mine)
    served = sum(sum(plan.steered[g]) for g in mine)
    possible = len({arc.bucket for arc in day.arcs if arc.zone == rule.zone})
    windows = sum(zone == rule.zone for zone, _ in visited)
    return max(0.0, wanted - served), float(max(0, min(rule.least, possible) - windows))
