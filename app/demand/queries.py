"""Reads of demand: which days are to be observed, the history, and what is forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.tables import CapacityPool
from app.database.rows import one_or_none, rows, table_of
from app.demand.rules import Cell, DayKind, History, PastDay, Prior, day_kind
from app.demand.tables import (
    DemandForecast,
    ForecastDay,
    ForecastWindow,
    ForecastZone,
    ObservedDay,
    ObservedDemand,
)
from app.places.tables import City
from app.slots.rules import holiday_on
from app.values.window import local_day

# A year and a month: what is older says little about next week.
HISTORY = timedelta(days=395)
# What is brought may still be noted a day or two later.
SETTLES = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the newest forecast says of some days: orders by zone and day, and shares by kind of day."""

    orders: Mapping[tuple[str, date], float]
    shares: Mapping[DayKind, Mapping[str, float]]

    def weights(self, day: date) -> Mapping[str, float]:
        """How the orders of a day spread over the keys of its windows; empty where nothing is forecast."""
        return self.shares.get(day_kind(day), {})


def days_to_observe(conn: Connection, *, now: datetime) -> list[date]:
    """The days that are over and have not been observed since they settled, the oldest first."""
    city = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    pool, seen = table_of(CapacityPool), table_of(ObservedDay)
    first = conn.execute(sa.select(sa.func.min(pool.c.day))).scalar()
    if not city or first is None:
        return []
    today = local_day(now, city[0].time_zone)
    settled = set(conn.execute(sa.select(seen.c.day).where(seen.c.day < today - SETTLES)).scalars())
    first = max(first, today - HISTORY)
    days = [first + timedelta(days=n) for n in range((today - first).days)]
    return [day for day in days if day not in settled]


def read_history(conn: Connection, *, prior: Prior, first: date, days: int) -> History:
    """What a forecast of the local days `first`.. is made of: every day observed before, without gaps."""
    city = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    past = _past(conn, first)
    zones = {zone_id: z for z, zone_id in enumerate(prior.zones)}
    keys = {key: w for w, key in enumerate(prior.keys)}
    begin = past[0].day if past else first
    table = table_of(ObservedDemand)
    query = sa.select(table).where(table.c.day >= begin, table.c.day < first)
    cells = tuple(
        Cell((row.day - begin).days, zones[row.zone_id], keys[row.window_key], row.orders, row.sold_out)
        for row in conn.execute(query.order_by(table.c.day, table.c.zone_id, table.c.window_key))
        if row.zone_id in zones and row.window_key in keys
    )
    ahead = [first + timedelta(days=n) for n in range(days)]

    def rests(day: date) -> bool:
        return bool(city and holiday_on(day, city[0].country_code, city[0].holiday_region))

    return History(prior, past, cells, tuple(PastDay(day, True, rests(day)) for day in ahead))


def _past(conn: Connection, first: date) -> tuple[PastDay, ...]:
    table = table_of(ObservedDay)
    query = sa.select(table).where(table.c.day >= first - HISTORY, table.c.day < first)
    known = {row.day: row for row in rows(conn, ObservedDay, query)}
    if not known:
        return ()
    begin = min(known)
    days = [begin + timedelta(days=n) for n in range((first - begin).days)]
    return tuple(
        PastDay(day, day in known and known[day].offered, day in known and known[day].holiday is not None)
        for day in days
    )


def newest_forecast(conn: Connection) -> DemandForecast | None:
    """The forecast made last."""
    table = table_of(DemandForecast)
    query = sa.select(table).order_by(table.c.made_at.desc(), table.c.id.desc()).limit(1)
    return one_or_none(conn, DemandForecast, query)


def expected(conn: Connection, *, first: date, last: date) -> Expected:
    """What the newest forecast says of the days `first`..`last`; nothing where it says nothing."""
    newest = newest_forecast(conn)
    if newest is None:
        return Expected({}, {})
    zone = table_of(ForecastZone)
    query = sa.select(zone).where(zone.c.forecast_id == newest.id, zone.c.day.between(first, last))
    shares: dict[DayKind, dict[str, float]] = {}
    for row in forecast_windows(conn, newest.id):
        shares.setdefault(row.kind, {})[row.window_key] = row.share
    return Expected({(row.zone_id, row.day): row.orders for row in conn.execute(query)}, shares)


def forecast_days(conn: Connection, forecast_id: str) -> Sequence[ForecastDay]:
    """The days of a forecast, in order."""
    table = table_of(ForecastDay)
    query = sa.select(table).where(table.c.forecast_id == forecast_id).order_by(table.c.day)
    return rows(conn, ForecastDay, query)


def forecast_zones(conn: Connection, forecast_id: str) -> Mapping[date, Sequence[ForecastZone]]:
    """The zones of a forecast by day, the busiest first."""
    table = table_of(ForecastZone)
    query = sa.select(table).where(table.c.forecast_id == forecast_id)
    by_day: dict[date, list[ForecastZone]] = {}
    for row in rows(conn, ForecastZone, query.order_by(table.c.orders.desc(), table.c.zone_id)):
        by_day.setdefault(row.day, []).append(row)
    return by_day


def forecast_windows(conn: Connection, forecast_id: str) -> Sequence[ForecastWindow]:
    """How a day's orders spread over its windows, by kind of day."""
    table = table_of(ForecastWindow)
    query = sa.select(table).where(table.c.forecast_id == forecast_id)
    return rows(conn, ForecastWindow, query.order_by(table.c.kind, table.c.window_key))
