"""What a relaxation's shadow prices make of every choice of an allocation, whether it had a column or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.allocation.orders import OrderProblem
from app.values.load import DIMENSIONS

if TYPE_CHECKING:
    from app.allocation.solve.orders import OrdersModel

_WORK, _DIMENSIONS = 1, len(DIMENSIONS)
_GAINS = 1e-4
# So many choices of an order are added at a time.
_AT_ONCE = 2


class Prices:
    """Every choice of a problem as arrays, in the order of orders and places."""

    def __init__(self, problem: OrderProblem) -> None:
        self.problem = problem
        choices = [choice for order in problem.orders for choice in order.choices]
        counts = [len(order.choices) for order in problem.orders]
        self.order = np.repeat(np.arange(len(counts)), counts)
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.pool: NDArray[np.int64] = np.array([choice.pool for choice in choices], dtype=np.int64)
        self.price = np.array([choice.price for choice in choices], dtype=float)
        goods = [(1, 0, o.volume_ml, o.weight_g, o.chilled_ml, o.frozen_ml) for o in problem.orders]
        self.takes = np.array(goods, dtype=float).reshape(len(counts), _DIMENSIONS)[self.order]
        if len(choices):
            self.takes[:, _WORK] = [choice.work_s for choice in choices]
        self.minute_worth: tuple[float, ...] = ()

    @property
    def all_choices(self) -> Mapping[int, Sequence[int]]:
        """Every place of every order."""
        return {o: range(len(order.choices)) for o, order in enumerate(self.problem.orders)}

    def nearest(self, count: int) -> dict[int, list[int]]:
        """The cheapest choices of each order, and those of the pool that serves it now."""
        found = {}
        for o, order in enumerate(self.problem.orders):
            ranked = sorted(range(len(order.choices)), key=lambda place: order.choices[place].price)
            now = [place for place in ranked[count:] if order.choices[place].pool == order.present]
            found[o] = ranked[:count] + now
        return found

    def told(self, model: OrdersModel, worths: Sequence[float]) -> tuple[list[list[float]], float]:
        """How much dearer than its order's price each choice is, and what cheaper ones could gain in all.

        `worths` are what one more unit of each row would have saved.
        """
        pools = len(self.problem.pools)
        by_pool = np.zeros((pools, _DIMENSIONS))
        by_order = np.zeros(len(self.problem.orders))
        by_wave = np.zeros(len(self.problem.waves) + 1)
        for (name, key), row in model.rows.items():
            if name == "room":
                by_pool[key // _DIMENSIONS, key % _DIMENSIONS] = worths[row]
            elif name == "order":
                by_order[key] = worths[row]
            else:
                by_wave[key] = worths[row]
        self.minute_worth = tuple(float(max(0.0, worth)) * 60 for worth in by_pool[:, _WORK])
        wave = np.array(
            [-1 if pool.wave is None else pool.wave for pool in self.problem.pools], dtype=np.int64
        )
        used: Any = (self.takes * by_pool[self.pool]).sum(axis=1) + by_wave[wave[self.pool]]
        more = self.price + used + by_order[self.order]
        least = np.zeros(len(self.problem.orders))
        np.minimum.at(least, self.order, more)
        split = [more[a:b].tolist() for a, b in zip(self.first[:-1], self.first[1:], strict=True)]
        return split, float(-least.sum())

    def wanted(self, model: OrdersModel, dearer: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
        """The choices without a column that would gain something."""
        known = set(model.columns)
        found = []
        for order, mores in enumerate(dearer):
            if min(mores, default=0.0) < -_GAINS:
                ranked = sorted(range(len(mores)), key=mores.__getitem__)
                fresh = [place for place in ranked if mores[place] < -_GAINS and (order, place) not in known]
                found += [(order, place) for place in fresh[:_AT_ONCE]]
        return found
