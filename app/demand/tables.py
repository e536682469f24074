"""What was ordered day by day, and the forecasts made of it, as rows."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.demand.rules import DayKind
from app.values.ids import new_id


class ObservedDay(SQLModel, table=True):
    """A local day that is over: the orders brought then, without those cancelled.

    `offered` is false where nothing could be ordered for it: such a day says nothing about demand.
    """

    __tablename__ = "observed_day"

    day: date = Field(primary_key=True)
    offered: bool
    holiday: str | None = None
    orders: int
    observed_at: datetime


class ObservedDemand(SQLModel, table=True):
    """Orders of a zone in a window (the key of its template) of a day that is over.

    `sold_out` when no pool had room for another drop at the end: then the orders are the least that were
    wanted. Windows with neither orders nor that have no row.
    """

    __tablename__ = "observed_demand"

    day: date = Field(primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    window_key: str = Field(primary_key=True)
    orders: int
    sold_out: bool


class DemandForecast(SQLModel, table=True):
    """One forecast: when it was made, of which days, by what, and how far the history counted.

    `history_weight` is what the history counted beside the prior on the first day, `level` how many times
    the prior's orders the city has, `spread` the standard deviation of a day's logarithm, `week_growth`
    what a week adds, `holiday_factor` what a public holiday makes of a day, `unseen_orders` the orders of
    the last four weeks that found everything sold out, as estimated. `outliers` are local days.
    """

    __tablename__ = "demand_forecast"

    id: str = Field(default_factory=new_id, primary_key=True)
    made_at: datetime = Field(index=True)
    first_day: date
    days: int
    model: str
    history_days: int
    history_weight: float
    level: float
    spread: float
    week_growth: float
    holiday_factor: float
    unseen_orders: float
    outliers: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    weekday_bp: list[Any] = Field(sa_type=sa.JSON)


class ForecastDay(SQLModel, table=True):
    """Orders of the whole city on a day; four days of five fall between `low` and `high`."""

    __tablename__ = "forecast_day"

    forecast_id: str = Field(foreign_key="demand_forecast.id", primary_key=True)
    day: date = Field(primary_key=True)
    orders: float
    low: float
    high: float


class ForecastZone(SQLModel, table=True):
    """Orders of a zone on a day; four days of five fall between `low` and `high`."""

    __tablename__ = "forecast_zone"

    forecast_id: str = Field(foreign_key="demand_forecast.id", primary_key=True)
    day: date = Field(primary_key=True)
    zone_id: str = Field(foreign_key="service_zone.id", primary_key=True)
    orders: float
    low: float
    high: float


class ForecastWindow(SQLModel, table=True):
    """A window's share of the orders of a day of a kind."""

    __tablename__ = "forecast_window"

    forecast_id: str = Field(foreign_key="demand_forecast.id", primary_key=True)
    kind: DayKind = Field(sa_type=words(DayKind), primary_key=True)
    window_key: str = Field(primary_key=True)
    share: float
