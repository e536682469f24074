"""The published price band, what steering demand may cost, and who changed it: for operators."""

import enum
from datetime import date, datetime, timedelta
from typing import Annotated

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.errors import OperatorsOnly, Refusal
from app.pricing import change_prices as verbs
from app.pricing.drafted import ForeseenPrices, WindowChange
from app.pricing.rules import SHARES
from app.pricing.rules import PriceFigure as PriceFigureWord
from app.pricing.seen import SeenBudget, SeenPrices, price_changes, seen_budget, seen_budgets, seen_prices
from app.pricing.tables import PriceChange as PriceChangeRow
from app.values.money import Money as MoneyValue
from schema.context import Info
from schema.errors import UserError, attempted, user_errors
from schema.onto import onto, shown
from schema.price_inputs import ChangeSlotPricesInput, SetIncentiveBudgetInput
from schema.values import Money
from schema.words import PriceFigure

MAX_DAYS = 31


@strawberry.enum(description="Why prices cannot be changed like this.")
class PricingErrorCode(enum.Enum):
    """Codes of prices."""

    OPERATORS_ONLY = "OPERATORS_ONLY"
    REASON_MISSING = "REASON_MISSING"
    INVALID_PRICES = "INVALID_PRICES"
    NO_PRICE_TABLE = "NO_PRICE_TABLE"
    BUSY = "BUSY"


@strawberry.type(description="A refusal of a change of prices.")
class PricingUserError(UserError):
    """A refusal of the pricing domain."""

    code: PricingErrorCode = strawberry.field(description="The refusal in a word.")


@onto(SeenPrices, description="The published band of the prices, as valid now.")
class SlotPrices:
    """A price table."""

    @strawberry.field(description="Since when it is valid.")
    def valid_from(self) -> datetime:
        """The instant."""
        return _prices(self).rule.valid_from

    @strawberry.field(description="What a delivery costs before anything else.")
    def base_fee(self) -> Money:
        """The base."""
        return shown(_prices(self).amount("base"))

    @strawberry.field(description="What a window of one hour adds; below zero it takes off.")
    def one_hour_fee(self) -> Money:
        """The part of a short window."""
        return shown(_prices(self).amount("one_hour"))

    @strawberry.field(description="What a window of four hours adds; below zero it takes off.")
    def four_hour_fee(self) -> Money:
        """The part of a long window."""
        return shown(_prices(self).amount("four_hour"))

    @strawberry.field(description="What an evening adds; below zero it takes off.")
    def evening_fee(self) -> Money:
        """The part of an evening."""
        return shown(_prices(self).amount("evening"))

    @strawberry.field(description="What a Saturday or Sunday adds; below zero it takes off.")
    def weekend_fee(self) -> Money:
        """The part of a weekend."""
        return shown(_prices(self).amount("weekend"))

    @strawberry.field(description="No delivery is cheaper.")
    def floor(self) -> Money:
        """The floor."""
        return shown(_prices(self).amount("floor"))

    @strawberry.field(description="No demand makes a delivery dearer.")
    def ceiling(self) -> Money:
        """The ceiling."""
        return shown(_prices(self).amount("ceiling"))

    @strawberry.field(description="Demand moves a fee in these steps.")
    def step(self) -> Money:
        """The step."""
        return shown(_prices(self).amount("step"))

    @strawberry.field(description="What a drop usually costs; what it costs beside that moves its fee.")
    def usual_cost(self) -> Money:
        """The usual cost."""
        return shown(_prices(self).amount("usual_cost"))

    @strawberry.field(description="How much of a drop's cost above the mean of its zone's day is passed on.")
    def pass_on_percent(self) -> float:
        """The share of differences."""
        return _prices(self).rule.pass_on_bp / 100

    @strawberry.field(
        description="How much of what that mean lies above the usual is passed on; null: as of differences."
    )
    def level_pass_on_percent(self) -> float | None:
        """The share of the level."""
        return _percent(_prices(self).rule.level_pass_on_bp)

    @strawberry.field(description="What a greener choice takes off.")
    def green_discount(self) -> Money:
        """The discount."""
        return shown(_prices(self).amount("green_discount"))

    @strawberry.field(
        description="What steering demand may cost on a day without a budget of its own; null is no limit."
    )
    def daily_incentive_budget(self) -> Money | None:
        """The budget."""
        rule = _prices(self).rule
        return None if rule.incentive_day_minor is None else shown(_prices(self).amount("incentive_day"))


@onto(SeenBudget, description="What steering demand may cost on a delivery day.")
class IncentiveBudget:
    """A budget."""

    day: date = strawberry.field(name="date", description="The local day of the deliveries.")
    own: bool = strawberry.field(description="Whether it was set for this day.")
    budget: Money | None = strawberry.field(description="In all; null is no limit.")
    spent: Money = strawberry.field(description="Given so far, held orders included.")
    left: Money | None = strawberry.field(description="What may still be given; null is no limit.")


@onto(PriceChangeRow, description="One figure of the prices that was changed.")
class PriceChange:
    """A change."""

    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="Why.")
    figure: PriceFigure = strawberry.field(description="Which figure.")
    day: date | None = strawberry.field(name="date", description="Of which delivery day, if of one.")

    @strawberry.field(description="Before; null is no limit, no budget of its own, or a share.")
    def before(self) -> Money | None:
        """The old amount."""
        row: PriceChangeRow = shown(self)
        return shown(_amount(row.figure, row.before_minor, row.currency))

    @strawberry.field(description="After; null is no limit, no budget of its own, or a share.")
    def after(self) -> Money | None:
        """The new amount."""
        row: PriceChangeRow = shown(self)
        return shown(_amount(row.figure, row.after_minor, row.currency))

    @strawberry.field(description="Before, of a share; null is none of its own.")
    def before_percent(self) -> float | None:
        """The old share."""
        row: PriceChangeRow = shown(self)
        return _share(row.figure, row.before_minor)

    @strawberry.field(description="After, of a share; null is none of its own.")
    def after_percent(self) -> float | None:
        """The new share."""
        row: PriceChangeRow = shown(self)
        return _share(row.figure, row.after_minor)


@strawberry.type(description="A figure that a change of prices would change.")
class PriceFigureChange:
    """A figure."""

    figure: PriceFigure = strawberry.field(description="Which figure.")
    before: Money | None = strawberry.field(description="As it stands; null is no limit, or a share.")
    after: Money | None = strawberry.field(description="As it would be; null is no limit, or a share.")
    before_percent: float | None = strawberry.field(description="As it stands, of a share.")
    after_percent: float | None = strawberry.field(description="As it would be, of a share.")


@strawberry.type(
    description="What a kind of window costs before demand, discounts and handover: base and window fees."
)
class WindowFeeChange:
    """A kind of window."""

    hours: int | None = strawberry.field(description="1 or 4; null is any other length.")
    evening: bool = strawberry.field(description="Whether it is an evening window.")
    weekend: bool = strawberry.field(description="Whether it is on a Saturday or Sunday.")
    before: Money = strawberry.field(description="As it stands.")
    after: Money = strawberry.field(description="As it would be.")


@strawberry.type(description="What a change of prices would do. What is held or booked keeps its fee.")
class SlotPricesPreview:
    """A preview."""

    changes: list[PriceFigureChange] = strawberry.field(description="The figures that change; may be none.")
    windows: list[WindowFeeChange] = strawberry.field(description="Every kind of window.")


@strawberry.type(description="What came of it.")
class ChangeSlotPricesPayload:
    """The answer."""

    prices: SlotPrices | None = strawberry.field(
        description="As valid now; null in a dry run and when refused."
    )
    preview: SlotPricesPreview | None = strawberry.field(description="What it would do; of a dry run only.")
    user_errors: list[PricingUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.type(description="What came of it.")
class SetIncentiveBudgetPayload:
    """The answer."""

    budget: IncentiveBudget | None = strawberry.field(description="As it is now; null when refused.")
    user_errors: list[PricingUserError] = strawberry.field(description="Empty when it worked.")


def pricing_errors(refusal: Refusal | None) -> list[PricingUserError]:
    """A refusal of a change of prices."""
    return user_errors(refusal, PricingUserError, PricingErrorCode)


def _prices(prices: object) -> SeenPrices:
    seen: SeenPrices = shown(prices)
    return seen


def _money(minor: int | None, currency: str) -> MoneyValue | None:
    return None if minor is None else MoneyValue(minor, currency)


def _amount(figure: PriceFigureWord, minor: int | None, currency: str) -> MoneyValue | None:
    return None if figure in SHARES else _money(minor, currency)


def _share(figure: PriceFigureWord, bp: int | None) -> float | None:
    return _percent(bp) if figure in SHARES else None


def _percent(bp: int | None) -> float | None:
    return None if bp is None else bp / 100


def _preview(foreseen: ForeseenPrices) -> SlotPricesPreview:
    currency = foreseen.after.currency
    return SlotPricesPreview(
        changes=[
            PriceFigureChange(
                figure=one.figure,
                before=shown(_amount(one.figure, one.before_minor, currency)),
                after=shown(_amount(one.figure, one.after_minor, currency)),
                before_percent=_share(one.figure, one.before_minor),
                after_percent=_share(one.figure, one.after_minor),
            )
            for one in foreseen.changes
        ],
        windows=[_window(one) for one in foreseen.windows],
    )


def _window(one: WindowChange) -> WindowFeeChange:
    kind = one.after
    return WindowFeeChange(
        hours=kind.hours,
        evening=kind.evening,
        weekend=kind.weekend,
        before=shown(one.before.fee),
        after=shown(kind.fee),
    )


def _operators_storefront(info: Info) -> str:
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return info.context.actor.storefront_id


async def slot_prices(info: Info) -> SlotPrices | None:
    """The band."""
    storefront_id = _operators_storefront(info)
    return shown(
        await info.context.read(lambda conn, now: seen_prices(conn, now=now, storefront_id=storefront_id))
    )


async def incentive_budgets(
    info: Info,
    from_: Annotated[date, strawberry.argument(name="from")],
    to: Annotated[date, strawberry.argument()],
) -> list[IncentiveBudget] | None:
    """The budgets of some days."""
    storefront_id = _operators_storefront(info)
    if not timedelta(0) <= to - from_ < timedelta(days=MAX_DAYS):
        raise GraphQLError(
            f"Ask for 1 to {MAX_DAYS} days, the first one first.", extensions={"code": "BAD_USER_INPUT"}
        )
    return shown(
        await info.context.read(
            lambda conn, now: seen_budgets(conn, now=now, storefront_id=storefront_id, first=from_, last=to)
        )
    )


async def seen_price_changes(info: Info) -> list[PriceChange] | None:
    """The history."""
    storefront_id = _operators_storefront(info)
    return shown(await info.context.read(lambda conn, _: price_changes(conn, storefront_id=storefront_id)))


async def change_slot_prices(info: Info, input: ChangeSlotPricesInput) -> ChangeSlotPricesPayload | None:
    """Change the band."""
    draft, actor = input.draft(), info.context.actor
    if input.dry_run:

        def look(conn: Connection, now: datetime) -> ForeseenPrices:
            return verbs.preview_prices(conn, now=now, actor=actor, draft=draft)

        foreseen, refusal = await attempted(info.context.read(look))
        preview = None if foreseen is None else _preview(foreseen)
        return ChangeSlotPricesPayload(prices=None, preview=preview, user_errors=pricing_errors(refusal))

    def work(conn: Connection, now: datetime) -> SeenPrices:
        rule = verbs.change_prices(conn, now=now, actor=actor, draft=draft, reason=input.reason)
        return SeenPrices(rule)

    prices, refusal = await attempted(info.context.write(work))
    return ChangeSlotPricesPayload(prices=shown(prices), preview=None, user_errors=pricing_errors(refusal))


async def set_incentive_budget(
    info: Info, input: SetIncentiveBudgetInput
) -> SetIncentiveBudgetPayload | None:
    """Set a day's budget."""
    amount = input.budget.value() if input.budget else None

    def work(conn: Connection, now: datetime) -> SeenBudget:
        row = verbs.set_incentive_budget(
            conn, now=now, actor=info.context.actor, day=input.day, amount=amount, reason=input.reason
        )
        rule = seen_prices(conn, now=now, storefront_id=info.context.actor.storefront_id).rule
        return seen_budget(rule, row)

    budget, refusal = await attempted(info.context.write(work))
    return SetIncentiveBudgetPayload(budget=shown(budget), user_errors=pricing_errors(refusal))
