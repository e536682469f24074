"""Keep a forecast that was checked: from now on it is what plans are made for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, table_of
from app.demand.errors import BrokenForecast
from app.demand.rules import DayOutlook, History, Outlook, wrong_with
from app.demand.tables import DemandForecast, ForecastDay, ForecastWindow, ForecastZone

# So long forecasts are kept, to be compared with what came.
KEEP = timedelta(days=60)


def forecast(conn: Connection, *, now: datetime, history: History, outlook: Outlook) -> DemandForecast:
    """The forecast as rows, by zone and window; those made more than 60 days ago are thrown away.

    Raises BrokenForecast for one that does not fit what was asked: the last good one stays.
    """
    wrong = wrong_with(history, outlook)
    if wrong:
        raise BrokenForecast(what=" ".join(wrong))
    made = DemandForecast(
        made_at=now,
        first_day=outlook.days[0].day,
        days=len(outlook.days),
        model=outlook.model,
        history_days=outlook.history_days,
        history_weight=outlook.history_weight,
        level=outlook.level,
        spread=outlook.spread,
        week_growth=outlook.week_growth,
        holiday_factor=outlook.holiday,
        unseen_orders=outlook.unseen,
        outliers=[day.isoformat() for day in outlook.outliers],
        weekday_bp=[round(10_000 * part) for part in outlook.weekday],
    )
    _forget(conn, now)
    add(conn, made)
    add(conn, *(ForecastDay(forecast_id=made.id, **_figures(day)) for day in outlook.days))
    add(
        conn,
        *(
            ForecastZone(forecast_id=made.id, day=d.day, zone_id=zone_id, orders=orders, low=low, high=high)
            for d in outlook.days
            for zone_id, (orders, low, high) in zip(history.prior.zones, d.zones, strict=True)
        ),
    )
    add(
        conn,
        *(
            ForecastWindow(forecast_id=made.id, kind=kind, window_key=key, share=share)
            for kind, shares in outlook.windows.items()
            for key, share in zip(history.prior.keys, shares, strict=True)
        ),
    )
    return made


def _figures(day: DayOutlook) -> dict[str, Any]:
    return {"day": day.day, "orders": day.orders, "low": day.low, "high": day.high}


def _forget(conn: Connection, now: datetime) -> None:
    made = table_of(DemandForecast)
    old = sa.select(made.c.id).where(made.c.made_at <= now - KEEP)
    for model in (ForecastDay, ForecastZone, ForecastWindow):
        table = table_of(model)
        conn.execute(sa.delete(table).where(table.c.forecast_id.in_(old)))
    conn.execute(sa.delete(made).where(made.c.made_at <= now - KEEP))
