"""A PuLP problem that is handed to HiGHS once and solved in passes, each changing only what differs."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pulp
from highspy import HighsModelStatus, HighsSolution, HighsVarType
from pulp import LpAffineExpression, LpProblem, LpVariable

from app.allocation.problem import Limits

type Variable = LpVariable
type Terms = list[tuple[Variable, float]]

# A limit of so many CPU seconds ends after so many times as many of the wall clock.
_PATIENCE = 20
# HighsInfo.primal_solution_status of a feasible point.
_FEASIBLE = 2


class Sheet:
    """A PuLP problem that counts its own columns and rows: asking PuLP for the count lists them all."""

    def __init__(self, name: str) -> None:
        self.prob = LpProblem(name, pulp.LpMaximize)
        self.columns = 0
        self.rows = 0

    def column(self, name: str, most: float | None = None) -> Variable:
        """Add a variable from nothing to `most`; it is continuous until a pass says otherwise."""
        self.columns += 1
        return self.prob.add_variable(name, 0, most)

    def block(self, name: str, count: int) -> list[Variable]:
        """Add so many variables from nothing upwards at once."""
        self.columns += count
        return self.prob.add_variable_matrix(name, range(count), lowBound=0)

    def row(self, terms: Terms, sense: str, bound: float) -> int:
        """Add `sum(terms) sense bound`; returns the row's number."""
        left = LpAffineExpression.from_list(terms)
        self.prob += left <= bound if sense == "<=" else left == bound
        self.rows += 1
        return self.rows - 1

    def maximise(self, terms: Terms) -> None:
        """Set what is sought."""
        self.prob += LpAffineExpression.from_list(terms)


@contextmanager
def uncollected() -> Iterator[None]:
    """Building makes objects by the hundred thousand, all of them needed: looking for garbage among them
    took a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Engine:
    """HiGHS with a whole sheet in it; `solve_s` are the CPU seconds of its passes, and nothing else.

    One thread and a fixed seed, so that the same sheet gives the same answers. Raises ValueError for a
    sheet with a column that nothing names.
    """

    def __init__(self, sheet: Sheet, limits: Limits, **options: Any) -> None:
        solver = pulp.HiGHS(mip=False, msg=False, threads=1, random_seed=limits.seed, **options)
        solver.createAndConfigureSolver(sheet.prob)
        solver.buildSolverModel(sheet.prob)
        highs: Any = sheet.prob.solverModel
        if highs.getNumCol() != sheet.columns:
            raise ValueError("PuLP leaves out columns that neither the objective nor a row names")
        self.highs = highs
        self.solve_s = 0.0

    def run(self) -> Any:
        """One pass; the answer is HiGHS's account of it."""
        started = time.process_time()
        self.highs.run()
        self.solve_s += time.process_time() - started
        return self.highs.getInfo()

    def whole(
        self, columns: Sequence[int], limits: Limits, start: Sequence[float] | None = None
    ) -> tuple[float, list[float] | None]:
        """A pass with these columns integer: the proved bound, and the values if any were found in time.

        `start` are the values of a solution that is known.
        """
        kept = self.highs.getBasis()
        self._kind(columns, HighsVarType.kInteger)
        self.highs.setOptionValue("mip_rel_gap", limits.gap)
        # CPU seconds, so that a busy machine gives the same answer; in the end the wall counts.
        self.highs.setOptionValue("time_limit", limits.day_s * _PATIENCE)
        until = time.process_time() + limits.day_s

        def look(event: Any) -> None:
            if time.process_time() >= until:
                event.interrupt()

        self.highs.cbMipInterrupt.subscribe(look)
        # From scratch: a start from the relaxation's vertex leads the search another and longer way.
        self.highs.clearSolver()
        if start is not None:
            known = HighsSolution()
            known.col_value = list(start)
            self.highs.setSolution(known)
        info = self.run()
        self.highs.cbMipInterrupt.unsubscribe(look)
        found = self.values() if info.primal_solution_status == _FEASIBLE else None
        self._kind(columns, HighsVarType.kContinuous)
        self.highs.setOptionValue("time_limit", float("inf"))
        self.highs.clearSolver()
        self.highs.setBasis(kept)
        return info.mip_dual_bound, found

    def worth(self, values: Sequence[float]) -> float:
        """What these values of all columns are worth."""
        factors = self.highs.getLp().col_cost_
        return float(sum(factor * value for factor, value in zip(factors, values, strict=True)))

    def fix(self, columns: Sequence[int], values: Sequence[float]) -> None:
        """Let these columns have these values and no others from the next pass on."""
        self.highs.changeColsBounds(len(columns), columns, values, values)

    def bound(self, columns: Sequence[int], most: Sequence[float]) -> None:
        """Let these columns reach from nothing to `most` from the next pass on."""
        self.highs.changeColsBounds(len(columns), columns, [0.0] * len(columns), most)

    def limit(self, row: int, bound: float) -> None:
        """Give a `<=` row another bound from the next pass on."""
        self.highs.changeRowBounds(row, float("-inf"), bound)

    def coefficient(self, row: int, column: int, value: float) -> None:
        """Give a column another factor in a row from the next pass on."""
        self.highs.changeCoeff(row, column, value)

    def cost(self, column: int, value: float) -> None:
        """Give a column another factor in what is sought from the next pass on."""
        self.highs.changeColCost(column, value)

    def solved(self) -> bool:
        """Whether the last pass found an optimum."""
        return bool(self.highs.getModelStatus() == HighsModelStatus.kOptimal)

    def values(self) -> list[float]:
        """The last pass's value of every column of the sheet."""
        found: list[float] = self.highs.getSolution().col_value
        return found

    def worths(self) -> list[float]:
        """What one more unit of every row would have added in the last pass."""
        found: list[float] = self.highs.getSolution().row_dual
        return found

    def reduced(self) -> list[float]:
        """What one more unit of every column would have added in the last pass, had its bound let it."""
        found: list[float] = self.highs.getSolution().col_dual
        return found

    def _kind(self, columns: Sequence[int], kind: Any) -> None:
        self.highs.changeColsIntegrality(len(columns), columns, [kind] * len(columns))
