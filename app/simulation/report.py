"""What a season shows: means with 95 % confidence intervals, and paired differences from counters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t as student

from app.simulation.evening import Outcome
from app.simulation.policies import COUNTERS
from app.simulation.season import policies_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and half the width of its 95 % confidence interval (Student); None: one evening has none."""

    mean: float
    half: float | None

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}}" + ("" if self.half is None else f" ± {self.half:{spec.lstrip('+')}}")


@dataclass(frozen=True, slots=True)
class Line:
    """One policy at one load: money in major units an evening, kilometres and grams an order.

    `of_fluid` is of the reference of the shoppers who were expected, `of_fluid_came` of as many as came;
    `gain` and `cheaper` are profit above and cost per drop below those of counters on the same evenings.
    """

    load: float
    policy: str
    evenings: int
    profit: Estimate
    of_fluid: float
    of_fluid_came: float
    gain: Estimate
    cost_per_drop: Estimate
    cheaper: Estimate
    orders: Estimate
    fee: float
    km: Estimate
    km_per_order: float
    grams_per_order: float
    broken: int
    broken_share: float
    on_time_share: float


def lines(outcomes: Sequence[Outcome]) -> list[Line]:
    """A line for each load and policy; raises ValueError where counters were not played beside."""
    made: list[Line] = []
    for load in sorted({one.load for one in outcomes}):
        here = [one for one in outcomes if one.load == load]
        beside = {one.evening: one for one in here if one.policy == COUNTERS.name}
        made += [_line([one for one in here if one.policy == policy], beside) for policy in policies_of(here)]
    return made


def _line(mine: Sequence[Outcome], counters: dict[int, Outcome]) -> Line:
    if any(one.evening not in counters for one in mine):
        raise ValueError("an evening was not played with counters: nothing to compare with")
    served, orders = sum(one.served for one in mine), sum(one.orders for one in mine)
    broken = sum(one.broken for one in mine)
    late = sum(one.late for one in mine)

    def against(figure: Callable[[Outcome], float]) -> Estimate:
        return estimate([figure(one) - figure(counters[one.evening]) for one in mine])

    def profit(one: Outcome) -> float:
        return one.profit_minor / 100

    def cost(one: Outcome) -> float:
        return one.cost_per_drop_minor / 100

    return Line(
        load=mine[0].load,
        policy=mine[0].policy,
        evenings=len(mine),
        profit=estimate([profit(one) for one in mine]),
        of_fluid=sum(one.profit_minor for one in mine) / sum(one.fluid_minor for one in mine),
        of_fluid_came=sum(one.profit_minor for one in mine) / sum(one.fluid_came_minor for one in mine),
        gain=against(profit),
        cost_per_drop=estimate([cost(one) for one in mine]),
        cheaper=against(lambda one: -cost(one)),
        orders=estimate([float(one.served) for one in mine]),
        fee=sum(one.fees_minor for one in mine) / 100 / max(1, served),
        km=estimate([one.distance_m / 1_000 for one in mine]),
        km_per_order=sum(one.distance_m for one in mine) / 1_000 / max(1, served),
        grams_per_order=sum(one.grams for one in mine) / max(1, served),
        broken=broken,
        broken_share=broken / max(1, orders),
        on_time_share=1 - (late + broken) / max(1, orders),
    )


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of independent evenings and half of its 95 % interval."""
    if len(values) < 2:
        return Estimate(fmean(values), None)
    quantile = float(student.ppf(0.975, len(values) - 1))
    return Estimate(fmean(values), quantile * stdev(values) / sqrt(len(values)))


HEAD = (
    "load", "policy", "profit EUR", "of fluid", "of fluid as came", "against counters EUR",
    "cost per drop EUR", "orders", "fee EUR", "km per order", "g CO2e per order", "broken promises",
    "on time",
)  # fmt: skip


def cells(line: Line) -> list[str]:
    """A line as text, under HEAD."""
    return [
        f"{line.load:g}",
        line.policy,
        f"{line.profit:,.0f}",
        f"{line.of_fluid:.1%}",
        f"{line.of_fluid_came:.1%}",
        f"{line.gain:+,.0f}",
        f"{line.cost_per_drop:.2f}",
        f"{line.orders:,.0f}",
        f"{line.fee:.2f}",
        f"{line.km_per_order:.2f}",
        f"{line.grams_per_order:.1f}",
        f"{line.broken} ({line.broken_share:.1%})",
        f"{line.on_time_share:.2%}",
    ]


def table(found: Sequence[Line]) -> str:
    """All lines as a table in Markdown."""
    rows = [HEAD, ["---"] * len(HEAD), *(cells(line) for line in found)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def as_json(found: Sequence[Line], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Everything, for those who want to reckon on."""
    return {"lines": [asdict(line) for line in found], "evenings": [asdict(one) for one in outcomes]}
