"""Prices: fees and their band as they stand, what a change would make of each window, who changed what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.capacity.reasons import check_reason
from app.errors import Refusal
from app.pages.desk.pools import zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of
from app.pricing.change_prices import change_prices, preview_prices
from app.pricing.drafted import ForeseenPrices, PriceDraft, drafted, field_of
from app.pricing.errors import InvalidPrices
from app.pricing.queries import fee_rule
from app.pricing.rules import SHARES, PriceFigure, WindowFee
from app.pricing.seen import price_changes
from app.pricing.tables import PriceChange
from app.values.money import Money, round_half_up

_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """A field of the form: the figure, its label, and what it does."""

    figure: PriceFigure
    label: str
    hint: str
    may_be_empty: bool = False

    @property
    def is_share(self) -> bool:
        """Whether it is told in percent."""
        return self.figure in SHARES

    @property
    def name(self) -> str:
        """The field's name."""
        return self.figure.lower()


FIGURES = (
    Figure(PriceFigure.BASE_FEE, "Base fee", "What a delivery costs before anything else."),
    Figure(PriceFigure.ONE_HOUR_FEE, "One hour", "Added to a window of one hour; below zero it takes off."),
    Figure(PriceFigure.FOUR_HOUR_FEE, "Four hours", "Added to a window of four hours."),
    Figure(PriceFigure.EVENING_FEE, "Evening", "Added in the evening."),
    Figure(PriceFigure.WEEKEND_FEE, "Weekend", "Added on a Saturday or Sunday."),
    Figure(PriceFigure.FLOOR, "Floor", "No delivery is cheaper."),
    Figure(PriceFigure.CEILING, "Ceiling", "No demand makes a delivery dearer."),
    Figure(PriceFigure.STEP, "Step", "Demand moves a fee in these steps."),
    Figure(PriceFigure.USUAL_COST, "Usual cost", "What a drop costs beside this moves its fee."),
    Figure(
        PriceFigure.PASS_ON_PERCENT,
        "Passed on of differences",
        "Of what a drop costs above the mean of its zone's day.",
    ),
    Figure(
        PriceFigure.LEVEL_PASS_ON_PERCENT,
        "Passed on of the level",
        "Of what that mean lies above the usual; a quarter to a third earns most. Empty: as of differences.",
        may_be_empty=True,
    ),
    Figure(PriceFigure.GREEN_DISCOUNT, "Greener choice", "Taken off where a drop emits little."),
    Figure(
        PriceFigure.DAILY_INCENTIVE_BUDGET,
        "Incentives a day",
        "What steering demand may cost on a delivery day; empty is no limit.",
        may_be_empty=True,
    ),
)
_LABELS = {one.figure: one.label for one in FIGURES}
_WRONG = {field_of(one.figure)[-1]: one.name for one in FIGURES} | {"reason": "reason"}


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices as they stand, the newest changes, and what those asked for would do or why not."""

    present: ForeseenPrices
    history: Sequence[PriceChange]
    zone: str
    foreseen: ForeseenPrices | None
    problem: Refusal | None


async def show(request: Request, desk: Desk) -> Response:
    """The prices; with other figures in the address, what changing to them would do. Nothing is written."""
    return await _page(request, desk, dict(request.query_params), problem=None)


async def change(request: Request, desk: Desk) -> Response:
    """Change what was looked at; sending the form twice changes nothing twice."""
    told = {name: str(value) for name, value in (await request.form()).items()}
    try:
        await world_of(request).db.write(partial(_change, desk=desk, told=told))
    except Refusal as refusal:
        return await _page(request, desk, told, problem=refusal)
    return RedirectResponse("/operator/prices?done=changed", 303)


def _change(conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str]) -> None:
    currency = fee_rule(conn, now=now, storefront_id=desk.actor.storefront_id).currency
    draft = draft_told(told, currency)
    change_prices(conn, now=now, actor=desk.actor, draft=draft, reason=told.get("reason", ""))


async def _page(
    request: Request, desk: Desk, told: Mapping[str, str], *, problem: Refusal | None
) -> Response:
    found = await world_of(request).db.read(partial(_read, desk=desk, told=told, problem=problem))
    field = found.problem.field[-1] if found.problem and found.problem.field else ""
    return desk_page(
        request,
        desk,
        "prices.html",
        found=found,
        figures=FIGURES,
        labels=_LABELS,
        told={**_stands(found.present), **told},
        window_said=window_said,
        shares=SHARES,
        wrong=_WRONG.get(field),
        done=told.get("done"),
        status=422 if found.problem else 200,
    )


def _read(
    conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str], problem: Refusal | None
) -> Prices:
    shop = desk.actor.storefront_id
    rule = fee_rule(conn, now=now, storefront_id=shop)
    foreseen = None
    if problem is None and "reason" in told:
        try:
            check_reason(told["reason"])
            draft = draft_told(told, rule.currency)
            foreseen = preview_prices(conn, now=now, actor=desk.actor, draft=draft)
        except Refusal as refusal:
            problem = refusal
    return Prices(
        present=drafted(rule, PriceDraft(None, {})),
        history=price_changes(conn, storefront_id=shop, limit=_CHANGES),
        zone=zone_of_city(conn),
        foreseen=foreseen,
        problem=problem,
    )


def draft_told(told: Mapping[str, str], currency: str) -> PriceDraft:
    """The change that a filled-in form means; a figure that it does not have stays. Raises InvalidPrices."""
    given = [one for one in FIGURES if one.name in told]
    return PriceDraft(currency, {one.figure: _minor(one, told[one.name].strip(), currency) for one in given})


def _minor(one: Figure, text: str, currency: str) -> int | None:
    if not text and one.may_be_empty:
        return None
    try:
        if one.is_share:
            return round_half_up(Decimal(text.replace(",", ".")) * 100)
        return Money.of(Decimal(text.replace(",", ".")), currency).minor
    except (InvalidOperation, ValueError) as why:
        like = "a percentage like 35" if one.is_share else "an amount like 2.90"
        raise InvalidPrices(field=field_of(one.figure), what=f"{one.label} must be {like}") from why


def _stands(present: ForeseenPrices) -> dict[str, str]:
    """The form as it would be filled in today."""
    amounts = present.figures()
    return {one.name: "" if amounts[one.figure] is None else str(amounts[one.figure]) for one in FIGURES}


def window_said(one: WindowFee) -> str:
    """A kind of window in words."""
    length = {1: "one hour", 4: "four hours"}.get(one.hours or 0, "other lengths")
    day, part = "weekend" if one.weekend else "weekday", "evening" if one.evening else "daytime"
    return f"{day.capitalize()}, {part}, {length}"
