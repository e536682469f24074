"""Shadow prices after a batch of bookings: solved on from the last basis, beside a model built and solved afresh."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from app.allocation.problem import DayChange, DaySolution, Limits, Plan, Problem, Taken
from app.allocation.solve.day import solve_day
from app.allocation.solve.prices import Prices
from benchmarks.city import city_day
from benchmarks.page import Section, Table, spread

NAME = "prices"
TITLE = "Shadow prices after a batch of bookings"
SIZES = ((40, 2_000), (100, 6_000))
SHARES = (0.02, 0.1, 1.0)
ROUNDS = 5
LIMITS = Limits(day_s=15, gap=0.005, processes=1)


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of CPU: of the solver when warm, of the whole refresh, and of a fresh model for the same."""

    share: float
    solver_ms: list[float]
    refresh_ms: list[float]
    afresh_ms: list[float]


def run(sizes: Sequence[tuple[int, int]] = SIZES) -> Section:
    """Measure every size."""
    return section([(zones, orders, measured(zones, orders)) for zones, orders in sizes])


def measured(zones: int, orders: int, rounds: int = ROUNDS, limits: Limits = LIMITS) -> list[Timing]:
    """A planned day, then batches that change the demand of some zones and take from as large a part of the pools."""
    problem = city_day(zones, orders)
    day = problem.days[0]
    free = [0.0] * len(problem.nodes)
    solution = solve_day(problem, day, hour_price=free, limits=limits)
    plan = Plan((solution,), ((0.0,),) * 4, solution.objective, solution.bound, 0, 0, 0)
    prices = Prices(problem, plan)
    prices.refresh([DayChange(day.day)])
    batches = Batches(problem, solution)
    found = []
    for share in SHARES:
        timing = Timing(share, [], [], [])
        for _ in range(rounds):
            change = batches.next(share)
            timed(timing, prices, change)
            started = time.process_time()
            Prices(problem, plan).refresh([batches.all()])
            timing.afresh_ms.append((time.process_time() - started) * 1000)
        print(NAME, zones, orders, share, spread(timing.solver_ms, ".0f"), flush=True)
        found.append(timing)
    return found


def timed(timing: Timing, prices: Prices, change: DayChange) -> None:
    """Refresh once and note what it took."""
    started = time.process_time()
    (told,) = prices.refresh([change])
    timing.refresh_ms.append((time.process_time() - started) * 1000)
    timing.solver_ms.append(told.solver_s * 1000)


class Batches:
    """Bookings as they come: a pool is taken three drops at a time up to half of its time, demand moves a little."""

    def __init__(self, problem: Problem, solution: DaySolution) -> None:
        day = problem.days[0]
        self._day, self._rng = day, Random(1)
        self._base = [0.0] * len(problem.zones)
        for group in day.groups:
            self._base[group.zone] += group.orders
        self._to_come = list(self._base)
        self._room: dict[tuple[int, int], int] = {}
        for shift, count in zip(day.shifts, solution.vehicles, strict=True):
            for bucket in shift.covers if count else ():
                key = (shift.fleet, bucket)
                self._room[key] = self._room.get(key, 0) + count * day.bucket_s(bucket) // 2
        self._taken = {key: Taken(*key, 0, 0) for key in sorted(self._room)}

    def next(self, share: float) -> DayChange:
        """The next batch: new amounts for so large a part of zones and pools."""
        rng = self._rng
        zones = rng.sample(range(len(self._base)), max(1, round(share * len(self._base))))
        for zone in zones:
            self._to_come[zone] = self._base[zone] * rng.uniform(0.85, 1.1)
        pools = rng.sample(sorted(self._taken), max(1, round(share * len(self._taken))))
        for key in pools:
            one = self._taken[key]
            if one.work_s + 1_800 <= self._room[key]:
                self._taken[key] = Taken(*key, one.work_s + 1_800, one.orders + 3)
        return DayChange(
            self._day.day,
            tuple((zone, self._to_come[zone]) for zone in zones),
            tuple(self._taken[key] for key in pools),
        )

    def all(self) -> DayChange:
        """All amounts as they are now."""
        return DayChange(self._day.day, tuple(enumerate(self._to_come)), tuple(self._taken.values()))


def section(found: Sequence[tuple[int, int, list[Timing]]]) -> Section:
    """The table."""
    rows = [
        (
            f"{zones} / {orders:,}",
            f"{timing.share:.0%}",
            f"{spread(timing.solver_ms, '.0f')} ms",
            f"{spread(timing.refresh_ms, '.0f')} ms",
            f"{spread(timing.afresh_ms, '.0f')} ms",
        )
        for zones, orders, timings in found
        for timing in timings
    ]
    head = (
        "zones / orders",
        "zones and pools changed",
        "solver, warm",
        "whole refresh",
        "built and solved afresh",
    )
    text = f"""
CPU milliseconds of one thread, as median [least - most] of {ROUNDS} batches. A batch changes the orders still to come of some
zones by -15 to +10 % and takes three more drops from as large a part of the pools; the worth of every pool's minute is
then that of a fresh linear program with the plan's vehicles. Aim: 50 ms of solver.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
