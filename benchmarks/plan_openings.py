"""Openings decided by the plan: every window of every zone, one by one, beside CBC on the same model."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.page import Section, Table
from benchmarks.plan_days import HEAD, Measured, Size, measured, row

NAME = "openings"
TITLE = "Windows opened one by one"
SIZES = (
    Size(40, 2_000, True, 0.002, 60),
    Size(100, 6_000, True, 0.002, 60),
    Size(200, 20_000, True, 0.002, 60),
)


def run(sizes: Sequence[Size] = SIZES) -> Section:
    """Measure every size."""
    found = []
    for size in sizes:
        found.append(measured(size))
        print(NAME, row(found[-1]), flush=True)
    return section(found)


def section(found: Sequence[Measured]) -> Section:
    """The table."""
    text = f"""
As above; in every zone the plan opens four to seven of the nine elementary windows, each for 2 EUR and visited at least
once, with a link of its own for every group of customers. Windows that the relaxation opens wholly or not at all are
kept while the others are decided; the whole search goes on from there where that does not reach the aim. The greedy
rule plans as if all were open, opens in each zone those that it served most, and plans again, vehicle by vehicle: it never
sees that two would pay together for a window that neither pays for alone.

{Table(HEAD, [row(one) for one in found])}
"""
    return Section(NAME, TITLE, text)
