"""Which pool serves each order: a relaxation, rounding with priced overtime, and small integer programs.

`min sum (cost + worth + move) y + sum partner q + sum overtime e` with one choice or a partner courier per
order, the work of a pool within its room and overtime, its other dimensions within its room, and the orders
of a picking wave within what it still takes. The bound is the relaxation's.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from highspy import HighsSolution, HighsVarType, kHighsInf

from app.allocation.orders import (
    PARTNER,
    OrderLimits,
    OrderPlan,
    OrderProblem,
    cost_of,
    overtime_of,
)
from app.allocation.problem import Limits
from app.allocation.solve.choice_prices import Prices
from app.allocation.solve.exchange import Exchange
from app.allocation.solve.rounding import Ledger, amounts_of, placed
from app.allocation.solve.sheet import Engine, Sheet, Terms, uncollected
from app.values.load import DIMENSIONS

_WHOLE = 1e-6
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
_FEASIBLE = 2
_WORK, _DIMENSIONS = 1, len(DIMENSIONS)
# The relaxation begins with so many of the cheapest choices of each order, and ends when adding the others
# could gain less than this share.
_FIRST_CHOICES = 6
_PRICED_OUT = 1e-5

type Free = Mapping[int, Sequence[int]]


class OrdersModel:
    """Variables and rows for some orders and some of their choices, beside what else the pools serve.

    Per free order a column per allowed choice and one for the partner courier; per pool one for its
    overtime. `columns` says of each what it is: (order, place) or (-1, pool). Rows are made for the choices
    of `later` too, so that their columns can be added.
    """

    def __init__(self, problem: OrderProblem, free: Free, beside: Ledger, later: Free | None = None) -> None:
        self.problem, self.free, self.beside = problem, free, beside
        self.later = free if later is None else later
        self.sheet = Sheet("orders")
        self.columns: list[tuple[int, int]] = []
        self.rows: dict[tuple[str, int], int] = {}
        self._variables()
        self._every_order_once()
        self._rooms()
        self._waves()
        self.binaries = sum(1 for order, _ in self.columns if order >= 0)

    def _variables(self) -> None:
        self.columns = [(o, place) for o, places in self.free.items() for place in (*places, PARTNER)]
        self.y = self.sheet.block("y", len(self.columns))
        orders = self.problem.orders
        pools = {orders[o].choices[p].pool for o, places in self.later.items() for p in places}
        self.late = {pool: self.sheet.column(f"e{pool}", self._overtime(pool)) for pool in sorted(pools)}
        self.columns += [(-1, pool) for pool in self.late]

    def _overtime(self, pool: int) -> float:
        return float(max(0, self.problem.pools[pool].overtime_s))

    def costs(self) -> list[float]:
        """The cost of each column."""
        orders, pools = self.problem.orders, self.problem.pools
        found = []
        for order, place in self.columns:
            if order < 0:
                found.append(pools[place].overtime_minor / 60)
            elif place == PARTNER:
                found.append(orders[order].partner_minor)
            else:
                found.append(orders[order].choices[place].price)
        return found

    def finish(self) -> None:
        """Set what is sought: the least cost."""
        variables = [*self.y, *self.late.values()]
        self.sheet.maximise([(v, -cost) for v, cost in zip(variables, self.costs(), strict=True)])

    def _every_order_once(self) -> None:
        terms: dict[int, Terms] = defaultdict(list)
        for y, (order, _) in zip(self.y, self.columns, strict=False):
            terms[order].append((y, 1.0))
        for order, mine in terms.items():
            self.rows["order", order] = self.sheet.row(mine, "==", 1.0)

    def _rooms(self) -> None:
        """Each dimension of each pool that its candidates together could exceed."""
        most: dict[tuple[int, int], float] = defaultdict(float)
        for key, amount, _ in self._takes((o, place) for o, places in self.later.items() for place in places):
            most[key] += amount
        taken: dict[tuple[int, int], Terms] = defaultdict(list)
        mine = self.columns[: len(self.y)]
        for key, amount, at in self._takes(mine):
            taken[key].append((self.y[at], amount))
        for (pool, d), total in most.items():
            # Work that is placed already may be in overtime: then less than nothing is left.
            left = self.beside.left(pool, d)
            if d == _WORK:
                terms = [*taken[pool, d], (self.late[pool], -1.0)]
            elif total > left:
                # Nothing of overtime helps against goods: the nought only names the row's pool.
                terms = taken[pool, d] or [(self.late[pool], 0.0)]
            else:
                continue
            self.rows["room", pool * _DIMENSIONS + d] = self.sheet.row(terms, "<=", left)

    def _takes(self, columns: Iterable[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], float, int]]:
        """What each of these choices takes of each (pool, dimension), and its place among them."""
        for at, (number, place) in enumerate(columns):
            if place != PARTNER:
                order = self.problem.orders[number]
                choice = order.choices[place]
                for d, amount in enumerate(amounts_of(order, choice)):
                    if amount:
                        yield (choice.pool, d), float(amount), at

    def _waves(self) -> None:
        picked: dict[int, Terms] = defaultdict(list)
        for y, (number, place) in zip(self.y, self.columns, strict=False):
            wave = None if place == PARTNER else self._wave(number, place)
            if wave is not None:
                picked[wave].append((y, 1.0))
        for pool, late in self.late.items():
            # A row for every wave that any choice may come to count in.
            wave = self.problem.pools[pool].wave
            if wave is not None and wave not in picked:
                picked[wave].append((late, 0.0))
        for wave, terms in picked.items():
            self.rows["wave", wave] = self.sheet.row(terms, "<=", self.beside.picks_left(wave))

    def _wave(self, number: int, place: int) -> int | None:
        return self.problem.pools[self.problem.orders[number].choices[place].pool].wave

    def coefficients(self, number: int, place: int) -> tuple[list[int], list[float]]:
        """The rows that a choice counts in, and how much."""
        order = self.problem.orders[number]
        choice = order.choices[place]
        found = [(self.rows["order", number], 1.0)]
        for d, amount in enumerate(amounts_of(order, choice)):
            row = self.rows.get(("room", choice.pool * _DIMENSIONS + d))
            if row is not None and amount:
                found.append((row, float(amount)))
        wave = self._wave(number, place)
        if wave is not None:
            found.append((self.rows["wave", wave], 1.0))
        return [row for row, _ in found], [amount for _, amount in found]


class OrdersEngine(Engine):
    """The sheet of an orders model in HiGHS: its relaxation, and integer passes that begin from an answer."""

    def __init__(self, model: OrdersModel, limits: Limits) -> None:
        model.finish()
        super().__init__(model.sheet, limits)
        self.model = model

    def add(self, columns: Sequence[tuple[int, int]]) -> None:
        """Let these choices of later be taken too."""
        for number, place in columns:
            rows, amounts = self.model.coefficients(number, place)
            price = self.model.problem.orders[number].choices[place].price
            self.highs.addCol(-price, 0.0, kHighsInf, len(rows), rows, amounts)
        self.model.columns += columns

    def improved(self, chosen: Sequence[int], *, seconds: float, gap: float) -> dict[int, int] | None:
        """Places of the free orders by an integer program that begins from `chosen`; None if it found none.

        `seconds` are CPU seconds of this process.
        """
        highs = self.highs
        began = time.process_time()

        def look(event: Any) -> None:
            if time.process_time() - began >= seconds:
                event.interrupt()

        self.integer()
        highs.setOptionValue("mip_rel_gap", gap)
        highs.setOptionValue("time_limit", 10 * seconds)
        start = HighsSolution()
        start.col_value = self._as_columns(chosen)
        highs.setSolution(start)
        highs.cbMipInterrupt.subscribe(look)
        highs.cbSimplexInterrupt.subscribe(look)
        info = self.run()
        highs.cbMipInterrupt.unsubscribe(look)
        highs.cbSimplexInterrupt.unsubscribe(look)
        if info.primal_solution_status != _FEASIBLE:
            return None
        return self.picked()

    def integer(self) -> None:
        """Let no order be split from the next pass on."""
        binaries = self.model.binaries
        self.highs.changeColsIntegrality(binaries, range(binaries), [HighsVarType.kInteger] * binaries)

    def picked(self) -> dict[int, int]:
        """The whole choice of each free order in the last pass; those that it split are left out."""
        values = self.values()
        return {
            order: place
            for (order, place), value in zip(self.model.columns, values, strict=True)
            if order >= 0 and value > 1 - _WHOLE
        }

    def _as_columns(self, chosen: Sequence[int]) -> list[float]:
        model = self.model
        values = [float(order >= 0 and chosen[order] == place) for order, place in model.columns]
        work: dict[int, float] = defaultdict(float)
        for order in model.free:
            if chosen[order] != PARTNER:
                choice = model.problem.orders[order].choices[chosen[order]]
                work[choice.pool] += choice.work_s
        for at, (order, pool) in enumerate(model.columns):
            if order < 0:
                values[at] = max(0.0, work[pool] - model.beside.left(pool, 1))
        return values


def solve_orders(problem: OrderProblem, limits: OrderLimits) -> OrderPlan:
    """The allocation of all orders, never infeasible, with a bound that none can be below."""
    began = time.process_time()
    search = _Search(problem, limits, began)
    bound, worth, fractional, columns = search.relax()
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
        bound=min(bound, cost_of(problem, search.chosen)),
        minute_worth=worth,
        fractional=fractional,
        columns=columns,
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

    def relax(self) -> tuple[float, tuple[float, ...], int, int]:
        """Solve the relaxation, keep what is whole, place the rest; bound, minutes' worth, fractional orders.

        Columns come when the prices ask for them. What they could still gain is taken off the bound, so it
        holds for all of them.
        """
        problem = self.problem
        with uncollected():
            prices = Prices(problem)
            model = OrdersModel(problem, prices.nearest(_FIRST_CHOICES), Ledger(problem), prices.all_choices)
            engine = OrdersEngine(model, self.engine_limits)
        while True:
            worth = -engine.run().objective_function_value
            dearer, short = prices.told(model, engine.worths())
            wanted = prices.wanted(model, dearer)
            if not wanted or short <= _PRICED_OUT * abs(worth):
                break
            engine.add(wanted)
        self.bound = worth - short
        self.solver_s += engine.solve_s
        self.dearer = dearer
        whole = engine.picked()
        self.chosen = placed(problem, whole)
        return self.bound, prices.minute_worth, len(problem.orders) - len(whole), len(model.columns)

    def exchange(self) -> None:
        """Exchange orders between pools while that helps."""
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
        better = [found.get(order, place) for order, place in enumerate(self.chosen)]
        if cost_of(self.problem, better) >= cost_of(self.problem, self.chosen) - 1e-6:
            return False
        self.chosen = better
        return True
