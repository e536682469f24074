"""A greedy capacity plan on the same data: vehicle by vehicle, the one that adds most next, while any adds anything.

What a dispatcher with a spreadsheet could do, not a straw man: every vehicle is filled with the orders that earn
most in its time, and is worth what they earn less its shift. It keeps every rule, and its plan is checked.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from app.allocation.problem import DayProblem, DaySolution, Problem, ShiftOption, contribution

# Less than this is no order.
_DUST = 1e-6


@dataclass
class _Plan:
    """What is decided so far; demand left by group, and what was taken of it."""

    problem: Problem
    day: DayProblem
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
            most = min(seconds / arc.work_s, room, metres / max(1, arc.distance_m), self._small(a))
            taken, gained = self._orders(a, most, keep=keep)
            seconds, room, metres = (
                seconds - taken * arc.work_s,
                room - taken,
                metres - taken * arc.distance_m,
            )
            earned, driven = earned + gained, driven + taken * arc.distance_m
        return earned, driven

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
    """The greedy plan of a day without concave travel, openings or promised work."""
    plan = _Plan(problem, day)
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
    )
    earned = contribution(problem, day, found)
    return DaySolution(
        **{name: getattr(found, name) for name in DaySolution.__slots__ if name != "objective"},
        objective=earned,
    )
