"""The demo: everything set up on this machine, served with a worker beside it."""

from __future__ import annotations

import json
import signal
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from app.allocation.problem import Limits
from app.allocation.queries import run_of
from app.commands.city import city_of, load_city, streets_of
from app.commands.planning import plan_and_tell
from app.commands.terminal import console, database, plainly
from app.demo.load import is_loaded
from app.demo.seed import PORTO, read_seed
from app.migrate import upgrade
from app.serve import check_port, serve_until_stopped, worker_beside
from app.settings import Settings, read_settings
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.values.actor import Role

DEMO_KEY, DEMO_OPERATOR_KEY = "demo-key", "demo-operator-key"
DEMO_LIMITS = Limits(day_s=5.0, gap=0.005)

CityFiles = Annotated[
    list[Path] | None, typer.Option("--city", help="OpenStreetMap extract instead of the generated city.")
]


def demo(city: CityFiles = None) -> None:
    """Set up the demo city, plan a fortnight, and serve it here with a worker beside it."""
    with plainly():
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
    with database(settings) as db:
        if not db.read_now(lambda conn, _: is_loaded(conn)):
            seed = read_seed(PORTO)
            load_city(db, seed, city_of(files, seed))
            if files:
                streets_of(settings, files)
        db.write_now(partial(_demo_key, settings=settings))
        if db.read_now(lambda conn, _: run_of(conn)) is None:
            plan_and_tell(db, settings, settings.plan_days, DEMO_LIMITS)
        else:
            console.print("[green]✓[/green] The data and the plan of the last start are kept.")


def _demo_key(conn: Connection, now: datetime, *, settings: Settings) -> None:
    storefront = storefront_by_key(conn, settings.checkout_storefront)
    for key, role in ((DEMO_KEY, Role.STOREFRONT), (DEMO_OPERATOR_KEY, Role.OPERATOR)):
        name = "demo" if role is Role.STOREFRONT else "demo operator"
        issue_key(
            conn, now=now, storefront_id=storefront.id, key=key, name=name, role=role, loopback_only=True
        )


def _invite(settings: Settings) -> None:
    base = f"http://{settings.host}:{settings.port}"
    console.print(f"\n[bold]Checkout[/bold]   {base}/")
    console.print(f"[bold]Mailbox[/bold]    {base}/mailbox")
    console.print(f"[bold]Operations[/bold] {base}/operator   (key: {DEMO_OPERATOR_KEY})", soft_wrap=True)
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
