"""Better answers by simulated annealing: single moves and exchanges of orders between pools, as machine code.

Exchanging only where that helps at once gets stuck where pools are full to the second: room for one more
order is scattered over many of them. Here work beyond a pool's overtime is allowed for a price that grows
while the heat falls, and exchanges that cost a little gather the room. An order is only offered what the
relaxation makes little dearer than its best choice (Yagiura, Ibaraki and Glover 2004 search the generalised
assignment problem with such a price; the annealing is Kirkpatrick, Gelatt and Vecchi 1983).

Of all orders that one could be exchanged for, the one is drawn by how likely each exchange is at the heat
(the heat bath): where pools are full few of them fit, and drawing one blindly hardly ever finds it. Partner
couriers bring no more than a number that is told: giving one order more to them frees room that only many
exchanges later is worth its fee, so that the heat would decide it by chance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.allocation.orders import PARTNER, OrderProblem
from app.allocation.solve.rounding import Ledger
from app.values.load import DIMENSIONS

type Floats = NDArray[np.float64]
type Places = NDArray[np.int64]

_HARD = [d for d in DIMENSIONS if d not in ("work_s", "orders")]
# In thousandths of what a partner courier takes for an order: what the relaxation may make a choice dearer,
# and the heat at last.
_NEAR, _COLD = 5.0, 0.05
# Every pool is offered to at least so many orders.
_FEWEST = 40
# Work beyond overtime, in what a partner courier takes for a second of work: at first and at last.
_LOOSE, _STRICT = 1.0, 12.0
# Between two looks at the clock.
_MOVES = 20_000
# One move in so many tries to bring an order that a partner courier has.
_RESCUE = 0.02
# So many orders of a pool are looked at for an exchange, and none that is less likely than exp(-reach).
_LOOK, _REACH = 64, 6.0
# Orders that could be with a pool whose minutes are worth this part of the dearest are tried so many times.
_DEAR, _OFTENER = 0.1, 4


class Facts(NamedTuple):
    """What does not change: candidates (pools) by order, price and work by order and pool, room by pool.

    `tried` are the orders that have more than one candidate, those in need of it several times.
    The last pool is the partner courier, who always has room. A price is infinite where a pool is no
    candidate. Seconds, minor units, minor units a second.
    """

    tried: Places
    first: Places
    candidates: Places
    price: Floats
    work: Floats
    goods: Floats
    room: Floats
    most: Floats
    late: Floats
    wave: Places
    start: Places


class State(NamedTuple):
    """Where every order is, who is with every pool, and what is left of it."""

    at: Places
    seat: Places
    members: Places
    size: Places
    used: Floats
    count_left: Floats
    goods_left: Floats
    picks: Floats


def spent(used: float, room: float, most: float, late: float, over: float) -> float:
    """The price of a pool's work beyond its room: overtime, and `over` more beyond all overtime."""
    if used <= room:
        return 0.0
    if used <= most:
        return (used - room) * late
    return (used - room) * late + (used - most) * over


def fits(facts: Facts, state: State, o: int, j: int, p: int, q: int) -> bool:
    """Whether order `o` may come from `p` to `q`, and `j` the other way unless it is none (-1)."""
    for d in range(facts.goods.shape[1]):
        more = facts.goods[o, d]
        if j >= 0:
            more -= facts.goods[j, d]
        if (more > 0 and more > state.goods_left[q, d]) or (more < 0 and -more > state.goods_left[p, d]):
            return False
    if j >= 0:
        return True
    apart = facts.wave[p] != facts.wave[q]
    return bool(state.count_left[q] >= 1 and (not apart or state.picks[facts.wave[q]] >= 1))


def settle(facts: Facts, state: State, o: int, j: int, p: int, q: int) -> None:
    """Bring order `o` from `p` to `q`, and `j` the other way unless it is none."""
    for d in range(facts.goods.shape[1]):
        more = facts.goods[o, d]
        if j >= 0:
            more -= facts.goods[j, d]
        state.goods_left[q, d] -= more
        state.goods_left[p, d] += more
    seat = state.seat[o]
    if j >= 0:
        state.members[facts.start[p] + seat] = j
        state.members[facts.start[q] + state.seat[j]] = o
        state.seat[o], state.seat[j] = state.seat[j], seat
        state.at[j] = p
    else:
        state.size[p] -= 1
        last = state.members[facts.start[p] + state.size[p]]
        state.members[facts.start[p] + seat] = last
        state.seat[last] = seat
        state.members[facts.start[q] + state.size[q]] = o
        state.seat[o] = state.size[q]
        state.size[q] += 1
        state.count_left[p] += 1
        state.count_left[q] -= 1
        state.picks[facts.wave[p]] += 1
        state.picks[facts.wave[q]] -= 1
    state.at[o] = q


def drawn(
    facts: Facts, state: State, rng: Any, o: int, q: int, heat: float, over: float, couriers: int
) -> int:
    """Who comes from `q` for order `o`: an order, nobody (-1), or -2 where nothing is to be done."""
    room, most, late, partner, p = facts.room, facts.most, facts.late, len(facts.room) - 1, state.at[o]
    base = facts.price[o, q] - facts.price[o, p]
    base -= spent(state.used[p], room[p], most[p], late[p], over)
    base -= spent(state.used[q], room[q], most[q], late[q], over)
    left_p, left_q = state.used[p] - facts.work[o, p], state.used[q] + facts.work[o, q]
    total, pick = 0.0, -2
    # Alone to partner couriers only while they have fewer than they may, from them while they have more.
    if (q != partner or state.size[q] < couriers) and (p != partner or state.size[p] > couriers):
        change = base + spent(left_p, room[p], most[p], late[p], over)
        change += spent(left_q, room[q], most[q], late[q], over)
        if change < _REACH * heat:
            total, pick = math.exp(min(-change / heat, 300.0)), -1
    size = state.size[q]
    seat = int(rng.random() * size) if size > _LOOK else 0
    for _ in range(min(size, _LOOK)):
        j = state.members[facts.start[q] + seat]
        seat = seat + 1 if seat + 1 < size else 0
        if not math.isfinite(facts.price[j, p]):
            continue
        change = base + facts.price[j, p] - facts.price[j, q]
        change += spent(left_p + facts.work[j, p], room[p], most[p], late[p], over)
        change += spent(left_q - facts.work[j, q], room[q], most[q], late[q], over)
        if change < _REACH * heat:
            likely = math.exp(min(-change / heat, 300.0))
            total += likely
            if rng.random() * total < likely:
                pick = j
    # Staying as it is counts as one more of them.
    return pick if rng.random() * (1.0 + total) < total else -2


def annealed(
    facts: Facts, state: State, rng: Any, heat: float, over: float, couriers: int, moves: int
) -> int:
    """Try so many random moves at a heat; returns how many were made."""
    partner, made = len(facts.room) - 1, 0
    for _ in range(moves):
        o = facts.tried[int(rng.random() * len(facts.tried))]
        if state.size[partner] > 0 and rng.random() < _RESCUE:
            o = state.members[facts.start[partner] + int(rng.random() * state.size[partner])]
        p = state.at[o]
        many = facts.first[o + 1] - facts.first[o]
        q = facts.candidates[facts.first[o] + int(rng.random() * many)]
        if q == p:
            continue
        j = drawn(facts, state, rng, o, q, heat, over, couriers)
        if j >= -1 and fits(facts, state, o, j, p, q):
            state.used[p] -= facts.work[o, p]
            state.used[q] += facts.work[o, q]
            if j >= 0:
                state.used[p] += facts.work[j, p]
                state.used[q] -= facts.work[j, q]
            settle(facts, state, o, j, p, q)
            made += 1
    return made


class Annealing:
    """Orders, their near choices, and the answer that each round begins with."""

    def __init__(
        self,
        problem: OrderProblem,
        start: Mapping[int, int],
        dearer: Sequence[Sequence[float]],
        minute_worth: Sequence[float],
        *,
        code: Any = None,
    ) -> None:
        orders, pools = problem.orders, problem.pools
        self.problem, self.partner = problem, len(pools)
        self.code = code or compiled()
        begun = _fitting(problem, start)
        fees = [order.partner_minor for order in orders]
        works = [choice.work_s for order in orders for choice in order.choices]
        self.unit = max(float(np.median(fees)) / 1_000, 1e-6)
        self.second = 1_000 * self.unit / max(1.0, float(np.median(works)))
        shape = (len(orders), self.partner + 1)
        price, work, self.place = np.full(shape, np.inf), np.zeros(shape), np.full(shape, PARTNER)
        at = np.full(len(orders), self.partner, dtype=np.int64)
        price[:, self.partner] = fees
        reach = _reach(problem, dearer, _NEAR * self.unit)
        dear = {p for p, worth in enumerate(minute_worth) if worth > _DEAR * max(minute_worth)}
        candidates, first, tried = [], [0], []
        for o, order in enumerate(orders):
            for place, choice in enumerate(order.choices):
                near = dearer[o][place] <= reach[choice.pool] or place == begun[o]
                if near and choice.price < price[o, choice.pool]:
                    price[o, choice.pool], work[o, choice.pool] = choice.price, choice.work_s
                    self.place[o, choice.pool] = place
            # Of several choices in a pool the one that is taken counts.
            if begun[o] != PARTNER:
                taken = order.choices[begun[o]]
                at[o] = taken.pool
                price[o, taken.pool], work[o, taken.pool] = taken.price, taken.work_s
                self.place[o, taken.pool] = begun[o]
            mine = np.flatnonzero(np.isfinite(price[o])).tolist()
            candidates += mine
            first.append(len(candidates))
            # The last of them is the partner courier, whom everybody has.
            tried += [o] * (_OFTENER if len(mine) > 2 and dear.intersection(mine) else 1)
        many = np.isfinite(price).sum(axis=0)
        endless = [np.inf]
        self.at = at
        self.facts = Facts(
            tried=np.array(tried, dtype=np.int64),
            first=np.array(first, dtype=np.int64),
            candidates=np.array(candidates, dtype=np.int64),
            price=price,
            work=work,
            goods=np.array([[getattr(o, d) for d in _HARD] for o in orders], dtype=float),
            room=np.array([*(p.room.work_s for p in pools), *endless], dtype=float),
            most=np.array([*(p.room.work_s + p.overtime_s for p in pools), *endless], dtype=float),
            late=np.array([*(p.overtime_minor / 60 for p in pools), 0.0]),
            wave=np.array([*(-1 if p.wave is None else p.wave for p in pools), -1], dtype=np.int64),
            start=np.concatenate([[0], np.cumsum(many)]).astype(np.int64),
        )
        self.ended = self._seated()

    def round(
        self, *, seconds: float, seed: int, hot: float, couriers: int, spare_s: float = 0.0
    ) -> list[int]:
        """One annealing of so many CPU seconds, from where the last began; the places that it ends with.

        It begins at a heat of `hot` thousandths of what a partner courier takes for an order, and gives
        partner couriers no more than `couriers` orders unless it begins so. Pools are filled to `spare_s`
        below all their overtime; some may end with more work than that.
        """
        most = self.facts.most - spare_s
        facts = self.facts._replace(most=most, room=np.minimum(self.facts.room, most))
        state, rng = self._seated(), np.random.default_rng(seed)
        # Machine code is made at the first call: that is none of the round's time.
        self.code.annealed(facts, state, rng, 1.0, 1.0, couriers, 0)
        began = time.process_time()
        done = 0.0
        while done < 1:
            heat = self.unit * hot * (_COLD / hot) ** done
            over = self.second * _LOOSE * (_STRICT / _LOOSE) ** done
            self.code.annealed(facts, state, rng, heat, over, couriers, _MOVES)
            done = (time.process_time() - began) / max(seconds, 1e-3)
        self.ended = state
        found: list[int] = self.place[np.arange(len(state.at)), state.at].tolist()
        return found

    def excess_s(self) -> float:
        """The work beyond all overtime that the last round ended with."""
        return float(np.maximum(0.0, self.ended.used - self.facts.most).sum())

    def go_on(self) -> None:
        """Begin the next round where the last ended."""
        self.at = self.ended.at.copy()

    def hand_over(self) -> None:
        """Give a partner courier the order of the fullest pool that takes most work for its fee."""
        pool = int(np.argmax(self.ended.used[:-1] - self.facts.most[:-1]))
        mine = np.flatnonzero(self.at == pool)
        if len(mine):
            fee = self.facts.price[mine, self.partner] - self.facts.price[mine, pool]
            self.at[mine[np.argmin(fee / np.maximum(1.0, self.facts.work[mine, pool]))]] = self.partner

    def _seated(self) -> State:
        facts, pools = self.facts, self.problem.pools
        endless = [np.inf]
        state = State(
            at=self.at.copy(),
            seat=np.zeros(len(self.at), dtype=np.int64),
            members=np.zeros(int(facts.start[-1]), dtype=np.int64),
            size=np.zeros(self.partner + 1, dtype=np.int64),
            used=np.zeros(self.partner + 1),
            count_left=np.array([*(p.room.orders for p in pools), *endless], dtype=float),
            goods_left=np.array(
                [*([getattr(p.room, d) for d in _HARD] for p in pools), endless * len(_HARD)], dtype=float
            ),
            picks=np.array([*self.problem.waves, np.inf], dtype=float),
        )
        for o, p in enumerate(self.at):
            state.members[facts.start[p] + state.size[p]] = o
            state.seat[o] = state.size[p]
            state.size[p] += 1
            state.used[p] += facts.work[o, p]
            state.count_left[p] -= 1
            state.goods_left[p] -= facts.goods[o]
            state.picks[facts.wave[p]] -= 1
        return state


def _reach(problem: OrderProblem, dearer: Sequence[Sequence[float]], near: float) -> list[float]:
    """How much dearer a choice in each pool may be: so that it is offered to enough orders."""
    by_pool: list[list[float]] = [[] for _ in problem.pools]
    for order, mores in zip(problem.orders, dearer, strict=True):
        for choice, more in zip(order.choices, mores, strict=True):
            by_pool[choice.pool].append(more)
    return [max(near, *sorted(mores)[:_FEWEST][-1:]) if mores else near for mores in by_pool]


def _fitting(problem: OrderProblem, start: Mapping[int, int]) -> list[int]:
    """The places to begin with; what does not fit but for its work is with a partner courier."""
    ledger = Ledger(problem)
    begun = [PARTNER] * len(problem.orders)
    for order, place in start.items():
        if place != PARTNER and ledger.holds(order, place):
            begun[order] = place
            ledger.take(order, place)
    return begun


@cache
def compiled() -> Any:
    """`annealed` as machine code; loading numba takes a second, the first compilation on a machine a few.

    The result is kept beside this file, or in the user's cache; where neither can be written every process
    compiles for itself.
    """
    import numba  # noqa: PLC0415  # slow to load, and short searches do without
    from numba.extending import register_jitable  # noqa: PLC0415

    for part in (spent, fits, settle, drawn):
        register_jitable(inline="always")(part)
    try:
        return SimpleNamespace(annealed=numba.njit(cache=True)(annealed))
    except RuntimeError:
        return SimpleNamespace(annealed=numba.njit(annealed))


# The same function as it stands, for tests and for machines where nothing can be compiled.
PLAIN_PYTHON = SimpleNamespace(annealed=annealed)
