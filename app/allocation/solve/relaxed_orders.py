"""The least that any allocation of orders can cost, and what its prices tell of every choice.

The linear relaxation with columns that come when the prices ask for them. A day of many orders begins from
the basis of a tenth of them: its prices are nearly right, so each of the others takes the choice that they
make cheapest, and the dual simplex mends what is left. Where the relaxation splits partner couriers, more
or fewer of them is decided: the bound is the lower of both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from random import Random

from highspy import HighsBasis, HighsBasisStatus

from app.allocation.orders import OrderProblem
from app.allocation.problem import Limits
from app.allocation.solve.choice_prices import Prices
from app.allocation.solve.orders_model import Free, OrdersEngine, OrdersModel
from app.allocation.solve.rounding import Ledger
from app.allocation.solve.sheet import uncollected
from app.values.load import DIMENSIONS, Load

# So many orders are relaxed at once; of more a tenth first, at least so many.
_MANY, _TENTH = 4_000, 10
_SAMPLE = 2_000
# The relaxation begins with so many of the cheapest choices of each order, and ends when adding the others
# could gain less than this share.
_FIRST_CHOICES = 6
_PRICED_OUT = 1e-5
# After a sample: choices that its prices make this much dearer than the order's best wait to be asked for.
_NEAR_MINOR = 2.0
_WHOLE = 1e-6


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What a relaxation proves and tells.

    `bound` is what no allocation costs less than; `dearer` how much dearer than its order's price each
    choice is; `whole` the choices it does not split and `parts` its largest part of every order, `couriers`
    of them with partner couriers.
    """

    bound: float
    dearer: list[list[float]]
    whole: dict[int, int]
    parts: dict[int, int]
    couriers: int
    minute_worth: tuple[float, ...]
    fractional: int
    columns: int
    solver_s: float


def relaxed(problem: OrderProblem, limits: Limits, *, split_couriers: bool = False) -> Relaxed:
    """The relaxation of all orders, partner couriers not split in all unless that is let be for speed."""
    relaxation = _Relaxation(problem, limits)
    one = _told(relaxation)
    engine = relaxation.engine
    count = engine.couriers()
    if not split_couriers and min(count % 1, 1 - count % 1) > _WHOLE:
        sides = []
        dearest = max(order.partner_minor for order in problem.orders)
        for fewer in (True, False):
            engine.count_couriers(floor(count), fewer=fewer, excess_minor=10 * dearest)
            sides.append(_told(relaxation))
        # What minutes are worth, and how many orders were split, is told of all sides together.
        best = min(sides, key=lambda side: side.bound)
        one = replace(best, minute_worth=one.minute_worth, fractional=one.fractional)
    return replace(one, columns=len(relaxation.model.columns), solver_s=relaxation.solver_s)


def _told(relaxation: _Relaxation) -> Relaxed:
    """Solve, and read what there is."""
    bound, dearer = relaxation.solve()
    engine = relaxation.engine
    whole, couriers = engine.picked(), ceil(engine.couriers() - _WHOLE)
    return Relaxed(
        bound=bound,
        dearer=dearer,
        whole=whole,
        parts=engine.largest(couriers),
        couriers=couriers,
        minute_worth=relaxation.prices.minute_worth,
        fractional=len(relaxation.problem.orders) - len(whole),
        columns=len(relaxation.model.columns),
        solver_s=relaxation.solver_s,
    )


class _Relaxation:
    """A model that grows columns, in the solver."""

    def __init__(self, problem: OrderProblem, limits: Limits) -> None:
        self.problem = problem
        self.prices = Prices(problem)
        self.model: OrdersModel
        self.engine: OrdersEngine
        self.solver_s = 0.0
        sample = None
        first: Free = self.prices.nearest(_FIRST_CHOICES)
        if len(problem.orders) > _MANY:
            sample, drawn = self._sample(limits)
            first = self.prices.near(sample.model, sample.engine.worths(), _NEAR_MINOR)
        with uncollected():
            self.model = OrdersModel(problem, first, Ledger(problem), self.prices.all_choices)
            self.engine = OrdersEngine(self.model, limits)
        if sample is not None:
            basis = self._basis(sample, drawn)
            if basis is not None:
                self.engine.highs.setBasis(basis)

    def solve(self) -> tuple[float, list[list[float]]]:
        """The bound, and how much dearer than its order's price each choice is.

        Columns come when the prices ask for them. What they could still gain is taken off the bound, so it
        holds for all of them.
        """
        before = self.engine.solve_s
        while True:
            worth = -self.engine.run().objective_function_value
            dearer, short = self.prices.told(self.model, self.engine.worths())
            wanted = self.prices.wanted(self.model, dearer)
            if not wanted or short <= _PRICED_OUT * abs(worth):
                break
            self.engine.add(wanted)
        self.solver_s += self.engine.solve_s - before
        return worth - short, dearer

    def _sample(self, limits: Limits) -> tuple[_Relaxation, list[int]]:
        """The relaxation of some of the orders against as large a part of the room."""
        problem = self.problem
        count = max(_SAMPLE, len(problem.orders) // _TENTH)
        drawn = sorted(Random(limits.seed).sample(range(len(problem.orders)), count))
        share = count / len(problem.orders)
        pools = tuple(
            replace(
                pool,
                room=Load(*(round(getattr(pool.room, d) * share) for d in DIMENSIONS)),
                overtime_s=round(pool.overtime_s * share),
            )
            for pool in problem.pools
        )
        small = replace(
            problem,
            pools=pools,
            waves=tuple(round(orders * share) for orders in problem.waves),
            orders=tuple(problem.orders[o] for o in drawn),
        )
        sample = _Relaxation(small, limits)
        sample.solve()
        self.solver_s += sample.solver_s
        return sample, drawn

    def _basis(self, sample: _Relaxation, drawn: Sequence[int]) -> HighsBasis | None:
        """The basis of the sample, every other order with its cheapest choice; None where it does not fit."""
        known = sample.engine.highs.getBasis()
        basic, least = HighsBasisStatus.kBasic, HighsBasisStatus.kLower
        statuses = {
            (drawn[order] if order >= 0 else order, place): status
            for (order, place), status in zip(sample.model.columns, known.col_status, strict=True)
        }
        cheapest = self.prices.cheapest(sample.model, sample.engine.worths())
        sampled = set(drawn)
        columns = [
            (basic if cheapest[column[0]] == column[1] else least)
            if column[0] >= 0 and column[0] not in sampled
            else statuses.pop(column, least)
            for column in self.model.columns
        ]
        rows = [basic] * len(self.model.rows)
        for (name, key), row in self.model.rows.items():
            if name == "order":
                rows[row] = HighsBasisStatus.kUpper
            elif (name, key) in sample.model.rows:
                rows[row] = known.row_status[sample.model.rows[name, key]]
        # As many basic columns as rows, or it is no basis.
        if columns.count(basic) + rows.count(basic) != len(rows):
            return None
        found = HighsBasis()
        found.col_status, found.row_status = columns, rows
        found.valid = True
        return found
