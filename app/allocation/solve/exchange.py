"""Better answers by exchanging orders between pools two at a time, and by chains that end where room is.

What the rounding of a relaxation wastes is minutes: pools a few minutes short of full, or a little over.
Orders take different minutes, so exchanging one for another fills them: one matrix operation for each pair.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.allocation.orders import PARTNER, OrderProblem
from app.values.load import DIMENSIONS

type Floats = NDArray[np.float64]
type Places = NDArray[np.int64]

_LEAST = 0.01
_HARD = [d for d in DIMENSIONS if d not in ("work_s", "orders")]


class Exchange:
    """An answer as arrays: orders by pools, the last pool being the partner courier, who always has room."""

    def __init__(self, problem: OrderProblem, chosen: Sequence[int]) -> None:
        orders, pools = problem.orders, problem.pools
        self.problem = problem
        self.partner = len(pools)
        self.price: Floats = np.full((len(orders), len(pools) + 1), np.inf)
        self.work: Floats = np.zeros((len(orders), len(pools) + 1))
        self.place: Places = np.full((len(orders), len(pools) + 1), PARTNER, dtype=np.int64)
        for o, order in enumerate(orders):
            self.price[o, self.partner] = order.partner_minor
            for c, choice in enumerate(order.choices):
                if choice.price < self.price[o, choice.pool]:
                    self.price[o, choice.pool] = choice.price
                    self.work[o, choice.pool] = choice.work_s
                    self.place[o, choice.pool] = c
            # Of several choices in a pool the one that is taken counts.
            if chosen[o] != PARTNER:
                taken = order.choices[chosen[o]]
                self.price[o, taken.pool] = taken.price
                self.work[o, taken.pool] = taken.work_s
                self.place[o, taken.pool] = chosen[o]
        self.goods: Floats = np.array([[getattr(order, d) for d in _HARD] for order in orders], dtype=float)
        self.goods = self.goods.reshape(len(orders), len(_HARD))
        endless = [np.inf]
        self.room: Floats = np.array([*(p.room.work_s for p in pools), *endless], dtype=float)
        self.most: Floats = np.array([*(p.room.work_s + p.overtime_s for p in pools), *endless], dtype=float)
        self.late: Floats = np.array([*(p.overtime_minor / 60 for p in pools), 0.0], dtype=float)
        self.count_left: Floats = np.array([*(p.room.orders for p in pools), *endless], dtype=float)
        self.goods_left: Floats = np.array(
            [*([getattr(p.room, d) for d in _HARD] for p in pools), endless * len(_HARD)], dtype=float
        )
        self.wave: Places = np.array([*(-1 if p.wave is None else p.wave for p in pools), -1], dtype=np.int64)
        self.picks: Floats = np.array([*problem.waves, np.inf], dtype=float)
        self.used: Floats = np.zeros(len(pools) + 1)
        # When a pool last changed, and when a pair of pools was last found to have nothing to gain.
        self.moves = 0
        self.moved = [0] * (len(pools) + 1)
        self.idle: dict[tuple[int, int], int] = {}
        self.at: Places = np.array(
            [
                self.partner if place == PARTNER else order.choices[place].pool
                for order, place in zip(orders, chosen, strict=True)
            ],
            dtype=np.int64,
        )
        for o in range(len(orders)):
            self._count(o, int(self.at[o]), 1)

    @property
    def chosen(self) -> list[int]:
        """The answer as places of choices."""
        return [int(place) for place in self.place[np.arange(len(self.at)), self.at]]

    def improve(self, *, seconds: float) -> None:
        """Exchange until nothing gets better or the CPU seconds are spent."""
        until = time.process_time() + seconds
        better = True
        while better and time.process_time() < until:
            better = self._exchange_all(until)
            better = self._chain_all(until) or better

    def _count(self, order: int, pool: int, sign: int) -> None:
        self.used[pool] += sign * self.work[order, pool]
        self.count_left[pool] -= sign
        self.goods_left[pool] -= sign * self.goods[order]
        self.picks[self.wave[pool]] -= sign

    def _move(self, order: int, pool: int) -> None:
        before = int(self.at[order])
        self._count(order, before, -1)
        self._count(order, pool, 1)
        self.at[order] = pool
        self.moves += 1
        self.moved[before] = self.moved[pool] = self.moves

    def _overtime(self, used: Any, pool: Any) -> Any:
        return np.maximum(0.0, used - self.room[pool]) * self.late[pool]

    def _exchange_all(self, until: float) -> bool:
        """Every pair of pools in turn; those that had nothing to gain are passed over until they change."""
        better = False
        for p in range(self.partner + 1):
            for q in range(p + 1, self.partner + 1):
                if self.idle.get((p, q), -1) >= max(self.moved[p], self.moved[q]):
                    continue
                while time.process_time() < until:
                    if not self._exchange(p, q):
                        self.idle[p, q] = self.moves
                        break
                    better = True
        return better

    def _exchange(self, p: int, q: int) -> bool:
        """The best exchange of one order of `p` with one of `q`, either of which may be none."""
        mine = np.flatnonzero((self.at == p) & np.isfinite(self.price[:, q]))
        theirs = np.flatnonzero((self.at == q) & np.isfinite(self.price[:, p]))
        if not len(mine) and not len(theirs):
            return False
        gain = self._padded(self.price[mine, q] - self.price[mine, p])[:, None]
        gain = gain + self._padded(self.price[theirs, p] - self.price[theirs, q])[None, :]
        after_p = self.used[p] - self._padded(self.work[mine, p])[:, None]
        after_p = after_p + self._padded(self.work[theirs, p])[None, :]
        after_q = self.used[q] + self._padded(self.work[mine, q])[:, None]
        after_q = after_q - self._padded(self.work[theirs, q])[None, :]
        total = gain + self._overtime(after_p, p) + self._overtime(after_q, q)
        total -= self._overtime(self.used[p], p) + self._overtime(self.used[q], q)
        total[(after_p > self.most[p]) & (after_p > self.used[p])] = np.inf
        total[(after_q > self.most[q]) & (after_q > self.used[q])] = np.inf
        for d in range(len(_HARD)):
            more_q = self._padded(self.goods[mine, d])[:, None] - self._padded(self.goods[theirs, d])[None, :]
            total[(more_q > 0) & (more_q > self.goods_left[q, d])] = np.inf
            total[(more_q < 0) & (-more_q > self.goods_left[p, d])] = np.inf
        apart = self.wave[p] != self.wave[q]
        if self.count_left[q] < 1 or (apart and self.picks[self.wave[q]] < 1):
            total[:-1, -1] = np.inf
        if self.count_left[p] < 1 or (apart and self.picks[self.wave[p]] < 1):
            total[-1, :-1] = np.inf
        i, j = np.unravel_index(int(np.argmin(total)), total.shape)
        if total[i, j] > -_LEAST:
            return False
        if i < len(mine):
            self._move(int(mine[i]), q)
        if j < len(theirs):
            self._move(int(theirs[j]), p)
        return True

    @staticmethod
    def _padded(values: Floats) -> Floats:
        """The values and a nought for the order that is none."""
        return np.append(values, 0.0)

    def _chain_all(self, until: float) -> bool:
        """Orders that a partner courier brings, by a chain of two moves each."""
        better = False
        for order in np.flatnonzero(self.at == self.partner):
            if time.process_time() >= until:
                return better
            better = self._chain(int(order)) or better
        return better

    def _chain(self, order: int) -> bool:
        """Move an order into a pool of which another order leaves for a third, if that costs less."""
        p = int(self.at[order])
        freed = self._overtime(self.used[p], p) - self._overtime(self.used[p] - self.work[order, p], p)
        best = (-_LEAST, -1, -1, -1)
        for q in map(int, np.flatnonzero(np.isfinite(self.price[order]))):
            if q in (p, self.partner):
                continue
            found = self._second(order, p, q, freed)
            best = min(best, found)
        _, into, other, r = best
        if into < 0:
            return False
        self._move(other, r)
        self._move(order, into)
        return True

    def _second(self, order: int, p: int, q: int, freed: float) -> tuple[float, int, int, int]:
        """What it costs to put `order` into `q` while the best other order leaves `q` for the best pool."""
        others = np.flatnonzero(self.at == q)
        others = others[np.isfinite(self.price[others]).sum(axis=1) > 1]
        none = (0.0, -1, -1, -1)
        if not len(others) or (
            self.wave[p] != self.wave[q] and self.wave[q] >= 0 and self.picks[self.wave[q]] < 1
        ):
            return none
        after_q = self.used[q] - self.work[others, q] + self.work[order, q]
        fits = after_q <= self.most[q]
        fits &= np.all(self.goods_left[q] + self.goods[others] >= self.goods[order], axis=1)
        others, after_q = others[fits], after_q[fits]
        if not len(others):
            return none
        first = self.price[order, q] - self.price[order, p] - freed
        first = first + self._overtime(after_q, q) - self._overtime(self.used[q], q)
        pools = np.arange(self.partner + 1)
        after_r = self.used[None, :] + self.work[others]
        second = self.price[others] - self.price[others, q][:, None]
        second = second + self._overtime(after_r, pools[None, :]) - self._overtime(self.used, pools)[None, :]
        second[after_r > self.most[None, :]] = np.inf
        second[:, (self.count_left < 1) | (self.picks[self.wave] < 1)] = np.inf
        short = (self.goods[others][:, None, :] > self.goods_left[None, :, :]).any(axis=2)
        second[short] = np.inf
        second[:, [p, q]] = np.inf
        total = first[:, None] + second
        i, r = np.unravel_index(int(np.argmin(total)), total.shape)
        return float(total[i, r]), q, int(others[i]), int(r)
