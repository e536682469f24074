"""Plan capacity and show the proof."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.allocation.problem import Limits
from app.allocation.queries import day_plans
from app.allocation.rules import RunStatus
from app.commands.terminal import complaints, console, database, plainly
from app.database.runner import Database
from app.settings import Settings, read_settings
from app.tours.warm import warm
from app.worker.plan import plan as plan_capacity
from app.world.streets import Streets


def plan(days: Annotated[int | None, typer.Option(help="How many days from today.")] = None) -> None:
    """Plan capacity now and publish it."""
    with plainly():
        settings = read_settings(demo=True)
        limits = Limits(
            day_s=settings.plan_seconds_per_day, gap=settings.plan_gap, processes=settings.plan_processes
        )
        with database(settings) as db:
            plan_and_tell(db, settings, days or settings.plan_days, limits)


def plan_and_tell(db: Database, settings: Settings, days: int, limits: Limits) -> None:
    """Plan with a progress display, and show the certificate."""
    # What publishes lays out tours in its transaction.
    warm()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=console) as display:
        bar = display.add_task("Planning", total=days, said="pricing driver hours")

        def tell(fact: Any) -> None:
            if fact["step"] == "day":
                display.update(bar, advance=1, said=f"{fact['day']} gap {fact['gap']:.2%}")

        with closing(Streets(Path(settings.streets_dir))) as streets:
            run = plan_capacity(
                db, trigger="operator", streets=streets, days=days, limits=limits, progress=tell
            )
    if run.status is not RunStatus.PUBLISHED:
        complaints.print(f"[red]{run.message}[/red]")
        raise typer.Exit(1)
    days_planned = db.read_now(lambda conn, _: day_plans(conn, run.id))
    table = Table("day", "orders", "vehicles", "gap", "solver s")
    for day in days_planned:
        table.add_row(
            f"{day.day:%a %d %b}",
            f"{day.planned_orders:.0f}",
            str(day.vehicles),
            f"{day.gap:.2%}",
            f"{day.solver_s:.1f}",
        )
    console.print(table)
    console.print(
        f"[green]✓[/green] Published: contribution {(run.objective_minor or 0) / 100:,.0f} {run.currency},"
        f" proved within {run.gap or 0:.2%} of the best with drops as near to each other as planned."
    )
