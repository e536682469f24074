"""What a relaxation's shadow prices make of every choice of an allocation, whether it had a column or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.allocation.orders import PARTNER, OrderProblem
from app.values.load import DIMENSIONS

if TYPE_CHECKING:
    from app.allocation.solve.orders_model import OrdersModel

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
        by_order = np.zeros(len(self.problem.orders))
        for (name, key), row in model.rows.items():
            if name == "order":
                by_order[key] = worths[row]
        more = self._with_room(model, worths) + by_order[self.order]
        least = np.zeros(len(self.problem.orders))
        np.minimum.at(least, self.order, more)
        return self._split(more), float(-least.sum())

    def near(self, model: OrdersModel, worths: Sequence[float], minor: float) -> dict[int, list[int]]:
        """The choices of each order that the prices of a model of the same pools make at most so much dearer
        than its cheapest.
        """
        mores = self._split(self._with_room(model, worths))
        return {
            o: [place for place, more in enumerate(mine) if more <= min(mine) + minor]
            for o, mine in enumerate(mores)
        }

    def cheapest(self, model: OrdersModel, worths: Sequence[float]) -> list[int]:
        """The choice of each order, or the partner courier, that the prices of such a model make cheapest."""
        found = []
        mores = self._split(self._with_room(model, worths))
        for order, mine in zip(self.problem.orders, mores, strict=True):
            least = min(mine, default=order.partner_minor)
            found.append(mine.index(least) if mine and least <= order.partner_minor else PARTNER)
        return found

    def _with_room(self, model: OrdersModel, worths: Sequence[float]) -> NDArray[np.float64]:
        """The price of every choice and the worth of what it takes of its pool and its picking wave."""
        by_pool = np.zeros((len(self.problem.pools), _DIMENSIONS))
        by_wave = np.zeros(len(self.problem.waves) + 1)
        for (name, key), row in model.rows.items():
            if name == "room":
                by_pool[key // _DIMENSIONS, key % _DIMENSIONS] = worths[row]
            elif name == "wave":
                by_wave[key] = worths[row]
        self.minute_worth = tuple(float(max(0.0, worth)) * 60 for worth in by_pool[:, _WORK])
        wave = np.array(
            [-1 if pool.wave is None else pool.wave for pool in self.problem.pools], dtype=np.int64
        )
        used: Any = (self.takes * by_pool[self.pool]).sum(axis=1) + by_wave[wave[self.pool]]
        found: NDArray[np.float64] = self.price + used
        return found

    def _split(self, values: NDArray[np.float64]) -> list[list[float]]:
        """The values of all choices, by order."""
        flat, first = values.tolist(), self.first.tolist()
        return [flat[a:b] for a, b in pairwise(first)]

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
