"""Which pool serves each order: a relaxation, rounding with priced overtime, annealing and small programs.

`min sum (cost + worth + move) y + sum partner q + sum overtime e` with one choice or a partner courier per
order, the work of a pool within its room and overtime, its other dimensions within its room, and the orders
of a picking wave within what it still takes. The bound is the relaxation's with partner couriers not split.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random

from app.allocation.orders import (
    PARTNER,
    OrderLimits,
    OrderPlan,
    OrderProblem,
    cost_of,
    overtime_of,
)
from app.allocation.problem import Limits
from app.allocation.solve.anneal import Annealing
from app.allocation.solve.exchange import Exchange
from app.allocation.solve.orders_model import Free, OrdersEngine, OrdersModel
from app.allocation.solve.relaxed_orders import Relaxed, relaxed
from app.allocation.solve.rounding import Ledger, placed
from app.allocation.solve.sheet import uncollected

# Choices that the relaxation prices this much above its own are left out of the first integer program.
_NEAR_MINOR = 2.0
_NEAR_ORDERS = 4_000
# With so few choices in all none is left out.
_ALL_CHOICES = 1_000
# A neighbourhood is a few pools that share orders: about so many binaries, for so many CPU seconds.
_HOOD_BINARIES = 900
_HOOD_S = 2.0
# So many neighbourhoods in succession without a better answer are enough.
_FRUITLESS = 12
# With less time than this neither loading the machine code of the annealing pays, nor a better bound.
_ANNEAL_S = 5.0
# Rounds of annealing: the part of the time that is left, how hot each begins, and the seconds of every pool
# that are kept free against the last second too much. The first takes no more than so many CPU seconds for a
# thousand orders; the last part of the time is for what comes after.
_ROUNDS = (
    (0.5, 1.4, 0.0),
    (0.55, 20.0, 1.0),
    (0.4, 3.0, 3.0),
    (0.6, 5.0, 1.0),
    (0.6, 5.0, 1.0),
    (1.0, 5.0, 1.0),
)
_FIRST_ROUND_S, _SHORTEST_S, _LATER = 0.5, 0.2, 0.1
# The round that keeps more seconds free; they do not help against more work than this beyond all overtime.
_KEEPS_FREE, _MUCH_S = 2, 60.0


def solve_orders(problem: OrderProblem, limits: OrderLimits) -> OrderPlan:
    """The allocation of all orders, never infeasible, with a bound that none can be below."""
    began = time.process_time()
    search = _Search(problem, limits, began)
    told = search.relax()
    search.exchange()
    search.anneal(told)
    search.exchange()
    search.restricted()
    search.exchange()
    search.neighbourhoods()
    solver_s = search.solver_s
    spent = time.process_time() - began
    return OrderPlan(
        chosen=tuple(search.chosen),
        overtime_s=tuple(overtime_of(problem, search.chosen)),
        objective=cost_of(problem, search.chosen),
        bound=min(told.bound, cost_of(problem, search.chosen)),
        minute_worth=told.minute_worth,
        fractional=told.fractional,
        columns=told.columns,
        solver_s=solver_s,
        build_s=max(0.0, spent - solver_s),
    )


class _Search:
    """The best answer so far, and what the relaxation told about every choice."""

    def __init__(self, problem: OrderProblem, limits: OrderLimits, began: float) -> None:
        self.problem, self.limits, self.began = problem, limits, began
        self.engine_limits = Limits(seed=limits.seed)
        self.chosen: list[int] = [PARTNER] * len(problem.orders)
        self.bound = 0.0
        self.dearer: list[list[float]] = []
        self.solver_s = 0.0

    @property
    def left_s(self) -> float:
        """CPU seconds that may still be spent."""
        return self.limits.seconds - (time.process_time() - self.began)

    @property
    def gap(self) -> float:
        """How far the best answer is from the bound."""
        return (cost_of(self.problem, self.chosen) - self.bound) / max(abs(self.bound), 1.0)

    def relax(self) -> Relaxed:
        """Solve the relaxation, keep what is whole, place the rest."""
        hurried = self.limits.seconds < _ANNEAL_S
        told = relaxed(self.problem, self.engine_limits, split_couriers=hurried)
        self.bound, self.dearer = told.bound, told.dearer
        self.solver_s += told.solver_s
        self.chosen = placed(self.problem, told.whole)
        return told

    def anneal(self, told: Relaxed) -> None:
        """Annealing until the gap or the time is reached.

        A short round from the relaxation's largest parts, and a long one that begins so hot that it forgets
        them. Then from where that ended with more seconds kept free, unless work is far beyond all overtime;
        and while it is beyond, with one partner courier more each time.
        """
        few = sum(map(len, self.dearer)) <= _ALL_CHOICES
        if few or self.left_s < _ANNEAL_S or self.gap <= self.limits.gap:
            return
        began = time.process_time()
        annealing = Annealing(self.problem, told.parts, self.dearer, told.minute_worth)
        couriers = told.couriers
        first_s = _FIRST_ROUND_S * max(0.4, len(self.problem.orders) / 1_000)
        for number, (share, hot, spare_s) in enumerate(_ROUNDS):
            seconds = share * (self.left_s - _LATER * self.limits.seconds)
            if self.gap <= self.limits.gap or seconds < _SHORTEST_S:
                break
            excess_s = annealing.excess_s()
            if number == _KEEPS_FREE and excess_s > _MUCH_S:
                continue
            if number >= _KEEPS_FREE:
                annealing.go_on()
            if number > _KEEPS_FREE and excess_s > 0:
                annealing.hand_over()
                couriers += 1
            found = annealing.round(
                seconds=seconds if number else min(seconds, first_s),
                seed=self.limits.seed + number,
                hot=hot,
                couriers=couriers,
                spare_s=spare_s,
            )
            self._keep(placed(self.problem, dict(enumerate(found))))
        self.solver_s += time.process_time() - began

    def _keep(self, chosen: list[int]) -> bool:
        """Take an answer if it is better than the best."""
        if cost_of(self.problem, chosen) >= cost_of(self.problem, self.chosen) - 1e-6:
            return False
        self.chosen = chosen
        return True

    def exchange(self) -> None:
        """Exchange orders between pools while that helps."""
        if self.gap <= self.limits.gap or self.left_s <= 0:
            return
        pairs = Exchange(self.problem, self.chosen)
        pairs.improve(seconds=self.left_s / 2)
        self.chosen = pairs.chosen

    def restricted(self) -> None:
        """All orders at once, each with the choices that the relaxation nearly took."""
        free: dict[int, list[int]] = defaultdict(list)
        few = sum(map(len, self.dearer)) <= _ALL_CHOICES
        for order, dearer in enumerate(self.dearer):
            for place, more in enumerate(dearer):
                if few or more <= _NEAR_MINOR or place == self.chosen[order]:
                    free[order].append(place)
        open_orders = {o: places for o, places in free.items() if few or self._can_move(o, places)}
        if len(open_orders) <= _NEAR_ORDERS and self.gap > self.limits.gap:
            self._improve(open_orders, self.left_s / 2)

    def neighbourhoods(self) -> None:
        """Small integer programs around pools that work overtime, until the time or the gap is reached."""
        random = Random(self.limits.seed)
        by_pool = self._candidates()
        fruitless = 0
        while self.left_s > 0.2 and self.gap > self.limits.gap and fruitless < _FRUITLESS:
            better = self._improve(self._hood(random, by_pool), min(_HOOD_S, self.left_s))
            fruitless = 0 if better else fruitless + 1

    def _candidates(self) -> dict[int, list[int]]:
        by_pool: dict[int, list[int]] = defaultdict(list)
        for order, facts in enumerate(self.problem.orders):
            for choice in facts.choices:
                by_pool[choice.pool].append(order)
        return by_pool

    def _hood(self, random: Random, by_pool: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
        """Orders of a pool in need and of the pools it shares most with, with their nearest choices."""
        overtime = overtime_of(self.problem, self.chosen)
        need = [1.0 + late for late in overtime]
        seed_pool = random.choices(range(len(need)), weights=need)[0]
        wanted: dict[int, list[int]] = {}
        binaries = 0
        ranked = sorted(by_pool[seed_pool], key=lambda o: self._ease(o) + random.random())
        for order in ranked:
            places = [
                place
                for place in range(len(self.problem.orders[order].choices))
                if self.dearer[order][place] <= 10 * _NEAR_MINOR or place == self.chosen[order]
            ]
            if not self._can_move(order, places):
                continue
            wanted[order] = places
            binaries += len(places)
            if binaries >= _HOOD_BINARIES:
                break
        return wanted

    def _can_move(self, order: int, places: Sequence[int]) -> bool:
        """Whether the places leave an order anywhere to go; a partner courier is where it need not stay."""
        return len(places) > 1 or (len(places) == 1 and self.chosen[order] == PARTNER)

    def _ease(self, order: int) -> float:
        """How cheaply an order could move: the second least of what its choices cost more."""
        dearer = sorted(self.dearer[order])
        return dearer[1] if len(dearer) > 1 else float("inf")

    def _improve(self, free: Free, seconds: float) -> bool:
        """Take a better answer for some orders while the others stay, if one is found in time."""
        if not free:
            return False
        beside = Ledger(self.problem)
        for order, place in enumerate(self.chosen):
            if order not in free:
                beside.take(order, place)
        with uncollected():
            model = OrdersModel(self.problem, free, beside)
            engine = OrdersEngine(model, self.engine_limits)
        found = engine.improved(self.chosen, seconds=seconds, gap=self.limits.gap / 10)
        self.solver_s += engine.solve_s
        if found is None or len(found) < len(free):
            return False
        return self._keep([found.get(order, place) for order, place in enumerate(self.chosen)])
