"""What a change of prices makes of a price table: which figures change, and what every window costs then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.database.rows import row_of
from app.pricing.errors import InvalidPrices
from app.pricing.rules import NO_LIMIT, SHARES, PriceFigure, WindowFee, window_fees
from app.pricing.tables import FeeRule
from app.values.money import Money

_COLUMNS = {
    PriceFigure.BASE_FEE: "base_minor",
    PriceFigure.ONE_HOUR_FEE: "one_hour_minor",
    PriceFigure.FOUR_HOUR_FEE: "four_hour_minor",
    PriceFigure.EVENING_FEE: "evening_minor",
    PriceFigure.WEEKEND_FEE: "weekend_minor",
    PriceFigure.FLOOR: "floor_minor",
    PriceFigure.CEILING: "ceiling_minor",
    PriceFigure.STEP: "step_minor",
    PriceFigure.USUAL_COST: "usual_cost_minor",
    PriceFigure.PASS_ON_PERCENT: "pass_on_bp",
    PriceFigure.LEVEL_PASS_ON_PERCENT: "level_pass_on_bp",
    PriceFigure.GREEN_DISCOUNT: "green_discount_minor",
    PriceFigure.DAILY_INCENTIVE_BUDGET: "incentive_day_minor",
}
# What a window adds may be a discount; everything else is an amount of money.
_SIGNED = frozenset(
    {
        PriceFigure.ONE_HOUR_FEE, PriceFigure.FOUR_HOUR_FEE, PriceFigure.EVENING_FEE, PriceFigure.WEEKEND_FEE,
    }
)  # fmt: skip


# No window's fee by the table alone changes with these.
_BESIDE_FEES = SHARES | {
    PriceFigure.STEP,
    PriceFigure.USUAL_COST,
    PriceFigure.GREEN_DISCOUNT,
    PriceFigure.DAILY_INCENTIVE_BUDGET,
}
_WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """Figures to change, in minor units of `currency`, shares in hundredths of a percent.

    None is no limit, for budgets only, and for the level's share that it is that of differences.
    """

    currency: str | None
    figures: Mapping[PriceFigure, int | None]


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure before and after, in minor units or hundredths of a percent; None is no limit."""

    figure: PriceFigure
    before_minor: int | None
    after_minor: int | None


@dataclass(frozen=True, slots=True)
class WindowChange:
    """What a kind of window costs before and after: base and window fees alone."""

    before: WindowFee
    after: WindowFee


@dataclass(frozen=True, slots=True)
class ForeseenPrices:
    """The table as it would be, the figures that change, and every kind of window."""

    before: FeeRule
    after: FeeRule
    changes: tuple[FigureChange, ...]
    windows: tuple[WindowChange, ...]

    def figures(self) -> dict[PriceFigure, Decimal | None]:
        """Every figure of the table as it would be, in major units or percent; None is no limit."""
        minors = {figure: getattr(self.after, column) for figure, column in _COLUMNS.items()}
        return {
            figure: None if minor is None else _told(figure, minor, self.after.currency)
            for figure, minor in minors.items()
        }


def drafted(present: FeeRule, draft: PriceDraft) -> ForeseenPrices:
    """What a draft makes of the table that is valid now; raises InvalidPrices naming the figure."""
    check_currency(draft.currency, present.currency)
    for figure, minor in draft.figures.items():
        if figure in SHARES:
            _check_share(figure, minor)
        elif figure not in _SIGNED:
            check_amount(figure, minor)
        elif minor is None or not -NO_LIMIT < minor < NO_LIMIT:
            raise InvalidPrices(field=field_of(figure), what=f"the {_named(figure)} must be an amount")
    after = row_of(FeeRule, {**present.model_dump(), **columns_of(draft)})
    changes = tuple(
        FigureChange(figure, getattr(present, column), getattr(after, column))
        for figure, column in _COLUMNS.items()
        if getattr(present, column) != getattr(after, column)
    )
    if changes:
        _check_band(after, frozenset(one.figure for one in changes))
    windows = zip(window_fees(present), window_fees(after), strict=True)
    return ForeseenPrices(present, after, changes, tuple(WindowChange(*pair) for pair in windows))


def columns_of(draft: PriceDraft) -> dict[str, int | None]:
    """The figures of a draft as columns of the table."""
    return {_COLUMNS[figure]: minor for figure, minor in draft.figures.items()}


def field_of(figure: PriceFigure) -> tuple[str, ...]:
    """The field of the input that a figure is given in."""
    first, *rest = figure.lower().split("_")
    return "input", first + "".join(word.capitalize() for word in rest)


def check_currency(told: str | None, known: str) -> None:
    """Raise InvalidPrices for amounts of another currency than the table's."""
    if told not in (None, known):
        raise InvalidPrices(field=("input",), what=f"this storefront's prices are in {known}, not in {told}")


def check_amount(figure: PriceFigure, minor: int | None) -> None:
    """Raise InvalidPrices for an amount below nothing."""
    if minor is not None and not 0 <= minor < NO_LIMIT:
        field = ("input", "budget") if figure is PriceFigure.INCENTIVE_BUDGET_OF_DAY else field_of(figure)
        raise InvalidPrices(field=field, what=f"the {_named(figure)} must be 0 or more")


def _check_share(figure: PriceFigure, bp: int | None) -> None:
    if bp is None and figure is PriceFigure.LEVEL_PASS_ON_PERCENT:
        return
    if bp is None or not 0 <= bp <= _WHOLE_BP:
        raise InvalidPrices(field=field_of(figure), what=f"the {_named(figure)} must be 0 to 100")


def _told(figure: PriceFigure, minor: int, currency: str) -> Decimal:
    return Decimal(minor) / 100 if figure in SHARES else Money(minor, currency).amount


def _check_band(rule: FeeRule, changed: frozenset[PriceFigure]) -> None:
    if rule.step_minor < 1:
        raise InvalidPrices(
            field=field_of(PriceFigure.STEP), what="the step must be at least the smallest coin"
        )
    if rule.floor_minor > rule.ceiling_minor:
        raise InvalidPrices(
            field=field_of(_of(changed, PriceFigure.FLOOR, PriceFigure.CEILING)),
            what="the floor lies above the ceiling; lower the floor or raise the ceiling",
        )
    if changed <= _BESIDE_FEES:
        return
    by_fee = sorted(window_fees(rule), key=lambda one: one.fee.minor)
    fees = (PriceFigure.BASE_FEE, *sorted(_SIGNED))
    for one, outside, bound, name in (
        (by_fee[0], by_fee[0].fee.minor < rule.floor_minor, PriceFigure.FLOOR, "below the floor"),
        (by_fee[-1], by_fee[-1].fee.minor > rule.ceiling_minor, PriceFigure.CEILING, "above the ceiling"),
    ):
        if outside:
            limit = Money(getattr(rule, _COLUMNS[bound]), rule.currency)
            raise InvalidPrices(
                field=field_of(_of(changed, *fees, bound)),
                what=f"{_window_named(one)} would cost {one.fee.amount} {rule.currency}, {name} of"
                f" {limit.amount}; change the {name.split()[-1]} or the fees",
            )


def _of(changed: frozenset[PriceFigure], *meant: PriceFigure) -> PriceFigure:
    """The first of these figures that is changed: the one to be mended."""
    return next((figure for figure in meant if figure in changed), meant[0])


def _window_named(one: WindowFee) -> str:
    length = {1: "one hour", 4: "four hours"}.get(one.hours or 0, "two hours")
    part, day = "evening" if one.evening else "by day", "weekend" if one.weekend else "weekday"
    return f"{length} on a {day} {part}"


def _named(figure: PriceFigure) -> str:
    return str(figure).lower().replace("_", " ")
