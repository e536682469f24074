"""What is forecast of the orders to come."""

from datetime import date, datetime

import strawberry

from app.demand.seen import SeenDay, SeenForecast, SeenWindow, SeenZone, seen_forecast
from app.errors import OperatorsOnly
from schema.context import Info
from schema.onto import onto, shown
from schema.places import ServiceZone


@onto(SeenZone, description="Orders of a zone on a day.")
class ZoneForecast:
    """A zone."""

    zone: ServiceZone = strawberry.field(description="The zone.")
    orders: float = strawberry.field(description="The middle.")
    low: float = strawberry.field(description="One day in ten has fewer.")
    high: float = strawberry.field(description="One day in ten has more.")


@onto(SeenWindow, description="A window's part of the orders of a day.")
class WindowForecast:
    """A window."""

    key: str = strawberry.field(description="The key of its template.")
    name: str = strawberry.field(description="What operators call it.")
    share: float = strawberry.field(description="Of the day, 0 to 1.")
    orders: float = strawberry.field(description="The middle.")


@onto(SeenDay, description="Orders of a local day over the whole city.")
class DayForecast:
    """A day."""

    day: date = strawberry.field(name="date", description="The local day.")
    orders: float = strawberry.field(description="The middle.")
    low: float = strawberry.field(description="One day in ten has fewer.")
    high: float = strawberry.field(description="One day in ten has more.")
    zones: list[ZoneForecast] = strawberry.field(description="By zone, the busiest first.")
    windows: list[WindowForecast] = strawberry.field(
        description="By favourite window; who wants it may accept another."
    )


@onto(SeenForecast, description="The orders to come, as plans are made for them.")
class DemandForecast:
    """A forecast."""

    days: list[DayForecast] = strawberry.field(description="The days, in order.")

    @strawberry.field(description="When it was made.")
    def made_at(self) -> datetime:
        """The instant."""
        return _made(self).made.made_at

    @strawberry.field(description="What made it, in words.")
    def model(self) -> str:
        """The model."""
        return _made(self).made.model

    @strawberry.field(description="How many usual days it has seen.")
    def history_days(self) -> int:
        """The days."""
        return _made(self).made.history_days

    @strawberry.field(description="What the history counts beside the operators' own figures, 0 to 1.")
    def history_weight(self) -> float:
        """The weight."""
        return _made(self).made.history_weight

    @strawberry.field(description="How many times the orders of the operators' own figures the city has.")
    def level(self) -> float:
        """The level."""
        return _made(self).made.level

    @strawberry.field(description="By how much a week is expected to grow, in percent.")
    def week_growth_percent(self) -> float:
        """The growth."""
        return 100 * _made(self).made.week_growth

    @strawberry.field(description="What each weekday is of an average day, Monday first.")
    def weekday_factors(self) -> list[float]:
        """The week."""
        return [bp / 10_000 for bp in _made(self).made.weekday_bp]

    @strawberry.field(description="What a public holiday makes of a day.")
    def holiday_factor(self) -> float:
        """The holiday."""
        return _made(self).made.holiday_factor

    @strawberry.field(description="Orders of the last four weeks that found all sold out, as estimated.")
    def unseen_orders(self) -> float:
        """The orders nobody saw."""
        return _made(self).made.unseen_orders

    @strawberry.field(description="Days of the history that were too far off to be believed.")
    def outliers(self) -> list[date]:
        """The days."""
        return [date.fromisoformat(day) for day in _made(self).made.outliers]


def _made(forecast: object) -> SeenForecast:
    seen: SeenForecast = shown(forecast)
    return seen


async def demand_forecast(info: Info) -> DemandForecast | None:
    """The forecast made last."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return shown(await info.context.read(lambda conn, _: seen_forecast(conn)))
