"""make bench: the capacity plan of one day at three sizes, with what it proved; writes benchmarks/README.md."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from app.allocation.check import check
from app.allocation.problem import DaySolution, Limits, Plan, Problem
from app.allocation.solve.day import solve_day
from benchmarks.city import city_day

PAGE = Path(__file__).with_name("README.md")
SIZES = ((40, 2_000), (100, 6_000), (200, 20_000))
SECONDS = (5.0, 30.0, 60.0)


def measured(problem: Problem, seconds: float) -> DaySolution:
    """One day solved within so many seconds, and its plan checked."""
    limits = Limits(day_s=seconds, gap=0.0005, processes=1)
    solution = solve_day(problem, problem.days[0], hour_price=[0.0] * 4, limits=limits)
    plan = Plan((solution,), ((0.0,),) * 4, solution.objective, solution.bound, 0, 0, solution.columns)
    wrong = check(problem, plan)
    if wrong:
        raise SystemExit(f"the plan failed its check: {wrong}")
    return solution


def main() -> None:
    """Measure every size and write the table."""
    lines = []
    for zones, orders in SIZES:
        problem = city_day(zones, orders)
        gaps, last = [], None
        for seconds in SECONDS:
            last = measured(problem, seconds)
            gap = (last.bound - last.objective) / abs(last.objective)
            gaps.append(f"{gap:.3%} ({last.solver_s:.0f} s)")
            print(zones, orders, seconds, gaps[-1], f"build {last.build_s:.2f} s", flush=True)
            if last.solver_s < seconds * 0.8:
                break
        assert last is not None
        gaps += ["as before"] * (len(SECONDS) - len(gaps))
        share = last.build_s / last.solver_s
        lines.append(
            f"| {zones} / {orders} | {last.columns:,} | {len(problem.days[0].shifts)} | {' | '.join(gaps)} |"
            f" {last.build_s:.2f} s ({share:.1%}) |"
        )
    PAGE.write_text(HEAD.format(machine=machine()) + "\n".join(lines) + "\n", encoding="utf-8")


def machine() -> str:
    """What it ran on."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]},"
        f" PuLP {version('pulp')}, HiGHS {version('highspy')}"
    )


HEAD = """# Benchmarks

`make bench` on {machine}. CPU seconds of one thread; gap = (proved bound - plan) / |plan|; every plan passed the
independent checker. The city is synthetic (`benchmarks/city.py`, fixed seeds).

## Capacity plan of one day (layer A, compact form)

| zones / orders | columns | integers | gap after 5 s | after 30 s | after 60 s | build and transfer (share of solve) |
|---|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    main()
