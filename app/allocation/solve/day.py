"""One day's capacity plan as a PuLP model: the compact form, integer only in vehicles per shift."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice

from app.allocation.problem import (
    OVERFLOW_PRICE,
    Binding,
    DayProblem,
    DaySolution,
    Limits,
    Problem,
)
from app.allocation.solve.sheet import Engine, Sheet, Terms, Variable, uncollected

_EPSILON = 1e-6


class DayModel:
    """Variables and rows of one day inside a PuLP problem (which may hold several days).

    `u` steered demand per group and bucket, `x` served orders per arc, `n` vehicles per shift,
    `e` overflow of work that is promised already. Rows are kept by name for their shadow prices;
    `counts` are the columns of `n`, `steered` those of `u` by group, `overflow` those of `e`; the day's
    columns begin at `first`.
    """

    def __init__(self, problem: Problem, day: DayProblem, sheet: Sheet, *, tag: str = "") -> None:
        self.problem, self.day, self.sheet, self.tag = problem, day, sheet, tag
        self.rows: dict[tuple[str, int, int], int] = {}
        self.first = sheet.columns
        self._variables()
        self._demand()
        self._time()
        self._fleet()
        self._range()
        self._door()
        self._small_orders()

    def _variables(self) -> None:
        add, day, tag, fleets = self.sheet.column, self.day, self.tag, self.problem.fleets
        self.u: list[list[Variable]] = []
        self.steered: list[range] = []
        for g, group in enumerate(day.groups):
            self.steered.append(range(self.sheet.columns, self.sheet.columns + len(group.accepts)))
            self.u.append([add(f"u{tag}_{g}_{i}", group.orders) for i in range(len(group.accepts))])
        self.x = self.sheet.block(f"x{tag}", len(day.arcs))
        before = self.sheet.columns
        self.n = [add(f"n{tag}_{s}", fleets[shift.fleet].vehicles) for s, shift in enumerate(day.shifts)]
        self.counts = range(before, self.sheet.columns)
        self.overflow = range(self.sheet.columns, self.sheet.columns + len(day.taken))
        self.e = [add(f"e{tag}_{t}", taken.work_s) for t, taken in enumerate(day.taken)]

    def objective(self, hour_price: Sequence[float] | None = None) -> Terms:
        """Contribution of the day in minor units, less the price of its driver hours, in column order."""
        problem, day = self.problem, self.day
        terms = [
            (self.u[g][i], float(problem.margin_minor - incentive))
            for g, group in enumerate(day.groups)
            for i, (_, incentive) in enumerate(group.accepts)
        ]
        terms += [(self.x[a], -arc.cost_minor) for a, arc in enumerate(day.arcs)]
        for s, shift in enumerate(day.shifts):
            price = hour_price[problem.fleets[shift.fleet].node] if hour_price else 0.0
            terms.append((self.n[s], -(shift.cost_minor + price * shift.hours)))
        return terms + [(e, -OVERFLOW_PRICE) for e in self.e]

    def _row(self, key: tuple[str, int, int], terms: Terms, sense: str, bound: float) -> None:
        self.rows[key] = self.sheet.row(terms, sense, bound)

    def _demand(self) -> None:
        """Nobody is delivered twice; what is steered to a zone and bucket is served there."""
        steered: dict[tuple[int, int], Terms] = defaultdict(list)
        for g, group in enumerate(self.day.groups):
            if len(group.accepts) > 1:
                self._row(("demand", g, 0), [(u, 1.0) for u in self.u[g]], "<=", group.orders)
            for i, (bucket, _) in enumerate(group.accepts):
                steered[group.zone, bucket].append((self.u[g][i], -1.0))
        served: dict[tuple[int, int], Terms] = defaultdict(list)
        for a, arc in enumerate(self.day.arcs):
            served[arc.zone, arc.bucket].append((self.x[a], 1.0))
        for key in sorted(steered.keys() | served.keys()):
            self._row(("serve", *key), served[key] + steered[key], "==", 0.0)

    def _time(self) -> None:
        """Work fits into the usable time of the vehicles on the road, beside what is promised already."""
        work: dict[tuple[int, int], Terms] = defaultdict(list)
        fixed: dict[tuple[int, int], float] = defaultdict(float)
        for a, arc in enumerate(self.day.arcs):
            work[arc.fleet, arc.bucket].append((self.x[a], float(arc.work_s)))
        for t, taken in enumerate(self.day.taken):
            work[taken.fleet, taken.bucket].append((self.e[t], -1.0))
            fixed[taken.fleet, taken.bucket] += taken.work_s
        usable = self.problem.usable_bp / 10_000
        for s, shift in enumerate(self.day.shifts):
            for bucket in shift.covers:
                if (shift.fleet, bucket) in work:
                    work[shift.fleet, bucket].append((self.n[s], -usable * self.day.bucket_s(bucket)))
        for key in sorted(work):
            self._row(("time", *key), work[key], "<=", -fixed[key])

    def _fleet(self) -> None:
        """No more vehicles on the road at once than there are."""
        out: dict[tuple[int, int], Terms] = defaultdict(list)
        for s, shift in enumerate(self.day.shifts):
            for bucket in shift.covers:
                out[shift.fleet, bucket].append((self.n[s], 1.0))
        for fleet, bucket in sorted(out):
            limit = self.problem.fleets[fleet].vehicles
            self._row(("fleet", fleet, bucket), out[fleet, bucket], "<=", limit)

    def _range(self) -> None:
        """The metres of a fleet's day stay within the range of its shifts' batteries or tanks."""
        metres: dict[int, Terms] = defaultdict(list)
        for a, arc in enumerate(self.day.arcs):
            metres[arc.fleet].append((self.x[a], float(arc.distance_m)))
        for s, shift in enumerate(self.day.shifts):
            if shift.fleet in metres:
                reach = self.problem.fleets[shift.fleet].range_m
                metres[shift.fleet].append((self.n[s], -float(reach)))
        for fleet in sorted(metres):
            self._row(("range", fleet, 0), metres[fleet], "<=", 0.0)

    def _door(self) -> None:
        """Orders of a node and bucket pass its loading door, those promised already first."""
        through: dict[tuple[int, int], Terms] = defaultdict(list)
        for a, arc in enumerate(self.day.arcs):
            through[self.problem.fleets[arc.fleet].node, arc.bucket].append((self.x[a], 1.0))
        promised: dict[tuple[int, int], int] = defaultdict(int)
        for taken in self.day.taken:
            promised[self.problem.fleets[taken.fleet].node, taken.bucket] += taken.orders
        for node, bucket in sorted(through):
            room = door_room(self.problem, self.day, node, bucket) - promised[node, bucket]
            self._row(("door", node, bucket), through[node, bucket], "<=", max(0.0, room))

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
            self._row(("small", *key), mixed[key], "<=", 0.0)

    def cap_hours(self, most_hours: Mapping[int, float]) -> None:
        """Keep the driver hours of single nodes within what is left of their week."""
        for node, most in sorted(most_hours.items()):
            mine = [
                (self.n[s], shift.hours)
                for s, shift in enumerate(self.day.shifts)
                if self.problem.fleets[shift.fleet].node == node
            ]
            self._row(("hours", node, 0), mine, "<=", most)

    def amounts(
        self, values: Sequence[float]
    ) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...], tuple[float, ...]]:
        """Of the sheet's values those of the day: steered by group, served by arc, overflow."""
        mine = iter([max(0.0, value) for value in values[self.first :]])
        steered = tuple(tuple(islice(mine, len(group.accepts))) for group in self.day.groups)
        served = tuple(islice(mine, len(self.x)))
        list(islice(mine, len(self.n)))
        return steered, served, tuple(islice(mine, len(self.e)))


def door_room(problem: Problem, day: DayProblem, node: int, bucket: int) -> float:
    """Orders that a node's door lets through in a bucket."""
    return problem.nodes[node].door_orders_per_h * day.bucket_s(bucket) / 3600


def solve_day(
    problem: Problem,
    day: DayProblem,
    *,
    hour_price: Sequence[float],
    limits: Limits,
    most_hours: dict[int, float] | None = None,
) -> DaySolution:
    """The best integer plan of a day with driver hours priced, its proved bound and shadow prices.

    `most_hours` caps the hours of single nodes (used to repair a week that asks for too many). The model
    is built and handed over once; three passes follow: relaxed, whole, and with the vehicles fixed.
    """
    started = time.process_time()
    with uncollected():
        sheet = Sheet(f"day_{day.day}")
        model = DayModel(problem, day, sheet)
        objective = model.objective(hour_price)
        sheet.maximise(objective)
        model.cap_hours(most_hours or {})
        engine = Engine(sheet, limits)
    bound = engine.run().objective_function_value
    bindings = _bindings(model, engine.worths())
    # Without an incumbent in time nobody is sent out: a plan all the same, and its gap says so.
    vehicles = [0] * len(model.n)
    if model.n:
        proved, found = engine.whole(model.counts, limits)
        bound = min(bound, proved)
        if found:
            vehicles = [round(found[column]) for column in model.counts]
    # Once more with the vehicles fixed: exact flows, and the worth of each vehicle minute.
    engine.fix(model.counts, vehicles)
    engine.run()
    values = engine.values()
    worth = sum(factor * value for (_, factor), value in zip(objective, values, strict=True))
    steered, served, overflow = model.amounts(values)
    build_s = time.process_time() - started - engine.solve_s
    return DaySolution(
        day=day.day,
        vehicles=tuple(vehicles),
        served=served,
        steered=steered,
        overflow_s=overflow,
        objective=worth,
        bound=max(bound, worth),
        solver_s=engine.solve_s,
        build_s=max(0.0, build_s),
        columns=sheet.columns,
        minute_worth=minute_worth(model, engine.worths()),
        bindings=bindings,
    )


def minute_worth(model: DayModel, worths: Sequence[float]) -> tuple[tuple[int, int, float], ...]:
    """Minor units of one more vehicle minute per (fleet, bucket), from the worths of the model's rows."""
    return tuple(
        (fleet, bucket, max(0.0, worths[row] * 60))
        for (name, fleet, bucket), row in model.rows.items()
        if name == "time" and worths[row] > _EPSILON
    )


_WORDS = {
    "fleet": ("vehicles of this kind at once", "vehicle"),
    "range": ("range of this kind", "kilometre"),
    "door": ("orders through the loading door", "order"),
    "small": ("share of small orders", "order"),
    "hours": ("driver hours", "hour"),
}
_SCALE = {"range": 1000.0}


def _bindings(model: DayModel, worths: Sequence[float]) -> tuple[Binding, ...]:
    """The limits of the relaxation with the highest worth of one more unit."""
    found = []
    for (name, first, second), row in model.rows.items():
        worth = worths[row] * _SCALE.get(name, 1.0)
        if name not in _WORDS or name == "small" or worth <= 1.0:
            continue
        words, unit = _WORDS[name]
        found.append(
            Binding(
                limit=words,
                unit=unit,
                worth_minor=worth,
                node=first if name in ("door", "hours") else None,
                fleet=first if name in ("fleet", "range") else None,
                bucket=second if name in ("door", "fleet") else None,
            )
        )
    return tuple(sorted(found, key=lambda b: -b.worth_minor)[:5])
