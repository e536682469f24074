"""The sheet of an allocation of orders, and the solver with it: its relaxation and its integer passes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from highspy import HighsSolution, HighsVarType, kHighsInf

from app.allocation.orders import PARTNER, OrderProblem
from app.allocation.problem import Limits
from app.allocation.solve.rounding import Ledger, amounts_of
from app.allocation.solve.sheet import Engine, Sheet, Terms
from app.values.load import DIMENSIONS

_WHOLE = 1e-6
_FEASIBLE = 2
_WORK, _DIMENSIONS = 1, len(DIMENSIONS)
# The column of partner couriers beyond those that a pass allows.
_TOO_MANY = (-2, 0)

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
        self._couriers: int | None = None

    def add(self, columns: Sequence[tuple[int, int]]) -> None:
        """Let these choices of later be taken too."""
        for number, place in columns:
            rows, amounts = self.model.coefficients(number, place)
            price = self.model.problem.orders[number].choices[place].price
            self.highs.addCol(-price, 0.0, kHighsInf, len(rows), rows, amounts)
        self.model.columns += columns

    def couriers(self) -> float:
        """How many orders a partner courier brings in the last pass, parts counted as parts."""
        values = self.values()
        return sum(
            v for (order, place), v in zip(self.model.columns, values, strict=True) if order >= 0 > place
        )

    def count_couriers(self, count: int, *, fewer: bool, excess_minor: float) -> None:
        """From the next pass on partner couriers bring at most `count` orders, or more than that.

        Each that is too many costs `excess_minor` more, so that there is always an answer and the pass is
        a bound: columns that the model does not have yet might do with fewer.
        """
        highs = self.highs
        if self._couriers is None:
            places = [at for at, (order, place) in enumerate(self.model.columns) if order >= 0 > place]
            highs.addRow(-kHighsInf, kHighsInf, len(places), places, [1.0] * len(places))
            self._couriers = highs.getNumRow() - 1
            highs.addCol(-excess_minor, 0.0, kHighsInf, 1, [self._couriers], [-1.0])
            self.model.columns.append(_TOO_MANY)
        least, most = (-kHighsInf, count) if fewer else (count + 1, kHighsInf)
        highs.changeRowBounds(self._couriers, least, most)

    def largest(self, couriers: int) -> dict[int, int]:
        """The place of each free order's largest part in the last pass, so many with partner couriers."""
        found: dict[int, tuple[float, int]] = {}
        partner: dict[int, float] = {}
        for (order, place), value in zip(self.model.columns, self.values(), strict=True):
            if order >= 0 > place:
                partner[order] = value
            elif order >= 0 and value > found.get(order, (0.0, PARTNER))[0]:
                found[order] = (value, place)
        ranked = sorted(partner, key=lambda order: -partner[order])
        brought = set(ranked[:couriers])
        return {
            order: PARTNER if order in brought else found.get(order, (0.0, PARTNER))[1] for order in partner
        }

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
