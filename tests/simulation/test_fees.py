"""Fees of the simulation: what the formula promises, by trying everything else."""

from dataclasses import replace
from itertools import product
from math import exp

import pytest

from app.simulation.fees import FEES, TABLE, choice_fees, table_fee
from app.simulation.town import Kind

KIND = Kind(1.0, (1.2, 2.0), 0.5)


def earned(fees: dict[int, int], costs: dict[int, float], margin_minor: float) -> float:
    """What the next shopper brings on the mean, in minor units."""
    weights = {w: exp(KIND.attraction[w] - KIND.price_weight * fee / 100) for w, fee in fees.items()}
    whole = 1 + sum(weights.values())
    return sum(weights[w] / whole * (fees[w] + margin_minor - costs[w]) for w in fees)


@pytest.mark.parametrize(("first", "second"), [(600.0, 600.0), (900.0, 300.0), (1_200.0, 1_100.0)])
def test_no_pair_of_published_fees_earns_noticeably_more(first: float, second: float) -> None:
    costs, margin = {0: first, 1: second}, 700.0
    chosen = choice_fees(costs, margin, (KIND,))
    best = max(earned({0: a, 1: b}, costs, margin) for a, b in product(FEES, FEES))
    # Steps of 50 keep it from being exact.
    assert earned(chosen, costs, margin) >= 0.995 * best
    assert set(chosen.values()) <= set(FEES)


def test_a_dearer_window_costs_more_and_an_empty_evening_has_no_fees() -> None:
    fees = choice_fees({0: 900.0, 1: 300.0}, 700.0, (KIND,))
    assert fees[0] > fees[1]
    assert choice_fees({}, 700.0, (KIND,)) == {}


def test_kinds_count_by_their_share() -> None:
    costs = {0: 600.0, 1: 600.0}
    poor = replace(KIND, share=0.9, price_weight=1.5)
    mixed = choice_fees(costs, 700.0, (replace(KIND, share=0.1), poor))
    assert max(mixed.values()) < min(choice_fees(costs, 700.0, (KIND,)).values())


def test_the_price_table_passes_on_what_a_drop_costs_within_its_band() -> None:
    usual = float(TABLE.usual_cost_minor)
    assert table_fee(0, usual, usual) == TABLE.base_minor
    assert table_fee(0, usual + 240, usual) == TABLE.base_minor + 250
    assert table_fee(0, usual + 500, usual + 500) == TABLE.base_minor + 200
    assert table_fee(0, 1e6, usual) == TABLE.ceiling_minor
