"""Load a city: from OpenStreetMap extracts, or the generated one of the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.terminal import console, database, plainly
from app.commands.touring import build_and_tell
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import PORTO, Seed, read_seed
from app.places.city import CityData
from app.settings import Settings, read_settings
from app.world.errors import BrokenMapFile
from app.world.osm import read_city


def import_city(
    files: list[Path],
    seed: Annotated[Path, typer.Option(help="What an operator decides: nodes, vehicles, prices.")] = PORTO,
) -> None:
    """Load a city from OpenStreetMap extracts together with a seed."""
    with plainly():
        settings = read_settings(demo=True)
        with database(settings) as db:
            known = read_seed(seed)
            load_city(db, known, city_of(files, known))
        streets_of(settings, files)
        console.print("Next: lastlap plan")


def streets_of(settings: Settings, files: list[Path]) -> None:
    """Build the street graphs of the first extract; a map without streets leaves tours on straight lines."""
    try:
        build_and_tell(settings, files[0])
    except BrokenMapFile as why:
        console.print(f"[yellow]![/yellow] Tours go by straight lines. {why.message}", soft_wrap=True)


def load_city(db: Database, seed: Seed, city: CityData) -> None:
    """Write a city and what an operator decided for it, and say how large it is."""
    made = db.write_now(lambda conn, now: load(conn, now=now, seed=seed, city=city))
    console.print(
        f"[green]✓[/green] {city.name}: {made.addresses:,} addresses ({made.doors:,} house numbers),"
        f" {made.streets:,} streets, {made.zones} service zones",
        soft_wrap=True,
    )


def city_of(files: list[Path], seed: Seed) -> CityData:
    """The city of these extracts, or the generated one where none is named."""
    if not files:
        return demo_city()
    facts = seed.city
    return read_city(
        files,
        name=None,
        time_zone=facts.time_zone,
        country_code=facts.country_code,
        holiday_region=facts.holiday_region,
    )
