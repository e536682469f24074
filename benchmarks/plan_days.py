"""The capacity plan of one day at three sizes, beside CBC and a greedy rule on the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.allocation.check import check
from app.allocation.problem import DaySolution, Limits, Plan, Problem
from app.allocation.solve.day import solve_day
from app.allocation.solve.model import DayModel
from app.allocation.solve.sheet import Sheet
from benchmarks.cbc import Answer, cbc
from benchmarks.city import city_day
from benchmarks.greedy import greedy
from benchmarks.page import Section, Table

NAME = "days"
TITLE = "Capacity plan of one day"


@dataclass(frozen=True, slots=True)
class Size:
    """A size of the generator: zones, orders, whether windows are opened one by one, the gap to prove and
    the CPU seconds for it."""

    zones: int
    orders: int
    opening: bool
    aim: float
    budget_s: float

    @property
    def name(self) -> str:
        """Zones and orders: '100 / 6,000'."""
        return f"{self.zones} / {self.orders:,}"


SIZES = (
    Size(40, 2_000, False, 0.001, 15),
    Size(100, 6_000, False, 0.001, 15),
    Size(200, 20_000, False, 0.0002, 30),
)
HEAD = (
    "zones / orders",
    "columns",
    "integers",
    "aim",
    "proved gap",
    "solve",
    "build and transfer",
    "CBC in as much",
    "greedy",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What our planner, CBC in the same CPU seconds, and the greedy rule found."""

    size: Size
    integers: int
    ours: DaySolution
    other: Answer
    greedy: float


def run(sizes: Sequence[Size] = SIZES) -> Section:
    """Measure every size."""
    found = []
    for size in sizes:
        found.append(measured(size))
        print(NAME, row(found[-1]), flush=True)
    return section(found)


def measured(size: Size) -> Measured:
    """One size: solved, checked, and solved by others."""
    problem = city_day(size.zones, size.orders, opening=size.opening)
    day = problem.days[0]
    free = [0.0] * len(problem.nodes)
    ours = solve_day(problem, day, hour_price=free, limits=Limits(size.budget_s, size.aim, 1))
    verified(problem, ours)
    sheet = Sheet("cbc")
    model = DayModel(problem, day, sheet)
    sheet.maximise(model.objective(free))
    other = cbc(sheet, set(model.whole), seconds=max(2.0, ours.solver_s), gap=size.aim)
    simple = greedy(problem, day)
    verified(problem, replace(simple, bound=ours.bound))
    return Measured(size, len(model.whole), ours, other, simple.objective)


def verified(problem: Problem, solution: DaySolution) -> None:
    """The independent checker has nothing to say of it."""
    free = ((0.0,),) * len(problem.nodes)
    plan = Plan((solution,), free, solution.objective, solution.bound, 0, 0, 0, solution.chord_bound)
    wrong = check(problem, plan)
    if wrong:
        raise SystemExit(f"the plan failed its check: {wrong}")


def gap(objective: float | None, bound: float) -> str:
    """(bound - plan) / plan in words."""
    return (
        "no plan" if objective is None or objective <= 0 else f"{max(0.0, bound - objective) / objective:.3%}"
    )


def row(one: Measured) -> tuple[str, ...]:
    """A line of the table; every gap is to the bound that our planner proved."""
    ours, share = one.ours, one.ours.build_s / max(one.ours.solver_s, 1e-9)
    return (
        one.size.name,
        f"{ours.columns:,}",
        f"{one.integers:,}",
        f"{one.size.aim:.2%} in {one.size.budget_s:.0f} s",
        gap(ours.objective, ours.bound),
        f"{ours.solver_s:.1f} s",
        f"{ours.build_s:.2f} s ({share:.1%})",
        f"{gap(one.other.objective, ours.bound)} in {one.other.cpu_s:.1f} s",
        gap(one.greedy, ours.bound),
    )


def section(found: Sequence[Measured]) -> Section:
    """The table."""
    text = f"""
CPU seconds of one thread. Gap = (bound - plan) / plan, for all three to the bound that our planner proved. "Solve" is all
passes: relaxed, whole, with the vehicles fixed; "build and transfer" all else that a day takes: building the model in
PuLP, handing it to HiGHS, reading the answers. CBC gets the same model as MPS and as many CPU seconds as ours took (at
least two), presolve and all. The greedy rule sends one vehicle after another, always the one that adds most
(`benchmarks/greedy.py`). Ours and the greedy plan passed the independent checker.

{Table(HEAD, [row(one) for one in found])}
"""
    return Section(NAME, TITLE, text)
