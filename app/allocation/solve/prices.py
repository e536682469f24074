"""Shadow prices that stay fresh: each day in a HiGHS object of its own, solved on from where it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from app.allocation.problem import (
    DayChange,
    DayProblem,
    DaySolution,
    DayWorths,
    Limits,
    Plan,
    Problem,
    Taken,
)
from app.allocation.solve.day import minute_worth
from app.allocation.solve.model import DayModel, door_room
from app.allocation.solve.sheet import Engine, Sheet, uncollected
from app.allocation.travel import averages


class Prices:
    """The worth of every vehicle minute of a published plan, as bookings come in.

    Vehicles, shifts and open windows are those of the plan; what flows on them is a linear program per day,
    kept with its basis, so that a batch of bookings costs milliseconds. A day's first refresh builds it.
    """

    def __init__(self, problem: Problem, plan: Plan, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._told = {
            day.day: (problem, day, solution) for day, solution in zip(problem.days, plan.days, strict=True)
        }
        self._days: dict[date, DayPrices] = {}

    def refresh(self, changes: Iterable[DayChange]) -> tuple[DayWorths, ...]:
        """Fresh worths of the days that the changes name; days that the plan does not have are left out."""
        return tuple(self._day(change.day).refresh(change) for change in changes if change.day in self._told)

    def _day(self, day: date) -> DayPrices:
        if day not in self._days:
            self._days[day] = DayPrices(*self._told[day], self._limits)
        return self._days[day]


class DayPrices:
    """One day's flows with the plan's vehicles on the road, solved from the last basis for each change."""

    def __init__(self, problem: Problem, day: DayProblem, solution: DaySolution, limits: Limits) -> None:
        self._problem, self._orders = problem, [group.orders for group in day.groups]
        self._first = _amounts(day.taken)
        self._taken = dict(self._first)
        # Whatever may be taken later has its column now.
        pools = sorted(
            {(arc.fleet, arc.bucket) for arc in day.arcs}
            | {(shift.fleet, bucket) for shift in day.shifts for bucket in shift.covers}
            | self._taken.keys()
        )
        self._day = replace(
            _as_opened(day, solution),
            taken=tuple(Taken(*key, *self._taken.get(key, (0, 0))) for key in pools),
        )
        self._place = {key: place for place, key in enumerate(pools)}
        self._zones = _zone_groups(day)
        with uncollected():
            sheet = Sheet(f"prices_{day.day}")
            # As the plan's travel is counted once it is sold: on the average.
            self._model = DayModel(problem, self._day, sheet, lines=averages(day, solution.served))
            sheet.maximise(self._model.objective())
            self._engine = Engine(sheet, limits)
        self._engine.fix(self._model.counts, solution.vehicles)
        out = zip(day.shifts, solution.vehicles, strict=True)
        self._out = {(shift.fleet, bucket) for shift, count in out if count for bucket in shift.covers}

    def refresh(self, change: DayChange) -> DayWorths:
        """The worth of every minute with these amounts; raises ValueError when there is no answer."""
        self._demand(change.to_come)
        self._take(_amounts(change.taken))
        before = self._engine.solve_s
        self._engine.run()
        worths = minute_worth(self._model, self._engine.worths())
        # A pool without vehicles sells nothing, and its worth is anything.
        out = tuple(worth for worth in worths if worth[:2] in self._out)
        return DayWorths(self._day.day, out, self._engine.solve_s - before)

    def _demand(self, to_come: Iterable[tuple[int, float]]) -> None:
        columns: list[int] = []
        most: list[float] = []
        for zone, orders in to_come:
            groups = self._zones.get(zone, ())
            before = sum(self._orders[g] for g in groups)
            for g in groups:
                amount = self._orders[g] * max(0.0, orders) / before if before else 0.0
                columns += self._model.steered[g]
                most += [amount] * len(self._model.steered[g])
                row = self._model.rows.get(("demand", g, 0))
                if row is not None:
                    self._engine.limit(row, amount)
            row = self._model.rows.get(("turned", zone, 0))
            if row is not None:
                self._engine.limit(row, max(0.0, orders) if before else 0.0)
        self._engine.bound(columns, most)

    def _take(self, taken: Mapping[tuple[int, int], tuple[int, int]]) -> None:
        known = {key: amounts for key, amounts in taken.items() if key in self._place}
        self._taken |= known
        places = [self._place[key] for key in known]
        self._engine.bound(
            [self._model.overflow[p] for p in places], [float(work_s) for work_s, _ in known.values()]
        )
        for key, (work_s, _) in known.items():
            row = self._model.rows.get(("time", *key))
            if row is not None:
                self._engine.limit(row, -float(work_s))
        self._waves()
        self._doors({(self._problem.fleets[fleet].node, bucket) for fleet, bucket in known})

    def _waves(self) -> None:
        for w, wave in enumerate(self._day.waves):
            row = self._model.rows.get(("wave", w, 0))
            fed = [
                key
                for key in self._taken
                if self._problem.fleets[key[0]].node == wave.node and key[1] in wave.buckets
            ]
            more = sum(self._taken[key][1] - self._first.get(key, (0, 0))[1] for key in fed)
            if row is not None:
                self._engine.limit(row, max(0.0, wave.orders - wave.taken - more))

    def _doors(self, touched: Iterable[tuple[int, int]]) -> None:
        promised: dict[tuple[int, int], int] = defaultdict(int)
        for (fleet, bucket), (_, orders) in self._taken.items():
            promised[self._problem.fleets[fleet].node, bucket] += orders
        for node, bucket in touched:
            row = self._model.rows.get(("door", node, bucket))
            if row is not None:
                room = door_room(self._problem, self._day, node, bucket) - promised[node, bucket]
                self._engine.limit(row, max(0.0, room))


def _as_opened(day: DayProblem, solution: DaySolution) -> DayProblem:
    """The day with its openings decided: nobody accepts a bucket that is closed in their zone."""
    ruled, opened = {rule.zone for rule in day.openings}, set(solution.opened)
    groups = tuple(
        replace(group, accepts=tuple(one for one in group.accepts if (group.zone, one[0]) in opened))
        if group.zone in ruled
        else group
        for group in day.groups
    )
    return replace(day, groups=groups, openings=())


def _amounts(taken: Iterable[Taken]) -> dict[tuple[int, int], tuple[int, int]]:
    """Work seconds and orders by (fleet, bucket)."""
    return {(one.fleet, one.bucket): (one.work_s, one.orders) for one in taken}


def _zone_groups(day: DayProblem) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for g, group in enumerate(day.groups):
        found[group.zone].append(g)
    return found
