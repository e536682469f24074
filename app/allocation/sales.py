"""The sales-based linear program's question and answer: what the minutes left of an evening can earn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """Customers still to come who choose alike: how many, and how attractive each window is at each fee.

    `attraction[w][p]` is exp(utility) of window w at the p-th fee; that of not ordering is 1.
    """

    arrivals: float
    attraction: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class SalesProblem:
    """Windows, the buckets each may be served in, the fees that may be asked, and the seconds left.

    `earns_minor[w][p]` is what a sale of window w at the p-th fee earns before the time it takes, which is
    `work_s` in any of the window's buckets.
    """

    demand: tuple[Demand, ...]
    buckets: tuple[tuple[int, ...], ...]
    earns_minor: tuple[tuple[float, ...], ...]
    work_s: float
    left_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SalesPlan:
    """The most that can be earned on the mean, and what a second of each bucket is worth, in minor units."""

    objective_minor: float
    second_worth: tuple[float, ...]
    sales: float
