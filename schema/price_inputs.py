"""What operators tell to change prices: the figures of the table, and the budget of a day."""

from datetime import date

import strawberry
from graphql import GraphQLError

from app.pricing.drafted import PriceDraft
from app.pricing.rules import PriceFigure
from app.values.money import round_half_up
from schema.values import MoneyInput


@strawberry.input(description="The figures to change; what is not given stays.")
class ChangeSlotPricesInput:
    """What to change."""

    base_fee: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What a delivery costs before anything else."
    )
    one_hour_fee: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What a window of one hour adds; below zero it takes off."
    )
    four_hour_fee: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What a window of four hours adds; below zero it takes off."
    )
    evening_fee: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What an evening adds; below zero it takes off."
    )
    weekend_fee: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What a Saturday or Sunday adds; below zero it takes off."
    )
    floor: strawberry.Maybe[MoneyInput] = strawberry.field(description="No delivery is cheaper.")
    ceiling: strawberry.Maybe[MoneyInput] = strawberry.field(description="No demand makes a delivery dearer.")
    step: strawberry.Maybe[MoneyInput] = strawberry.field(description="Demand moves a fee in these steps.")
    usual_cost: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What a drop usually costs; what it costs beside that moves its fee."
    )
    pass_on_percent: strawberry.Maybe[float] = strawberry.field(
        description="How much of a drop's cost above the mean of its zone's day is passed on, 0 to 100."
    )
    level_pass_on_percent: strawberry.Maybe[float | None] = strawberry.field(
        description="How much of what that mean lies above the usual is passed on; null: as of differences."
    )
    green_discount: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="What a greener choice takes off."
    )
    daily_incentive_budget: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="What steering demand may cost on a delivery day; null is no limit."
    )
    reason: str = strawberry.field(description="Why; the history keeps it.")
    dry_run: bool = strawberry.field(default=False, description="Only tell what it would do.")

    def draft(self) -> PriceDraft:
        """The change as the room knows it; amounts of several currencies are refused."""
        told = {
            PriceFigure.BASE_FEE: self.base_fee,
            PriceFigure.ONE_HOUR_FEE: self.one_hour_fee,
            PriceFigure.FOUR_HOUR_FEE: self.four_hour_fee,
            PriceFigure.EVENING_FEE: self.evening_fee,
            PriceFigure.WEEKEND_FEE: self.weekend_fee,
            PriceFigure.FLOOR: self.floor,
            PriceFigure.CEILING: self.ceiling,
            PriceFigure.STEP: self.step,
            PriceFigure.USUAL_COST: self.usual_cost,
            PriceFigure.GREEN_DISCOUNT: self.green_discount,
            PriceFigure.DAILY_INCENTIVE_BUDGET: self.daily_incentive_budget,
        }
        amounts = {f: one.value.value() if one.value else None for f, one in told.items() if one is not None}
        currencies = {amount.currency for amount in amounts.values() if amount}
        if len(currencies) > 1:
            raise GraphQLError("All amounts are of one currency.", extensions={"code": "BAD_USER_INPUT"})
        figures = {f: amount.minor if amount else None for f, amount in amounts.items()}
        shares = {
            PriceFigure.PASS_ON_PERCENT: self.pass_on_percent,
            PriceFigure.LEVEL_PASS_ON_PERCENT: self.level_pass_on_percent,
        }
        figures |= {f: _bp(one.value) for f, one in shares.items() if one is not None}
        return PriceDraft(next(iter(currencies), None), figures)


@strawberry.input(description="The budget of one delivery day.")
class SetIncentiveBudgetInput:
    """A day's budget."""

    day: date = strawberry.field(name="date", description="The local day of the deliveries.")
    budget: MoneyInput | None = strawberry.field(
        default=None, description="In all; null lets the price table's budget count again."
    )
    reason: str = strawberry.field(description="Why; the history keeps it.")


def _bp(percent: float | None) -> int | None:
    return None if percent is None else round_half_up(percent * 100)
