"""Serve, work, migrate, and look a deployment over."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from typing import Annotated

import typer

from app.allocation.queries import run_of
from app.capacity.rebuild import rebuild
from app.commands.terminal import console, database, plainly
from app.commands.touring import streets_said
from app.logs import set_up_logs
from app.migrate import upgrade
from app.serve import check_port, serve_until_stopped
from app.settings import Settings, read_settings
from app.tours.warm import warm
from app.worker.run import work as work_jobs
from app.world.world import build_world


def serve() -> None:
    """Serve GraphQL and pages with the settings of the environment."""
    with plainly():
        settings = read_settings()
        check_port(settings.host, settings.port)
        with database(settings):
            pass
        serve_until_stopped(settings, log_level=settings.log_level)


def work(
    until_stdin_ends: Annotated[
        bool, typer.Option(help="End when standard input does, with the process that writes it.")
    ] = False,
) -> None:
    """Run jobs until SIGTERM: messages, the nightly plan, housekeeping."""
    with plainly():
        settings = read_settings()
        with database(settings):
            pass
        set_up_logs("WARNING" if settings.demo else settings.log_level)
        asyncio.run(_work(settings, until_stdin_ends=until_stdin_ends))


async def _work(settings: Settings, *, until_stdin_ends: bool) -> None:
    # Jobs meet tours in their transactions: those do not wait for a compiler.
    await asyncio.to_thread(warm)
    world = build_world(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, stop.set)
    if until_stdin_ends:
        loop.add_reader(sys.stdin, stop.set)
    try:
        await work_jobs(world, stop=stop, lease=timedelta(seconds=settings.job_lease_s))
    finally:
        loop.remove_reader(sys.stdin)
        world.streets.close()
        world.db.close()


def migrate() -> None:
    """Bring the database to the newest tables."""
    with plainly():
        url = read_settings(demo=True).database_url
        upgrade(url)
        console.print("[green]✓[/green] The database is at the newest revision.")


def doctor() -> None:
    """Look over a deployment: database, tables, plan, and the counters against the ledger."""
    with plainly():
        with database(read_settings(demo=True)) as db:
            run = db.read_now(lambda conn, _: run_of(conn))
            drifted = db.write_now(lambda conn, _: rebuild(conn))
        console.print("[green]✓[/green] database and tables")
        console.print(streets_said(read_settings(demo=True)))
        console.print(
            f"{'[green]✓[/green] a plan is published' if run else '[red]✗[/red] no plan: run lastlap plan'}"
        )
        console.print(
            "[green]✓[/green] counters equal the ledger"
            if not drifted
            else f"[yellow]![/yellow] {len(drifted)} pools differed from the ledger and were set right"
        )
        if run is None:
            raise typer.Exit(1)
