"""Forecast the orders of the coming days and show them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from app.commands.terminal import complaints, console, database, plainly
from app.demand.queries import forecast_days
from app.settings import read_settings
from app.worker.demand import ForecastFailed
from app.worker.demand import forecast as forecast_demand


def forecast(days: Annotated[int | None, typer.Option(help="How many days from today.")] = None) -> None:
    """Forecast the orders of the coming days from the bookings so far; plans are made for it."""
    with plainly():
        settings = read_settings(demo=True)
        with database(settings) as db:
            try:
                made = forecast_demand(db, days=days or settings.plan_days)
            except ForecastFailed as why:
                complaints.print(f"[red]{why}[/red] The last forecast stays.")
                raise typer.Exit(1) from why
            told = db.read_now(lambda conn, _: forecast_days(conn, made.id))
    table = Table("day", "orders", "four days of five")
    for day in told:
        table.add_row(f"{day.day:%a %d %b}", f"{day.orders:.0f}", f"{day.low:.0f} to {day.high:.0f}")
    console.print(table)
    console.print(f"[green]✓[/green] By {made.model}, from {made.history_days} days. Next: lastlap plan")
