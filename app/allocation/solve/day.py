"""One day's capacity plan as a PuLP model: the compact form, integer only in vehicles per shift."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulp
from pulp import LpAffineExpression, LpProblem, LpVariable

from app.allocation.problem import (
    OVERFLOW_PRICE,
    Binding,
    DayProblem,
    DaySolution,
    Limits,
    Problem,
)

_EPSILON = 1e-6
# HighsInfo.primal_solution_status of a feasible point.
_FEASIBLE = 2


class Sheet:
    """A PuLP problem that counts its own rows: asking PuLP for the count lists them all each time."""

    def __init__(self, name: str) -> None:
        self.prob = LpProblem(name, pulp.LpMaximize)
        self.rows = 0

    def row(self, terms: list[tuple[LpVariable, float]], sense: str, bound: float) -> int:
        """Add `sum(terms) sense bound`; returns the row's number."""
        left = LpAffineExpression.from_list(terms)
        self.prob += left <= bound if sense == "<=" else left == bound
        self.rows += 1
        return self.rows - 1


class DayModel:
    """Variables and rows of one day inside a PuLP problem (which may hold several days).

    `u` steered demand per group and bucket, `x` served orders per arc, `n` vehicles per shift,
    `e` overflow of work that is promised already. Rows are kept by name for their shadow prices.
    """

    def __init__(self, problem: Problem, day: DayProblem, sheet: Sheet, *, tag: str = "") -> None:
        self.problem, self.day, self.sheet, self.prob, self.tag = problem, day, sheet, sheet.prob, tag
        self.rows: dict[tuple[str, int, int], int] = {}
        self._variables()
        self._demand()
        self._time()
        self._fleet()
        self._range()
        self._door()
        self._small_orders()

    def _variables(self) -> None:
        add, day, tag = self.prob.add_variable, self.day, self.tag
        self.u = [
            [add(f"u{tag}_{g}_{i}", 0, group.orders) for i in range(len(group.accepts))]
            for g, group in enumerate(day.groups)
        ]
        self.x = [add(f"x{tag}_{a}", 0) for a in range(len(day.arcs))]
        self.n = [
            add(f"n{tag}_{s}", 0, self.problem.fleets[shift.fleet].vehicles, cat="Integer")
            for s, shift in enumerate(day.shifts)
        ]
        self.e = [add(f"e{tag}_{t}", 0, taken.work_s) for t, taken in enumerate(day.taken)]

    def objective(self, hour_price: Sequence[float] | None = None) -> list[tuple[LpVariable, float]]:
        """Contribution of the day in minor units, less the price of its driver hours, as terms."""
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

    def _row(
        self, key: tuple[str, int, int], terms: list[tuple[LpVariable, float]], sense: str, bound: float
    ) -> None:
        self.rows[key] = self.sheet.row(terms, sense, bound)

    def _demand(self) -> None:
        """Nobody is delivered twice; what is steered to a zone and bucket is served there."""
        steered: dict[tuple[int, int], list[tuple[LpVariable, float]]] = defaultdict(list)
        for g, group in enumerate(self.day.groups):
            if len(group.accepts) > 1:
                self._row(("demand", g, 0), [(u, 1.0) for u in self.u[g]], "<=", group.orders)
            for i, (bucket, _) in enumerate(group.accepts):
                steered[group.zone, bucket].append((self.u[g][i], -1.0))
        served: dict[tuple[int, int], list[tuple[LpVariable, float]]] = defaultdict(list)
        for a, arc in enumerate(self.day.arcs):
            served[arc.zone, arc.bucket].append((self.x[a], 1.0))
        for key in sorted(steered.keys() | served.keys()):
            self._row(("serve", *key), served[key] + steered[key], "==", 0.0)

    def _time(self) -> None:
        """Work fits into the usable time of the vehicles on the road, beside what is promised already."""
        work: dict[tuple[int, int], list[tuple[LpVariable, float]]] = defaultdict(list)
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
        out: dict[tuple[int, int], list[tuple[LpVariable, float]]] = defaultdict(list)
        for s, shift in enumerate(self.day.shifts):
            for bucket in shift.covers:
                out[shift.fleet, bucket].append((self.n[s], 1.0))
        for fleet, bucket in sorted(out):
            limit = self.problem.fleets[fleet].vehicles
            self._row(("fleet", fleet, bucket), out[fleet, bucket], "<=", limit)

    def _range(self) -> None:
        """The metres of a fleet's day stay within the range of its shifts' batteries or tanks."""
        metres: dict[int, list[tuple[LpVariable, float]]] = defaultdict(list)
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
        through: dict[tuple[int, int], list[tuple[LpVariable, float]]] = defaultdict(list)
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
        mixed: dict[tuple[int, int], list[tuple[LpVariable, float]]] = defaultdict(list)
        small_ones: set[tuple[int, int]] = set()
        for a, arc in enumerate(self.day.arcs):
            small = self.problem.fleets[arc.fleet].small_orders_only
            mixed[arc.zone, arc.bucket].append((self.x[a], 1 - share if small else -share))
            if small:
                small_ones.add((arc.zone, arc.bucket))
        for key in sorted(small_ones):
            self._row(("small", *key), mixed[key], "<=", 0.0)


def door_room(problem: Problem, day: DayProblem, node: int, bucket: int) -> float:
    """Orders that a node's door lets through in a bucket."""
    return problem.nodes[node].door_orders_per_h * day.bucket_s(bucket) / 3600


@dataclass
class TimedHiGHS:
    """PuLP's HiGHS with the seconds of the solve apart from those of building and transfer (CPU)."""

    solver: pulp.HiGHS
    solve_s: float = 0.0

    @classmethod
    def of(cls, limits: Limits, *, mip: bool = True) -> TimedHiGHS:
        """One thread and a fixed seed, so that the same problem gives the same plan."""
        # A limit in seconds of this process, which has one core to itself.
        solver = pulp.HiGHS(
            mip=mip,
            msg=False,
            gapRel=limits.gap if mip else None,
            threads=1,
            timeLimit=limits.day_s if mip else None,
            random_seed=limits.seed,
        )
        return cls(solver)

    def run(self, prob: LpProblem) -> Any:
        """Solve; the answer is HiGHS itself, with bounds and shadow prices; values are in the variables."""
        self.solver.createAndConfigureSolver(prob)
        self.solver.buildSolverModel(prob)
        started = time.process_time()
        self.solver.callSolver(prob)  # type: ignore[no-untyped-call]  # PuLP's own lack
        self.solve_s += time.process_time() - started
        self.solver.findSolutionValues(prob)  # type: ignore[no-untyped-call]  # PuLP's own lack
        return prob.solverModel


def solve_day(
    problem: Problem,
    day: DayProblem,
    *,
    hour_price: Sequence[float],
    limits: Limits,
    most_hours: dict[int, float] | None = None,
) -> DaySolution:
    """The best integer plan of a day with driver hours priced, its proved bound and shadow prices.

    `most_hours` caps the hours of single nodes (used to repair a week that asks for too many).
    """
    started = time.process_time()
    sheet = Sheet(f"day_{day.day}")
    model, prob = DayModel(problem, day, sheet), sheet.prob
    prob += LpAffineExpression.from_list(model.objective(hour_price))
    for node, most in sorted((most_hours or {}).items()):
        mine = [
            (model.n[s], shift.hours)
            for s, shift in enumerate(day.shifts)
            if problem.fleets[shift.fleet].node == node
        ]
        model.rows["hours", node, 0] = sheet.row(mine, "<=", most)
    relaxed = TimedHiGHS.of(limits, mip=False)
    highs = relaxed.run(prob)
    relaxed_bound = highs.getInfo().objective_function_value
    bindings = _bindings(model, highs.getSolution().row_dual)
    whole = TimedHiGHS.of(limits)
    info = whole.run(prob).getInfo()
    # Without an incumbent in time nobody is sent out: a plan all the same, and its gap says so.
    found = info.primal_solution_status == _FEASIBLE
    vehicles = [round(n.varValue or 0) if found else 0 for n in model.n]
    final, worth = _fixed(model, prob, vehicles, limits)
    bound = min(info.mip_dual_bound, relaxed_bound) if model.n else relaxed_bound
    solve_s = relaxed.solve_s + whole.solve_s + final.solve_s
    return _solution(
        model, vehicles, hour_price, bound, solve_s, time.process_time() - started, worth, bindings
    )


def _fixed(
    model: DayModel, prob: LpProblem, vehicles: Sequence[int], limits: Limits
) -> tuple[TimedHiGHS, tuple[tuple[int, int, float], ...]]:
    """Solve once more with the vehicles fixed: exact flows, and the worth of each vehicle minute."""
    for n, count in zip(model.n, vehicles, strict=True):
        n.lowBound = n.upBound = count
    final = TimedHiGHS.of(limits, mip=False)
    duals = final.run(prob).getSolution().row_dual
    worth = tuple(
        (fleet, bucket, max(0.0, duals[row] * 60))
        for (name, fleet, bucket), row in model.rows.items()
        if name == "time" and duals[row] > _EPSILON
    )
    return final, worth


def _solution(
    model: DayModel,
    vehicles: Sequence[int],
    hour_price: Sequence[float],
    bound: float,
    solve_s: float,
    all_s: float,
    worth: tuple[tuple[int, int, float], ...],
    bindings: tuple[Binding, ...],
) -> DaySolution:
    objective = sum(factor * (v.varValue or 0) for v, factor in model.objective(hour_price))
    return DaySolution(
        day=model.day.day,
        vehicles=tuple(vehicles),
        served=tuple(_value(x) for x in model.x),
        steered=tuple(tuple(_value(u) for u in group) for group in model.u),
        overflow_s=tuple(_value(e) for e in model.e),
        objective=objective,
        bound=max(bound, objective),
        solver_s=solve_s,
        build_s=max(0.0, all_s - solve_s),
        columns=model.prob.numVariables(),
        minute_worth=worth,
        bindings=bindings,
    )


def _value(v: LpVariable) -> float:
    return max(0.0, float(v.varValue or 0.0))


_WORDS = {
    "fleet": ("vehicles of this kind at once", "vehicle"),
    "range": ("range of this kind", "kilometre"),
    "door": ("orders through the loading door", "order"),
    "small": ("share of small orders", "order"),
    "hours": ("driver hours", "hour"),
}
_SCALE = {"range": 1000.0}


def _bindings(model: DayModel, duals: Sequence[float]) -> tuple[Binding, ...]:
    """The limits of the relaxation with the highest worth of one more unit."""
    found = []
    for (name, first, second), row in model.rows.items():
        worth = duals[row] * _SCALE.get(name, 1.0)
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
