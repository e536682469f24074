"""A forecast with all that belongs to it, as operators read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.demand.queries import forecast_days, forecast_windows, forecast_zones, newest_forecast
from app.demand.rules import DayKind, day_kind
from app.demand.tables import DemandForecast
from app.places.tables import ServiceZone
from app.slots.tables import SlotTemplate


@dataclass(frozen=True, slots=True)
class SeenZone:
    """Orders of a zone on a day, in the middle and between which four days of five fall."""

    zone: ServiceZone
    orders: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SeenWindow:
    """A window's part of a day's orders."""

    key: str
    name: str
    share: float
    orders: float


@dataclass(frozen=True, slots=True)
class SeenDay:
    """A day: its orders over the whole city, by zone and by window."""

    day: date
    orders: float
    low: float
    high: float
    zones: tuple[SeenZone, ...]
    windows: tuple[SeenWindow, ...]


@dataclass(frozen=True, slots=True)
class SeenForecast:
    """A forecast and its days."""

    made: DemandForecast
    days: tuple[SeenDay, ...]


def seen_forecast(conn: Connection) -> SeenForecast | None:
    """The forecast made last with its days, None before the first: a handful of statements."""
    made = newest_forecast(conn)
    if made is None:
        return None
    zones = {zone.id: zone for zone in rows(conn, ServiceZone, sa.select(table_of(ServiceZone)))}
    template = table_of(SlotTemplate)
    named = conn.execute(sa.select(template.c.key, template.c.name))
    names: dict[str, str] = {row.key: row.name for row in named}
    by_day = forecast_zones(conn, made.id)
    shares: dict[DayKind, list[tuple[str, float]]] = {}
    for row in forecast_windows(conn, made.id):
        shares.setdefault(row.kind, []).append((row.window_key, row.share))
    days = [
        SeenDay(
            day=one.day,
            orders=one.orders,
            low=one.low,
            high=one.high,
            zones=tuple(SeenZone(zones[z.zone_id], z.orders, z.low, z.high) for z in by_day.get(one.day, ())),
            windows=tuple(
                SeenWindow(key, names.get(key, key), share, share * one.orders)
                for key, share in shares.get(day_kind(one.day), ())
            ),
        )
        for one in forecast_days(conn, made.id)
    ]
    return SeenForecast(made, tuple(days))
