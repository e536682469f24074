"""What to ask for each window: one fee, the house's price table, or bid prices with the customers' choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from scipy.special import lambertw

from app.pricing.rules import quote
from app.simulation.town import CURRENCY, WINDOWS, Kind
from app.values.money import round_half_up


@dataclass(slots=True)
class PriceTable:
    """A price table as `app/pricing/rules.py` reads it; amounts in minor units."""

    currency: str = CURRENCY
    base_minor: int = 400
    one_hour_minor: int = 0
    four_hour_minor: int = 0
    evening_minor: int = 0
    weekend_minor: int = 0
    usual_cost_minor: int = 100
    pass_on_bp: int = 10_000
    level_pass_on_bp: int | None = 3_500
    step_minor: int = 50
    floor_minor: int = 100
    ceiling_minor: int = 1_200
    green_grams: int = -1
    green_discount_minor: int = 0
    flexible_minor: int = 0
    flexible_most_minor: int = 0


TABLE = PriceTable()
# Every fee that the published band and its step allow.
FEES = tuple(range(TABLE.floor_minor, TABLE.ceiling_minor + 1, TABLE.step_minor))


def table_fee(window: int, cost_minor: float, zone_cost_minor: float) -> int:
    """The fee of the house's own price rule for a drop that costs so much, the time it takes included.

    `zone_cost_minor` is the mean over all windows.
    """
    asked = quote(
        TABLE,
        window=WINDOWS[window],
        zone="UTC",
        marginal_cost_minor=round_half_up(cost_minor),
        grams=0,
        handover_minor=0,
        zone_cost_minor=round_half_up(zone_cost_minor),
    )
    return asked.total.minor


def choice_fees(
    costs_minor: Mapping[int, float], margin_minor: float, kinds: Sequence[Kind]
) -> dict[int, int]:
    """The fee of every open window that earns most from the next customer, whoever it is.

    `p_w = o_w - r + (1 + W(S)) / beta`, `S = sum_w exp(a_w - beta (o_w - r) - 1)`, W the Lambert function:
    the equal mark-up over opportunity cost that is best under the multinomial logit model, for the mean of
    all kinds of customers; cut to the published band, in its steps. Costs and margin in minor units.
    """
    if not costs_minor:
        return {}
    weight = sum(kind.share * kind.price_weight for kind in kinds) / 100
    mean = {window: sum(kind.share * kind.attraction[window] for kind in kinds) for window in costs_minor}
    total = sum(
        exp(mean[window] - weight * (cost - margin_minor) - 1) for window, cost in costs_minor.items()
    )
    markup = (1 + float(lambertw(total).real)) / weight - margin_minor
    return {window: _published(cost + markup) for window, cost in costs_minor.items()}


def _published(fee_minor: float) -> int:
    steps = round_half_up(fee_minor / TABLE.step_minor)
    return min(max(steps * TABLE.step_minor, TABLE.floor_minor), TABLE.ceiling_minor)
