"""Assign booked deliveries to vehicles and show the proof."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import typer

from app.allocation.rules import RunStatus
from app.allocation.snapshot import plan_days
from app.assignment.rules import AssignmentTrigger
from app.commands.terminal import complaints, console, database, plainly
from app.settings import read_settings
from app.tours.warm import warm
from app.worker.assign import assign as assign_day


def assign(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The local day; tomorrow if not told.")
    ] = None,
) -> None:
    """Find the best vehicles for a day's bookings, inside what was promised."""
    with plainly():
        settings = read_settings(demo=True)
        # What publishes moves stops on tours in its transaction.
        warm()
        with database(settings) as db:
            wanted: date = (
                day.date()
                if day
                else db.read_now(lambda conn, now: plan_days(conn, now=now)) + timedelta(days=1)
            )
            run = assign_day(db, day=wanted, trigger=AssignmentTrigger.OPERATOR)
        if run.status is not RunStatus.PUBLISHED:
            complaints.print(f"[red]{run.message}[/red]")
            raise typer.Exit(1)
        console.print(
            f"[green]✓[/green] {run.day:%a %d %b}: {run.orders} bookings, {run.moved} moved,"
            f" {run.narrowed} narrowed, {(run.overtime_s or 0) // 60} minutes of overtime,"
            f" {run.partner_couriers} by partner courier;"
            f" {(run.objective_minor or 0) / 100:,.2f} {run.currency},"
            f" proved within {run.gap or 0:.2%} of the least possible.",
            soft_wrap=True,
        )
