"""Place orders one by one at the least extra cost, overtime priced: after a relaxation, or on their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.allocation.orders import PARTNER, Choice, Order, OrderProblem

_WORK = 1


def amounts_of(order: Order, choice: Choice) -> tuple[int, ...]:
    """What an order takes of the pool of a choice, in the order of the dimensions of a load."""
    return (1, choice.work_s, order.volume_ml, order.weight_g, order.chilled_ml, order.frozen_ml)


class Ledger:
    """What is left of every pool and picking wave while orders are placed."""

    def __init__(self, problem: OrderProblem) -> None:
        self.problem = problem
        self._left = [
            [
                pool.room.orders,
                pool.room.work_s,
                pool.room.volume_ml,
                pool.room.weight_g,
                pool.room.chilled_ml,
                pool.room.frozen_ml,
            ]
            for pool in problem.pools
        ]
        self._picks = list(problem.waves)

    def left(self, pool: int, dimension: int) -> int:
        """The room that is left; less than nothing where overtime is worked already."""
        return self._left[pool][dimension]

    def picks_left(self, wave: int) -> int:
        """The orders that a picking wave still takes."""
        return self._picks[wave]

    def take(self, order: int, place: int, sign: int = 1) -> None:
        """Note that an order is served by its choice, or with `sign` -1 that it no longer is."""
        if place == PARTNER:
            return
        facts = self.problem.orders[order]
        choice = facts.choices[place]
        left = self._left[choice.pool]
        for d, amount in enumerate(amounts_of(facts, choice)):
            left[d] -= sign * amount
        wave = self.problem.pools[choice.pool].wave
        if wave is not None:
            self._picks[wave] -= sign

    def holds(self, order: int, place: int) -> bool:
        """Whether an order fits with a choice, its work apart."""
        facts = self.problem.orders[order]
        choice = facts.choices[place]
        wave = self.problem.pools[choice.pool].wave
        if wave is not None and self._picks[wave] < 1:
            return False
        left = self._left[choice.pool]
        return all(a <= left[d] for d, a in enumerate(amounts_of(facts, choice)) if a and d != _WORK)

    def extra(self, order: int, place: int, *, overtime: bool = True) -> float | None:
        """What serving an order by a choice costs with the overtime it makes; None where it does not fit."""
        if not self.holds(order, place):
            return None
        choice = self.problem.orders[order].choices[place]
        pool = self.problem.pools[choice.pool]
        left = self._left[choice.pool]
        late = max(0, choice.work_s - left[_WORK])
        if late > 0 and (not overtime or late > pool.overtime_s):
            return None
        before = max(0, -left[_WORK])
        return choice.price + pool.overtime_minor * (late - before) / 60


def placed(problem: OrderProblem, whole: Mapping[int, int]) -> list[int]:
    """The whole choices of an answer, and the other orders each where it costs least extra.

    Where a pool has more work than all its overtime, those are placed again whom that costs least.
    """
    ledger = Ledger(problem)
    chosen = [PARTNER] * len(problem.orders)
    doubtful = []
    for order, place in whole.items():
        if place != PARTNER and not ledger.holds(order, place):
            doubtful.append(order)
            continue
        chosen[order] = place
        ledger.take(order, place)
    rest = [order for order in range(len(problem.orders)) if order not in whole]
    _place(problem, ledger, chosen, [*rest, *doubtful], overtime=True)
    for number, pool in enumerate(problem.pools):
        while ledger.left(number, _WORK) < -pool.overtime_s and _relieve(problem, ledger, chosen, number):
            pass
    return chosen


def _relieve(problem: OrderProblem, ledger: Ledger, chosen: list[int], pool: int) -> bool:
    """Place that order of a pool again which costs least extra elsewhere; whether there was one."""
    best: tuple[float, int, int] | None = None
    for number, order in enumerate(problem.orders):
        if chosen[number] == PARTNER or order.choices[chosen[number]].pool != pool:
            continue
        before = order.choices[chosen[number]].price
        ledger.take(number, chosen[number], -1)
        for place in [PARTNER, *range(len(order.choices))]:
            if place == chosen[number]:
                continue
            extra = order.partner_minor if place == PARTNER else ledger.extra(number, place)
            if extra is not None and (best is None or extra - before < best[0]):
                best = (extra - before, number, place)
        ledger.take(number, chosen[number])
    if best is None:
        return False
    _, number, place = best
    ledger.take(number, chosen[number], -1)
    chosen[number] = place
    ledger.take(number, place)
    return True


def first_come(problem: OrderProblem, *, stay: bool = False) -> list[int]:
    """Orders in their turn, each the cheapest choice that has room, none in overtime: counters, first come.

    With `stay` those that still fit where they are stay, and then the others are placed: what a dispatcher
    does by hand.
    """
    ledger = Ledger(problem)
    chosen = [PARTNER] * len(problem.orders)
    rest = []
    for number, order in enumerate(problem.orders):
        here = [place for place, choice in enumerate(order.choices) if choice.pool == order.present]
        if stay and here and ledger.extra(number, here[0], overtime=False) is not None:
            chosen[number] = here[0]
            ledger.take(number, here[0])
        else:
            rest.append(number)
    _place(problem, ledger, chosen, rest, overtime=False)
    return chosen


def _place(
    problem: OrderProblem, ledger: Ledger, chosen: list[int], orders: Iterable[int], *, overtime: bool
) -> None:
    for order in orders:
        best, least = PARTNER, problem.orders[order].partner_minor
        if not overtime:
            least = float("inf")
        for place in range(len(problem.orders[order].choices)):
            extra = ledger.extra(order, place, overtime=overtime)
            if extra is not None and extra < least:
                best, least = place, extra
        chosen[order] = best
        ledger.take(order, best)
