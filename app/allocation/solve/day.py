"""One day solved: relaxed, whole, with the vehicles fixed; travel in passes where it is concave."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.allocation.problem import (
    Binding,
    DayProblem,
    DaySolution,
    Limits,
    Problem,
    contribution,
    hours_used,
)
from app.allocation.solve.model import Amounts, DayModel
from app.allocation.solve.opening import Opened
from app.allocation.solve.sheet import Engine, Sheet, uncollected
from app.allocation.travel import Line, between_m, chords, tangents

_EPSILON = 1e-6
# Tangent passes before the vehicles are whole, and after: more change less than the gap leaves open.
PASSES, LAST_PASSES = 3, 2
# A window that the relaxation opens as nearly as this, or as little, is clear.
_CLEAR = 1e-3
_NOTHING_OPENED = Opened((), (), ())


def solve_day(
    problem: Problem,
    day: DayProblem,
    *,
    hour_price: Sequence[float],
    limits: Limits,
    most_hours: dict[int, float] | None = None,
) -> DaySolution:
    """The best integer plan of a day with driver hours priced, its proved bounds and shadow prices.

    `most_hours` caps the hours of single nodes (used to repair a week that asks for too many). The model
    is built and handed over once; passes follow: relaxed (several, where travel is concave), whole, with
    the vehicles fixed, and with chords for the bound that holds whatever the travel.
    """
    started = time.process_time()
    with uncollected():
        sheet = Sheet(f"day_{day.day}")
        model = DayModel(problem, day, sheet)
        sheet.maximise(model.objective(hour_price))
        model.cap_hours(most_hours or {})
        engine = Engine(sheet, limits)
    run = _Run(problem, day, hour_price, model, engine, [])
    bound = run.relaxed()
    bindings = _bindings(model, engine)
    bound = min(bound, run.whole(limits))
    solution = run.flows()
    build_s = time.process_time() - started - engine.solve_s
    return replace(
        solution,
        bound=max(bound, solution.objective),
        chord_bound=run.chord_bound(max(bound, solution.objective)),
        solver_s=engine.solve_s,
        build_s=max(0.0, build_s),
        columns=sheet.columns,
        bindings=bindings,
        passes=tuple(run.passes),
    )


@dataclass
class _Run:
    """The passes of one day; `passes` notes what each plan of the relaxation would really earn."""

    problem: Problem
    day: DayProblem
    hour_price: Sequence[float]
    model: DayModel
    engine: Engine
    passes: list[float]

    @property
    def concave(self) -> bool:
        """Whether any drop is nearer to the next the more there are."""
        return any(arc.spread_m for arc in self.day.arcs)

    def relaxed(self) -> float:
        """The relaxation's worth, travel by tangents at what the pass before served."""
        worth = self._run()
        if not self.concave:
            return worth
        for _ in range(PASSES):
            values = self.engine.values()
            worth = self._run(tangents(self.day, self.model.amounts(values).served))
            if not self.engine.solved():
                worth = self._run(self._through_nothing())
            self.passes.append(self._really(worth))
        return worth

    def whole(self, limits: Limits) -> float:
        """Decide the vehicles and the openings, which stay so from now on; returns the proved bound."""
        columns = self.model.whole
        if not columns:
            return float("inf")
        proved, found = self._decided(limits)
        if found is None and self.concave:
            # Vehicles that the relaxation had in parts may be too few for what its lines drive in any case.
            self.model.travel(self.engine, self._through_nothing())
            proved, found = self._decided(limits)
        # Without an incumbent in time nobody is sent out: a plan all the same, and its gap says so.
        chosen = [round(found[column]) for column in columns] if found else [0] * len(columns)
        self.engine.fix(columns, chosen)
        return proved - self.model.travel_minor()

    def _decided(self, limits: Limits) -> tuple[float, list[float] | None]:
        proved, found = self._with_clear_openings(limits)
        if proved is None:
            return self.engine.whole(self.model.whole, limits, start=found)
        return proved, found

    def _through_nothing(self) -> list[Line]:
        """Tangents that drive nothing where nothing is served: some plan always fits them."""
        return tangents(self.day, [0.0] * len(self.day.arcs))

    def _with_clear_openings(self, limits: Limits) -> tuple[float | None, list[float] | None]:
        """What is found when windows that the relaxation opens wholly, or not at all, stay so, with the
        relaxation's bound if it is near enough, else None.

        Most windows are clear; deciding only about the others finds plans that the whole search does not.
        """
        if not self.model.opening:
            return None, None
        relaxed, values = self.engine.worth(self.engine.values()), self.engine.values()
        clear = [c for c in self.model.opening.columns if min(values[c], 1 - values[c]) < _CLEAR]
        self.engine.fix(clear, [round(values[c]) for c in clear])
        _, found = self.engine.whole(self.model.whole, replace(limits, day_s=limits.day_s / 2))
        self.engine.bound(clear, [1.0] * len(clear))
        if found is None:
            return None, None
        worth = self.engine.worth(found)
        near = relaxed - worth <= limits.gap * max(abs(worth), 1.0)
        return (relaxed if near else None), found

    def flows(self) -> DaySolution:
        """Once more with the vehicles fixed: exact flows, and the worth of each vehicle minute."""
        self._run()
        for _ in range(LAST_PASSES if self.concave else 0):
            served = self.model.amounts(self.engine.values()).served
            self._run(tangents(self.day, served))
        values = self.engine.values()
        found = self._solution(values)
        return replace(
            found,
            objective=self._worth(found),
            minute_worth=minute_worth(self.model, self.engine.worths()),
        )

    def chord_bound(self, otherwise: float) -> float:
        """What no plan of the day can exceed, however its travel falls out: the relaxation with chords."""
        if not self.concave:
            return otherwise
        fleets, shifts = self.problem.fleets, self.day.shifts
        columns = list(self.model.counts)
        self.engine.bound(columns, [float(fleets[shift.fleet].vehicles) for shift in shifts])
        opened = list(self.model.opening.columns) if self.model.opening else []
        self.engine.bound(opened, [1.0] * len(opened))
        return self._run(chords(self.problem, self.day))

    def _run(self, lines: Sequence[Line] | None = None) -> float:
        if lines is not None:
            self.model.travel(self.engine, lines)
        worth: float = self.engine.run().objective_function_value
        return worth - self.model.travel_minor()

    def _really(self, worth: float) -> float:
        """What the last pass's plan earns on the real way between drops: never less than its lines say."""
        served = self.model.amounts(self.engine.values()).served
        saved = (
            self.problem.fleets[arc.fleet].minor_per_m * (line.slope_m * x + line.base_m - between_m(arc, x))
            for arc, line, x in zip(self.day.arcs, self.model.lines, served, strict=True)
        )
        return worth + sum(saved)

    def _worth(self, found: DaySolution) -> float:
        nodes = len(self.problem.nodes)
        hours = hours_used(self.day, found.vehicles, nodes, self.problem.fleets)
        priced = sum(price * used for price, used in zip(self.hour_price, hours, strict=True))
        return contribution(self.problem, self.day, found) - priced

    def _solution(self, values: Sequence[float]) -> DaySolution:
        amounts: Amounts = self.model.amounts(values)
        opened = self.model.opening.read(values) if self.model.opening else _NOTHING_OPENED
        return DaySolution(
            day=self.day.day,
            vehicles=tuple(round(values[c]) for c in self.model.counts),
            served=amounts.served,
            steered=amounts.steered,
            overflow_s=amounts.overflow_s,
            objective=0.0,
            bound=0.0,
            solver_s=0.0,
            build_s=0.0,
            columns=0,
            opened=opened.opened,
            empty_trips=opened.empty_trips,
            short=opened.short,
        )


def minute_worth(model: DayModel, worths: Sequence[float]) -> tuple[tuple[int, int, float], ...]:
    """Minor units of one more vehicle minute per (fleet, bucket), from the worths of the model's rows."""
    return tuple(
        (fleet, bucket, max(0.0, worths[row] * 60))
        for (name, fleet, bucket), row in model.rows.items()
        if name == "time" and worths[row] > _EPSILON
    )


# Rows that a business knows as limits: in its words, the unit, and how many of the row's units that is.
_WORDS = {
    "fleet": ("vehicles of this kind at once", "vehicle", 1.0),
    "range": ("range of this kind", "kilometre", 1000.0),
    "door": ("orders through the loading door", "order", 1.0),
    "wave": ("orders picked in one wave", "order", 1.0),
    "hours": ("driver hours", "hour", 1.0),
    "most": ("windows open in this zone", "window", 1.0),
}
_MOST_BINDINGS = 5


def _bindings(model: DayModel, engine: Engine) -> tuple[Binding, ...]:
    """The limits of the relaxation with the highest worth of one more unit, at most five of each kind."""
    found = sorted(
        (*_rows_that_bind(model, engine.worths()), *_streets_that_bind(model, engine.reduced())),
        key=lambda b: -b.worth_minor,
    )
    kept: Counter[str] = Counter()
    chosen = []
    for one in found:
        kept[one.limit] += 1
        if kept[one.limit] <= _MOST_BINDINGS:
            chosen.append(one)
    return tuple(chosen)


def _rows_that_bind(model: DayModel, worths: Sequence[float]) -> Iterator[Binding]:
    lacking = {f"skill{k}": one.words for k, one in enumerate(model.unable)}
    for (name, first, second), row in model.rows.items():
        words, unit, scale = _WORDS.get(name, ("", "", 0.0))
        if name in lacking:
            words, unit, scale = f"vehicles for orders that need {lacking[name]}", "order", 1.0
        worth = worths[row] * scale
        if worth <= 1.0:
            continue
        wave = model.day.waves[first] if name == "wave" else None
        yield Binding(
            limit=words,
            unit=unit,
            worth_minor=worth,
            node=wave.node if wave else first if name in ("door", "hours") else None,
            fleet=first if name in ("fleet", "range") else None,
            bucket=second if name in ("door", "fleet", *lacking) else wave.buckets[0] if wave else None,
            zone=first if name in ("most", *lacking) else None,
        )


def _streets_that_bind(model: DayModel, reduced: Sequence[float]) -> Iterator[Binding]:
    """Where a combustion engine would earn more than anything that may go there at that hour."""
    for a in model.barred:
        worth = reduced[model.served[a]]
        if worth > 1.0:
            arc = model.day.arcs[a]
            yield Binding("low-emission streets", "order", worth, None, arc.fleet, arc.bucket, arc.zone)
