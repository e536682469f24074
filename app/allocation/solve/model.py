"""One day's capacity plan as a PuLP model: the compact form, integer only in vehicles per shift.

docs/allocation.md writes every row down as a formula.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from app.allocation.needs import unable
from app.allocation.problem import OVERFLOW_PRICE, DayProblem, Problem
from app.allocation.solve.opening import Opening
from app.allocation.solve.sheet import Engine, Sheet, Terms, Variable
from app.allocation.travel import Line, expected_lines

type Key = tuple[str, int, int]


class Amounts(NamedTuple):
    """A solution's values of the day: steered by group, served by arc, overflow by entry of `taken`."""

    steered: tuple[tuple[float, ...], ...]
    served: tuple[float, ...]
    overflow_s: tuple[float, ...]


class DayModel:
    """Variables and rows of one day inside a PuLP problem (which may hold several days).

    `u` steered demand per group and bucket, `x` served orders per arc, `n` vehicles per shift, `e`
    overflow of work that is promised already, `r` orders turned away for want of a skill. Rows are kept
    by name for their shadow prices, with their bounds. `counts` are the columns of `n`, `steered` those
    of `u` by group, `served` those of `x`, `overflow` those of `e`; the day's columns begin at `first`.
    `lines` say how far a drop is from the next: where travel is concave they change from pass to pass.
    """

    def __init__(
        self,
        problem: Problem,
        day: DayProblem,
        sheet: Sheet,
        *,
        tag: str = "",
        lines: Sequence[Line] | None = None,
    ) -> None:
        self.problem, self.day, self.sheet, self.tag = problem, day, sheet, tag
        self.rows: dict[Key, int] = {}
        self.bounds: dict[Key, float] = {}
        self.lines = list(lines) if lines is not None else expected_lines(day)
        self.first = sheet.columns
        self._variables()
        self.opening = Opening(self) if day.openings else None
        self._demand()
        self._time()
        self._fleet()
        self._range()
        self._door()
        self._waves()
        self._small_orders()
        self._skills()
        if self.opening:
            self.opening.rows()

    @property
    def whole(self) -> list[int]:
        """The columns that are whole numbers: vehicles, and whether a window is open."""
        return [*self.counts, *(self.opening.columns if self.opening else ())]

    def _variables(self) -> None:
        add, day, tag, fleets = self.sheet.column, self.day, self.tag, self.problem.fleets
        self.u: list[list[Variable]] = []
        self.steered: list[range] = []
        for g, group in enumerate(day.groups):
            self.steered.append(range(self.sheet.columns, self.sheet.columns + len(group.accepts)))
            self.u.append([add(f"u{tag}_{g}_{i}", group.orders) for i in range(len(group.accepts))])
        self.served = range(self.sheet.columns, self.sheet.columns + len(day.arcs))
        self.x = self.sheet.block(f"x{tag}", len(day.arcs))
        forbidden = set(day.low_emission)
        self.barred = [
            a
            for a, arc in enumerate(day.arcs)
            if fleets[arc.fleet].combustion and (arc.zone, arc.bucket) in forbidden
        ]
        for a in self.barred:
            self.x[a].upBound = 0.0
        before = self.sheet.columns
        self.n = [add(f"n{tag}_{s}", fleets[shift.fleet].vehicles) for s, shift in enumerate(day.shifts)]
        self.counts = range(before, self.sheet.columns)
        self.overflow = range(self.sheet.columns, self.sheet.columns + len(day.taken))
        self.e = [add(f"e{tag}_{t}", taken.work_s) for t, taken in enumerate(day.taken)]
        self.unable = unable(self.problem)
        cells = sorted({(arc.zone, arc.bucket) for arc in day.arcs}) if self.unable else []
        self.r = {cell: add(f"r{tag}_{cell[0]}_{cell[1]}") for cell in cells}

    def objective(self, hour_price: Sequence[float] | None = None) -> Terms:
        """Contribution of the day in minor units, less the price of its driver hours, in column order.

        What travel costs whether or not anybody is served, `travel_minor`, is not in it.
        """
        problem, day = self.problem, self.day
        terms = [
            (self.u[g][i], float(problem.margin_minor - incentive))
            for g, group in enumerate(day.groups)
            for i, (_, incentive) in enumerate(group.accepts)
        ]
        terms += [(self.x[a], -self._cost_minor(a, line)) for a, line in enumerate(self.lines)]
        for s, shift in enumerate(day.shifts):
            price = hour_price[problem.fleets[shift.fleet].node] if hour_price else 0.0
            terms.append((self.n[s], -(shift.cost_minor + price * shift.hours)))
        terms += [(e, -OVERFLOW_PRICE) for e in self.e]
        return terms + (self.opening.objective() if self.opening else [])

    def travel_minor(self) -> float:
        """What the lines cost whether or not anybody is served."""
        fleets = self.problem.fleets
        return sum(
            fleets[arc.fleet].minor_per_m * line.base_m
            for arc, line in zip(self.day.arcs, self.lines, strict=True)
        )

    def travel(self, engine: Engine, lines: Sequence[Line]) -> None:
        """Give the next pass other lines for the way between drops."""
        moved: dict[Key, float] = defaultdict(float)
        for a, (arc, old, new) in enumerate(zip(self.day.arcs, self.lines, lines, strict=True)):
            if new == old:
                continue
            column, time, reach = self.served[a], ("time", arc.fleet, arc.bucket), ("range", arc.fleet, 0)
            engine.cost(column, -self._cost_minor(a, new))
            engine.coefficient(self.rows[time], column, arc.work_s + arc.s_per_m * new.slope_m)
            engine.coefficient(self.rows[reach], column, arc.distance_m + new.slope_m)
            moved[time] -= arc.s_per_m * (new.base_m - old.base_m)
            moved[reach] -= new.base_m - old.base_m
        for key, by in moved.items():
            self.bounds[key] += by
            engine.limit(self.rows[key], self.bounds[key])
        self.lines = list(lines)

    def _cost_minor(self, a: int, line: Line) -> float:
        arc = self.day.arcs[a]
        return arc.cost_minor + self.problem.fleets[arc.fleet].minor_per_m * line.slope_m

    def row(self, key: Key, terms: Terms, sense: str, bound: float) -> None:
        """Add a row and remember it by its key."""
        self.rows[key] = self.sheet.row(terms, sense, bound)
        self.bounds[key] = bound

    def _demand(self) -> None:
        """Nobody is delivered twice; what is steered to a zone and bucket is served there."""
        steered: dict[tuple[int, int], Terms] = defaultdict(list)
        for g, group in enumerate(self.day.groups):
            if len(group.accepts) > 1:
                self.row(("demand", g, 0), [(u, 1.0) for u in self.u[g]], "<=", group.orders)
            for i, (bucket, _) in enumerate(group.accepts):
                steered[group.zone, bucket].append((self.u[g][i], -1.0))
        served: dict[tuple[int, int], Terms] = defaultdict(list)
        for a, arc in enumerate(self.day.arcs):
            served[arc.zone, arc.bucket].append((self.x[a], 1.0))
        for key in sorted(steered.keys() | served.keys()):
            self.row(("serve", *key), served[key] + steered[key], "==", 0.0)

    def _time(self) -> None:
        """Work fits into the usable time of the vehicles on the road, beside what is promised already."""
        work: dict[tuple[int, int], Terms] = defaultdict(list)
        fixed: dict[tuple[int, int], float] = defaultdict(float)
        for arc, x, line in zip(self.day.arcs, self.x, self.lines, strict=True):
            work[arc.fleet, arc.bucket].append((x, arc.work_s + arc.s_per_m * line.slope_m))
            fixed[arc.fleet, arc.bucket] += arc.s_per_m * line.base_m
        for a, y in self._empty_trips():
            arc = self.day.arcs[a]
            work[arc.fleet, arc.bucket].append((y, arc.s_per_m * arc.stem_m))
        for t, taken in enumerate(self.day.taken):
            work[taken.fleet, taken.bucket].append((self.e[t], -1.0))
            fixed[taken.fleet, taken.bucket] += taken.work_s
        usable = self.problem.usable_bp / 10_000
        for s, shift in enumerate(self.day.shifts):
            for bucket in shift.covers:
                if (shift.fleet, bucket) in work:
                    work[shift.fleet, bucket].append((self.n[s], -usable * self.day.bucket_s(bucket)))
        for key in sorted(work):
            self.row(("time", *key), work[key], "<=", -fixed[key])

    def _fleet(self) -> None:
        """No more vehicles on the road at once than there are."""
        out: dict[tuple[int, int], Terms] = defaultdict(list)
        for s, shift in enumerate(self.day.shifts):
            for bucket in shift.covers:
                out[shift.fleet, bucket].append((self.n[s], 1.0))
        for fleet, bucket in sorted(out):
            limit = self.day.most_vehicles(fleet, bucket, self.problem.fleets[fleet].vehicles)
            self.row(("fleet", fleet, bucket), out[fleet, bucket], "<=", limit)

    def _range(self) -> None:
        """The metres of a fleet's day stay within the range of its shifts' batteries or tanks."""
        metres: dict[int, Terms] = defaultdict(list)
        fixed: dict[int, float] = defaultdict(float)
        for arc, x, line in zip(self.day.arcs, self.x, self.lines, strict=True):
            metres[arc.fleet].append((x, arc.distance_m + line.slope_m))
            fixed[arc.fleet] += line.base_m
        for a, y in self._empty_trips():
            metres[self.day.arcs[a].fleet].append((y, float(self.day.arcs[a].stem_m)))
        for s, shift in enumerate(self.day.shifts):
            if shift.fleet in metres:
                reach = self.problem.fleets[shift.fleet].range_m
                metres[shift.fleet].append((self.n[s], -float(reach)))
        for fleet in sorted(metres):
            self.row(("range", fleet, 0), metres[fleet], "<=", -fixed[fleet])

    def _empty_trips(self) -> Iterable[tuple[int, Variable]]:
        return self.opening.y.items() if self.opening else ()

    def _door(self) -> None:
        """Orders of a node and bucket pass its loading door, those promised already first; what a vehicle
        loads on the way passes the door there too."""
        through: dict[tuple[int, int], Terms] = defaultdict(list)
        for arc, x in zip(self.day.arcs, self.x, strict=True):
            through[self.problem.fleets[arc.fleet].node, arc.bucket].append((x, 1.0))
            if arc.reload_node is not None:
                through[arc.reload_node, arc.bucket].append((x, 1.0))
        promised: dict[tuple[int, int], int] = defaultdict(int)
        for taken in self.day.taken:
            promised[self.problem.fleets[taken.fleet].node, taken.bucket] += taken.orders
        for node, bucket in sorted(through):
            room = door_room(self.problem, self.day, node, bucket) - promised[node, bucket]
            self.row(("door", node, bucket), through[node, bucket], "<=", max(0.0, room))

    def _waves(self) -> None:
        """A node picks no more orders in one go than it can, those promised already first."""
        for w, wave in enumerate(self.day.waves):
            picked: Terms = [
                (x, 1.0)
                for arc, x in zip(self.day.arcs, self.x, strict=True)
                if self.problem.fleets[arc.fleet].node == wave.node and arc.bucket in wave.buckets
            ]
            if picked:
                self.row(("wave", w, 0), picked, "<=", max(0.0, wave.orders - wave.taken))

    def _small_orders(self) -> None:
        """Of a zone's orders in a bucket, small vehicles serve at most the share that is small."""
        share = self.problem.small_orders_bp / 10_000
        mixed: dict[tuple[int, int], Terms] = defaultdict(list)
        small_ones: set[tuple[int, int]] = set()
        for a, arc in enumerate(self.day.arcs):
            small = self.problem.fleets[arc.fleet].small_orders_only
            mixed[arc.zone, arc.bucket].append((self.x[a], 1 - share if small else -share))
            if small:
                small_ones.add((arc.zone, arc.bucket))
        for key in sorted(small_ones):
            self.row(("small", *key), mixed[key], "<=", 0.0)

    def _skills(self) -> None:
        """Of what is wanted of a zone in a bucket, vehicles serve at most the share that needs no skill they
        lack. Orders that nobody serves are turned away: with those that are served no more than there are."""
        here: dict[tuple[int, int], list[int]] = defaultdict(list)
        for a, arc in enumerate(self.day.arcs):
            here[arc.zone, arc.bucket].append(a)
        for k, one in enumerate(self.unable):
            for cell, arcs in here.items():
                theirs = {a for a in arcs if self.day.arcs[a].fleet in one.fleets}
                if theirs:
                    shared = [(self.x[a], 1 - one.share if a in theirs else -one.share) for a in arcs]
                    self.row((f"skill{k}", *cell), [*shared, (self.r[cell], -one.share)], "<=", 0.0)
        for zone in sorted({zone for zone, _ in self.r}):
            mine = [g for g, group in enumerate(self.day.groups) if group.zone == zone]
            wanted = [(u, 1.0) for g in mine for u in self.u[g]]
            turned = [(r, 1.0) for (z, _), r in self.r.items() if z == zone]
            self.row(("turned", zone, 0), wanted + turned, "<=", sum(self.day.groups[g].orders for g in mine))

    def cap_hours(self, most_hours: Mapping[int, float]) -> None:
        """Keep the driver hours of single nodes within what is left of their week."""
        for node, most in sorted(most_hours.items()):
            mine = [
                (self.n[s], shift.hours)
                for s, shift in enumerate(self.day.shifts)
                if self.problem.fleets[shift.fleet].node == node
            ]
            self.row(("hours", node, 0), mine, "<=", most)

    def amounts(self, values: Sequence[float]) -> Amounts:
        """Of the sheet's values those of the day."""
        mine = iter([max(0.0, value) for value in values[self.first :]])
        steered = tuple(tuple(islice(mine, len(group.accepts))) for group in self.day.groups)
        served = tuple(islice(mine, len(self.x)))
        list(islice(mine, len(self.n)))
        return Amounts(steered, served, tuple(islice(mine, len(self.e))))


def door_room(problem: Problem, day: DayProblem, node: int, bucket: int) -> float:
    """Orders that a node's door lets through in a bucket."""
    return problem.nodes[node].door_orders_per_h * day.bucket_s(bucket) / 3600
