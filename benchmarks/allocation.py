"""make bench-allocation [ARGS="NAME ..."]: measure the allocation core and write benchmarks/ALLOCATION.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import (
    breakdown,
    insertion,
    orders,
    plan_days,
    plan_fortnight,
    plan_openings,
    plan_prices,
    plan_travel,
    routing,
    routing_files,
    routing_public,
    street_times,
)
from benchmarks.page import PAGE, Benchmark, measure

# One module for each section; the layers below the plan have theirs here too.
ALL: Sequence[Benchmark] = (
    plan_days,
    plan_openings,
    plan_travel,
    plan_prices,
    plan_fortnight,
    orders,
    breakdown,
    insertion,
    street_times,
    routing,
    routing_files,
    routing_public,
)
ALLOCATION = PAGE.with_name("ALLOCATION.md")
HEAD = """# The allocation core, measured

Written by `make bench-allocation`; `make bench-allocation ARGS=NAME` runs one section and replaces it. The city is
synthetic, with fixed seeds (`benchmarks/city.py`): it shows what is solvable and how near to the bound, not what a
retailer would save. CPU seconds are those of the process named; bare wall times say little on a busy machine, and the
load stands with every section. docs/allocation.md has the models in formulas and the goals.
"""

if __name__ == "__main__":
    # A map and public instances are the user's: without them their sections stay as they are.
    theirs = {one.NAME: one.is_told() for one in (street_times, routing_public)}
    names = sys.argv[1:] or [one.NAME for one in ALL if theirs.get(one.NAME, True)]
    measure(names, ALL, ALLOCATION, HEAD, "bench-allocation")
