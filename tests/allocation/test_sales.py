"""The sales-based linear program against what can be reckoned by hand and by trying."""

from math import exp

import pytest

from app.allocation.sales import Demand, SalesProblem
from app.allocation.solve.sales import plan_sales

FEES = (200, 400, 600, 800)


def problem(left_s: float, arrivals: float = 100.0) -> SalesProblem:
    """One window in one bucket, one kind of customers."""
    return SalesProblem(
        demand=(Demand(arrivals, (tuple(exp(2.0 - 0.5 * fee / 100) for fee in FEES),)),),
        buckets=((0,),),
        earns_minor=(tuple(float(700 + fee) for fee in FEES),),
        work_s=600.0,
        left_s=(left_s,),
    )


def alone(fee: int) -> float:
    """Sales where one fee is asked all the time."""
    v = exp(2.0 - 0.5 * fee / 100)
    return 100 * v / (1 + v)


def test_with_time_to_spare_the_best_single_fee_is_asked_and_time_is_worth_nothing() -> None:
    found = plan_sales(problem(1e9))
    assert found.objective_minor == pytest.approx(max(alone(fee) * (700 + fee) for fee in FEES))
    assert found.second_worth == (0.0,)


def test_with_too_little_time_sales_fill_it_and_its_worth_is_the_gain_of_a_little_more() -> None:
    found, more = plan_sales(problem(12_000.0)), plan_sales(problem(12_060.0))
    assert found.sales == pytest.approx(20.0)
    assert found.second_worth[0] == pytest.approx(
        (more.objective_minor - found.objective_minor) / 60, rel=1e-6
    )
    assert found.second_worth[0] > 0


def test_nobody_left_earns_nothing() -> None:
    found = plan_sales(problem(12_000.0, arrivals=0.0))
    assert found.objective_minor == pytest.approx(0.0)
    assert found.sales == pytest.approx(0.0)
