"""The operator's door: `lastlap demo`, `serve`, `work`, `migrate`, `plan`, `city`, `keys`, `doctor`."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from app.allocation.problem import Limits
from app.allocation.queries import day_plans, run_of
from app.allocation.rules import RunStatus
from app.capacity.rebuild import rebuild
from app.database.engine import UnsupportedDatabase
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import is_loaded, load
from app.demo.seed import PORTO, Seed, read_seed
from app.errors import Outage, Refusal
from app.logs import set_up_logs
from app.migrate import NewerDatabase, NotMigrated, is_current, upgrade
from app.places.city import CityData
from app.serve import PortInUse, check_port, serve_until_stopped, worker_beside
from app.settings import Settings, SettingsError, read_settings
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.storefronts.revoke_key import revoke_key
from app.values.actor import Role
from app.worker.plan import plan as plan_capacity
from app.worker.run import work as work_jobs
from app.world.osm import read_city
from app.world.world import build_world

DEMO_KEY = "demo-key"
DEMO_LIMITS = Limits(day_s=5.0, gap=0.005)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
city_app = typer.Typer(no_args_is_help=True, help="Cities.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys.")
app.add_typer(city_app, name="city")
app.add_typer(keys_app, name="keys")
console = Console()
complaints = Console(stderr=True)

CityFiles = Annotated[
    list[Path] | None, typer.Option("--city", help="OpenStreetMap extract instead of the generated city.")
]


@contextmanager
def _plainly() -> Iterator[None]:
    """A mistake of the operator is one sentence with its fix, and exit code 2."""
    try:
        yield
    except SettingsError as why:
        said = f"These settings cannot be used:\n{why}"
    except Refusal as why:
        said = why.message
    except (UnsupportedDatabase, NotMigrated, NewerDatabase, PortInUse) as why:
        said = str(why)
    except (DatabaseError, Outage) as why:
        if type(why) not in (OperationalError, DatabaseError) and not isinstance(why, Outage):
            raise  # a statement of ours is wrong, not the database
        said = _unreachable(why)
    else:
        return
    complaints.print(said, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(2)


def _unreachable(why: DatabaseError | Outage) -> str:
    """Which database does not answer, why, and what to do; its password stays out of it."""
    where = make_url(read_settings(demo=True).database_url).render_as_string(hide_password=True)
    cause = why.__cause__ if isinstance(why, Outage) else why
    reason = str(getattr(cause, "orig", None) or why).strip().splitlines()[0].rstrip(".")
    return f"The database {where} cannot be used: {reason}. Start it, or name another one by DATABASE_URL."


@contextmanager
def _database(settings: Settings, *, migrated: bool = True) -> Iterator[Database]:
    """The database for as long as a command needs it; raises NotMigrated where tables are missing."""
    db = Database(settings.database_url)
    try:
        if migrated and not db.read_now(lambda conn, _: is_current(conn)):
            raise NotMigrated(NotMigrated.__doc__)
        yield db
    finally:
        db.close()


@app.command()
def demo(city: CityFiles = None) -> None:
    """Set up the demo city, plan a fortnight, and serve it here with a worker beside it."""
    with _plainly():
        settings = read_settings(demo=True)
        check_port(settings.host, settings.port)
        for end in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(end, _leave)
        _prepare(settings, city or [])
        with worker_beside():
            _invite(settings)
            serve_until_stopped(settings, log_level="WARNING")


def _leave(*_signal: object) -> None:
    """Unwind like Ctrl-C does, so that what was started is ended."""
    raise SystemExit(0)


def _prepare(settings: Settings, files: list[Path]) -> None:
    """Migrate, load and plan what is missing; what is there stays."""
    upgrade(settings.database_url)
    with _database(settings) as db:
        if not db.read_now(lambda conn, _: is_loaded(conn)):
            seed = read_seed(PORTO)
            _load(db, seed, _city(files, seed))
        db.write_now(partial(_demo_key, settings=settings))
        if db.read_now(lambda conn, _: run_of(conn)) is None:
            _plan(db, settings.plan_days, DEMO_LIMITS)
        else:
            console.print("[green]✓[/green] The data and the plan of the last start are kept.")


def _load(db: Database, seed: Seed, city: CityData) -> None:
    made = db.write_now(lambda conn, now: load(conn, now=now, seed=seed, city=city))
    console.print(
        f"[green]✓[/green] {city.name}: {made.addresses:,} addresses ({made.doors:,} house numbers),"
        f" {made.streets:,} streets, {made.zones} service zones",
        soft_wrap=True,
    )


def _city(files: list[Path], seed: Seed) -> CityData:
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


def _plan(db: Database, days: int, limits: Limits) -> None:
    """Plan with a progress display, and show the certificate."""
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

        run = plan_capacity(db, trigger="operator", days=days, limits=limits, progress=tell)
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
        f" proved within {run.gap or 0:.2%} of the best possible."
    )


def _demo_key(conn: Connection, now: datetime, *, settings: Settings) -> None:
    storefront = storefront_by_key(conn, settings.checkout_storefront)
    issue_key(
        conn,
        now=now,
        storefront_id=storefront.id,
        key=DEMO_KEY,
        name="demo",
        role=Role.STOREFRONT,
        loopback_only=True,
    )


def _invite(settings: Settings) -> None:
    base = f"http://{settings.host}:{settings.port}"
    console.print(f"\n[bold]Checkout[/bold]   {base}/")
    console.print(f"[bold]Mailbox[/bold]    {base}/mailbox")
    key = f"(key: {DEMO_KEY}, from this machine only)"
    console.print(f"[bold]GraphQL[/bold]    {base}/graphql   {key}\n", soft_wrap=True)
    console.print("Paste this:\n")
    print(example(base))  # noqa: T201  to be copied as it stands, without markup
    console.print("\nCtrl-C ends it; the data stays in the database.")


QUERY = """{
  slotAvailability(address: {postal: {line1: "Rua das Flores 12", countryCode: "PT"}}) {
    address { label zone { name } }
    days { date offers { slot { id window { startsAt endsAt } } available
      fee { total { amount currencyCode } } emissions { gramsCo2e } } }
  }
}"""


def example(base: str) -> str:
    """A first query as a command to paste into a shell."""
    body = json.dumps({"query": " ".join(QUERY.split())})
    head = f"curl -s {base}/graphql -H 'Authorization: Bearer {DEMO_KEY}'"
    return f"{head} \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'"


@app.command()
def serve() -> None:
    """Serve GraphQL and pages with the settings of the environment."""
    with _plainly():
        settings = read_settings()
        check_port(settings.host, settings.port)
        with _database(settings):
            pass
        serve_until_stopped(settings, log_level=settings.log_level)


@app.command()
def work(
    until_stdin_ends: Annotated[
        bool, typer.Option(help="End when standard input does, with the process that writes it.")
    ] = False,
) -> None:
    """Run jobs until SIGTERM: messages, the nightly plan, housekeeping."""
    with _plainly():
        settings = read_settings()
        with _database(settings):
            pass
        set_up_logs("WARNING" if settings.demo else settings.log_level)
        asyncio.run(_work(settings, until_stdin_ends=until_stdin_ends))


async def _work(settings: Settings, *, until_stdin_ends: bool) -> None:
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
        world.db.close()


@app.command()
def migrate() -> None:
    """Bring the database to the newest tables."""
    with _plainly():
        url = read_settings(demo=True).database_url
        upgrade(url)
        console.print("[green]✓[/green] The database is at the newest revision.")


@app.command()
def plan(days: Annotated[int | None, typer.Option(help="How many days from today.")] = None) -> None:
    """Plan capacity now and publish it."""
    with _plainly():
        settings = read_settings(demo=True)
        limits = Limits(
            day_s=settings.plan_seconds_per_day, gap=settings.plan_gap, processes=settings.plan_processes
        )
        with _database(settings) as db:
            _plan(db, days or settings.plan_days, limits)


@city_app.command("import")
def import_city(
    files: list[Path],
    seed: Annotated[Path, typer.Option(help="What an operator decides: nodes, vehicles, prices.")] = PORTO,
) -> None:
    """Load a city from OpenStreetMap extracts together with a seed."""
    with _plainly():
        settings = read_settings(demo=True)
        with _database(settings) as db:
            known = read_seed(seed)
            _load(db, known, _city(files, known))
        console.print("Next: lastlap plan")


@keys_app.command("issue")
def keys_issue(
    name: Annotated[str, typer.Argument(help="Who will use the key.")],
    storefront: Annotated[
        str | None, typer.Option(help="The storefront's key, if there are several.")
    ] = None,
    operator: Annotated[bool, typer.Option(help="A key that runs the house.")] = False,
) -> None:
    """Issue an API key; it is shown this once."""
    with _plainly():
        key = secrets.token_urlsafe(32)

        def work(conn: Connection, now: datetime) -> None:
            role = Role.OPERATOR if operator else Role.STOREFRONT
            owner = storefront_by_key(conn, storefront)
            issue_key(conn, now=now, storefront_id=owner.id, key=key, name=name, role=role)

        with _database(read_settings(demo=True)) as db:
            db.write_now(work)
        console.print(key, markup=False, soft_wrap=True)


@keys_app.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="Whose keys shall not work any longer.")],
    storefront: Annotated[
        str | None, typer.Option(help="The storefront's key, if there are several.")
    ] = None,
) -> None:
    """Revoke the keys of this name; they stop working within seconds."""
    with _plainly():

        def work(conn: Connection, now: datetime) -> int:
            owner = storefront_by_key(conn, storefront)
            return revoke_key(conn, now=now, storefront_id=owner.id, name=name)

        with _database(read_settings(demo=True)) as db:
            revoked = db.write_now(work)
        console.print(f"[green]✓[/green] {revoked} revoked")


@app.command()
def doctor() -> None:
    """Look over a deployment: database, tables, plan, and the counters against the ledger."""
    with _plainly():
        with _database(read_settings(demo=True)) as db:
            run = db.read_now(lambda conn, _: run_of(conn))
            drifted = db.write_now(lambda conn, _: rebuild(conn))
        console.print("[green]✓[/green] database and tables")
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


if __name__ == "__main__":
    app()
