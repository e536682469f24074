"""Booking allocation's question and answer: which pool serves each confirmed order, as frozen values.

Indices instead of ids keep them small: a choice names a pool of the problem and a window of its order.
Seconds, grams, millilitres and minor units throughout; windows are UTC.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import TypeAdapter

from app.values.load import DIMENSIONS, Load
from app.values.window import Window

# The place of a choice that means: none of them, a partner courier brings it.
PARTNER = -1


@dataclass(frozen=True, slots=True)
class OpenPool:
    """A pool with the room that the orders of the problem may take; all else that it serves is deducted.

    `overtime_s` is the most work beyond the room, at `overtime_minor` a minute. `wave` is the place of the
    picking wave that its orders count against. `skills` is what its vehicles with their crews can do.
    """

    id: str
    node_id: str
    class_id: str
    window: Window
    room: Load
    overtime_s: int
    overtime_minor: float
    wave: int | None = None
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A pool that may serve an order, in one of the windows that its customer accepts.

    `cost_minor` is distance and carbon, `worth_minor` what its minutes are worth to those who still order,
    `move_minor` the price of disturbing the running plan. `place` is 0 at the door, else the number of the
    locker among those that the customer accepts.
    """

    pool: int
    window: int
    work_s: int
    cost_minor: float
    worth_minor: float = 0.0
    move_minor: float = 0.0
    place: int = 0

    @property
    def price(self) -> float:
        """All that choosing it costs, overtime apart."""
        return self.cost_minor + self.worth_minor + self.move_minor


@dataclass(frozen=True, slots=True)
class Order:
    """A confirmed order, what it takes of any pool besides work, and the pools that may serve it.

    `partner_minor` is what a partner courier takes for it. `present` is the pool that serves it now, None
    where a partner courier does. `needs` are the skills of whoever brings it; a partner courier has them all.
    Goods that are handed over `at_door` go to no locker.
    """

    id: str
    volume_ml: int
    weight_g: int
    chilled_ml: int
    frozen_ml: int
    partner_minor: float
    present: int | None
    choices: tuple[Choice, ...]
    needs: tuple[str, ...] = ()
    at_door: bool = False

    def load(self, choice: Choice) -> Load:
        """What it takes of the pool of a choice."""
        return Load(1, choice.work_s, self.volume_ml, self.weight_g, self.chilled_ml, self.frozen_ml)


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """All that an allocation of a local day is told; `waves` are the orders each picking wave still takes."""

    day: date
    currency: str
    pools: tuple[OpenPool, ...]
    waves: tuple[int, ...]
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """How long and how exactly to solve: CPU seconds in all, relative gap, and a fixed seed."""

    seconds: float = 20.0
    gap: float = 0.005
    seed: int = 1


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """The answer: per order the place of its choice, PARTNER where none; overtime seconds per pool.

    `bound` is the least cost that any answer can have (the linear relaxation, partner couriers not split in
    all), `minute_worth` what one more minute of each pool would have saved in the relaxation.
    """

    chosen: tuple[int, ...]
    overtime_s: tuple[int, ...]
    objective: float
    bound: float
    minute_worth: tuple[float, ...]
    fractional: int
    columns: int
    solver_s: float
    build_s: float

    @property
    def gap(self) -> float:
        """(objective - bound) / |bound|."""
        return max(0.0, self.objective - self.bound) / max(abs(self.bound), 1.0)

    @property
    def partner_couriers(self) -> int:
        """How many orders a partner courier brings."""
        return sum(1 for place in self.chosen if place == PARTNER)


def used_of(problem: OrderProblem, chosen: Sequence[int]) -> list[Load]:
    """What an answer takes of each pool."""
    used = [[0] * len(DIMENSIONS) for _ in problem.pools]
    for order, place in zip(problem.orders, chosen, strict=True):
        if place != PARTNER:
            choice = order.choices[place]
            taken = used[choice.pool]
            for d, amount in enumerate(
                (1, choice.work_s, order.volume_ml, order.weight_g, order.chilled_ml, order.frozen_ml)
            ):
                taken[d] += amount
    return [Load(*amounts) for amounts in used]


def overtime_of(problem: OrderProblem, chosen: Sequence[int]) -> list[int]:
    """The seconds of work beyond its room that an answer asks of each pool."""
    used = used_of(problem, chosen)
    return [max(0, load.work_s - pool.room.work_s) for pool, load in zip(problem.pools, used, strict=True)]


def cost_of(problem: OrderProblem, chosen: Sequence[int]) -> float:
    """What an answer costs: choices, partner couriers and overtime."""
    spent = sum(
        order.partner_minor if place == PARTNER else order.choices[place].price
        for order, place in zip(problem.orders, chosen, strict=True)
    )
    late = zip(problem.pools, overtime_of(problem, chosen), strict=True)
    return spent + sum(pool.overtime_minor * seconds / 60 for pool, seconds in late)


_PROBLEM = TypeAdapter(OrderProblem)
_PLAN = TypeAdapter(OrderPlan)
_LIMITS = TypeAdapter(OrderLimits)


def orders_to_json(problem: OrderProblem) -> bytes:
    """The problem as JSON."""
    return _PROBLEM.dump_json(problem)


def orders_from_json(text: bytes) -> OrderProblem:
    """The problem that was written; raises ValueError for anything else."""
    return _PROBLEM.validate_json(text)


def order_plan_to_json(plan: OrderPlan) -> bytes:
    """The answer as JSON."""
    return _PLAN.dump_json(plan)


def order_plan_from_json(text: bytes) -> OrderPlan:
    """The answer that was written; raises ValueError for anything else."""
    return _PLAN.validate_json(text)


def order_limits_to_json(limits: OrderLimits) -> bytes:
    """The limits as JSON."""
    return _LIMITS.dump_json(limits)


def order_limits_from_json(text: bytes) -> OrderLimits:
    """The limits that were written."""
    return _LIMITS.validate_json(text)


def packed_orders(problem: OrderProblem) -> bytes:
    """The problem as it is stored with its run."""
    return zlib.compress(orders_to_json(problem), 6)


def unpacked_orders(stored: bytes) -> OrderProblem:
    """The problem of a stored run."""
    return orders_from_json(zlib.decompress(stored))
