"""Build the streets of a city, and make the tours of what is booked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.table import Table
from sqlalchemy import Connection

from app.commands.terminal import console, database, plainly
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.places.tables import FulfilmentNode
from app.settings import Settings, read_settings
from app.tours.problem import RoutingLimits
from app.tours.run_status import TourRunStatus
from app.tours.tables import TourRun
from app.worker.tours import TourPlanner, booked_days
from app.world import street_graph
from app.world.streets import NoStreets, Streets

_AHEAD = timedelta(hours=36)


def tours(
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only of this day.")] = None,
    node: Annotated[str | None, typer.Option(help="Only of the node with this key.")] = None,
) -> None:
    """Search for the tours of what is booked for the coming day and a half, and publish them."""
    with plainly():
        settings = read_settings(demo=True)
        with database(settings) as db:
            if not _made(db, settings, day=day.date() if day else None, node=node):
                raise typer.Exit(1)


def build_streets(file: Path) -> None:
    """Build the street graphs of an OpenStreetMap extract, so that tours follow its streets."""
    with plainly():
        build_and_tell(read_settings(demo=True), file)


def build_and_tell(settings: Settings, file: Path) -> None:
    """Build the street graphs of a map and say so."""
    with console.status("Reading streets") as display:
        street_graph.build_streets(
            file,
            Path(settings.streets_dir),
            tell=lambda profile: display.update(f"Reading streets for {profile}"),
        )
    console.print(f"[green]✓[/green] Travel times are those of the streets of {file.name}.")


def streets_said(settings: Settings) -> str:
    """Who will give travel times, in a sentence."""
    try:
        return f"[green]✓[/green] travel times of the {Streets(Path(settings.streets_dir)).source()}"
    except NoStreets as why:
        return f"[yellow]![/yellow] travel times by straight lines: {why}"


def _made(db: Database, settings: Settings, *, day: date | None, node: str | None) -> bool:
    """Search for tours of what is booked, show them; False when some could not be published."""
    streets = Streets(Path(settings.streets_dir))
    planner = TourPlanner(db, streets, RoutingLimits(seconds=settings.tour_seconds))

    def wanted(conn: Connection, now: datetime) -> list[tuple[str, date]]:
        ahead = _AHEAD if day is None else timedelta(days=60)
        nodes = {one.id: one.key for one in rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)))}
        return [
            pair
            for pair in booked_days(conn, now, ahead=ahead)
            if day in (None, pair[1]) and node in (None, nodes[pair[0]])
        ]

    try:
        days = db.read_now(wanted)
        runs = planner.plan(days, trigger="operator") if days else []
    finally:
        streets.close()
    if not runs:
        console.print("Nothing is booked that tours could be made for.")
    for run in runs:
        if run.status is not TourRunStatus.PUBLISHED:
            console.print(f"[red]{run.day:%a %d %b}: {run.message}[/red]")
    good = [run for run in runs if run.status is TourRunStatus.PUBLISHED]
    _show(db, good)
    return len(good) == len(runs)


def _show(db: Database, runs: Sequence[TourRun]) -> None:
    if not runs:
        return
    nodes = {
        one.id: one.key
        for one in db.read_now(
            lambda conn, _: rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)))
        )
    }
    table = Table("day", "node", "drops", "trips", "km", "overtime min", "left out")
    for run in runs:
        table.add_row(
            f"{run.day:%a %d %b}",
            nodes[run.node_id],
            str(run.drops),
            str(run.trips),
            f"{run.distance_m / 1000:.1f}",
            f"{run.overtime_s / 60:.0f}",
            str(len(run.left_out)),
        )
    console.print(table)
    for source in sorted({run.streets for run in runs if run.streets}):
        console.print(f"Travel times: {source}.", markup=False)
