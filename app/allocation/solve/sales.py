"""What the minutes left are worth where customers choose by the logit model: the sales-based linear program.

With x[i,w,p] sales to customers of kind i of window w at fee p, and x0[i] those who leave, the choice model
says x[i,w,p] / v[i,w,p] <= x0[i] for one fee at a time, so sum_p x/v <= x0 (Gallego, Ratliff and Shebalov
2015). The duals of the buckets' seconds are bid prices.
"""

from __future__ import annotations

from app.allocation.problem import Limits
from app.allocation.sales import SalesPlan, SalesProblem
from app.allocation.solve.sheet import Engine, Sheet, Terms


def plan_sales(problem: SalesProblem, limits: Limits | None = None) -> SalesPlan:
    """The best mix of fees over what is left, in expectation, and the bid price of every bucket."""
    sheet = Sheet("sales")
    windows, fees = range(len(problem.buckets)), range(len(problem.earns_minor[0]))
    earns: Terms = []
    sold: list[Terms] = [[] for _ in windows]
    for i, kind in enumerate(problem.demand):
        stays_away = sheet.column(f"away_{i}")
        whole: Terms = [(stays_away, 1.0)]
        for w in windows:
            sales = [sheet.column(f"x_{i}_{w}_{p}") for p in fees]
            shares: Terms = [(x, 1 / max(v, 1e-9)) for x, v in zip(sales, kind.attraction[w], strict=True)]
            sheet.row([*shares, (stays_away, -1.0)], "<=", 0.0)
            earns += list(zip(sales, problem.earns_minor[w], strict=True))
            sold[w] += [(x, problem.work_s) for x in sales]
            whole += [(x, 1.0) for x in sales]
        sheet.row(whole, "==", kind.arrivals)
    used: list[Terms] = [[] for _ in problem.left_s]
    for w in windows:
        shares = [(sheet.column(f"y_{w}_{b}"), 1.0) for b in problem.buckets[w]]
        sheet.row([*sold[w], *((y, -1.0) for y, _ in shares)], "==", 0.0)
        for b, share in zip(problem.buckets[w], shares, strict=True):
            used[b].append(share)
    rows = [sheet.row(terms, "<=", left) for terms, left in zip(used, problem.left_s, strict=True)]
    sheet.maximise(earns)
    engine = Engine(sheet, limits or Limits())
    found = engine.run()
    worths = engine.worths()
    values = engine.values()
    per_kind = 1 + len(windows) * len(fees)
    left = sum(values[i * per_kind] for i in range(len(problem.demand)))
    return SalesPlan(
        objective_minor=found.objective_function_value,
        second_worth=tuple(max(0.0, worths[row]) for row in rows),
        sales=sum(kind.arrivals for kind in problem.demand) - left,
    )
