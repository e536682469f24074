"""The demo on either database: its city, its seed and a real plan of a week, made once and copied."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import Limits
from app.allocation.rules import RunStatus
from app.capacity.tables import CapacityPool, PickLoad
from app.database.engine import engine_for
from app.database.rows import table_of
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import read_seed
from app.migrate import upgrade
from app.places.find_address import find_address
from app.places.rules import Place
from app.places.zone_of import zone_of
from app.storefronts.authenticate import authenticate
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.tables import metadata
from app.tours.tables import TourSheet
from app.values.actor import Actor, Role
from app.values.window import local_day
from app.worker.plan import plan
from tests.databases import fresh_postgres
from tests.postgres import NoPostgres, cluster

KEY = "key-of-the-benchmark"
STREET = "Rua das Flores 12"
LIMITS = Limits(day_s=4.0, gap=0.02)


@dataclass(frozen=True, slots=True)
class Shop:
    """A database with a planned week from tomorrow on, and a place in it where much is offered."""

    engine: str
    url: str
    actor: Actor
    place: Place
    zone_id: str
    first: date
    days: int
    # Where its database server's programs are; of no use for SQLite.
    binaries: Path = Path()


@contextmanager
def shops(*, days: int = 7, zones: int | None = None, durable: bool = True) -> Iterator[list[Shop]]:
    """The shop on SQLite and, where this machine has it, on PostgreSQL with durable commits, unless it need not be."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lastlap-bench-")))
        lite = f"sqlite:///{folder / 'shop.db'}"
        _make(lite, days, zones)
        urls = {"SQLite": lite}
        try:
            running = stack.enter_context(cluster(durable=durable))
        except NoPostgres as why:
            print(f"no PostgreSQL, so nothing is said of it: {why}")
        else:
            urls["PostgreSQL"] = fresh_postgres(running, tables=False)
            _copy(lite, urls["PostgreSQL"])
        yield [
            replace(_shop(engine, url, days), binaries=running.bin if engine == "PostgreSQL" else Path())
            for engine, url in urls.items()
        ]


def _make(url: str, days: int, zones: int | None) -> None:
    """Migrate, load the demo and plan it, as `make demo` does."""
    upgrade(url)
    db = Database(url)
    seed = read_seed()
    if zones:
        seed = seed.model_copy(update={"city": seed.city.model_copy(update={"zones": zones})})

    def fill(conn: Connection, now: datetime) -> date:
        load(conn, now=now, seed=seed, city=demo_city())
        issue_key(
            conn,
            now=now,
            storefront_id=storefront_by_key(conn, None).id,
            key=KEY,
            name="benchmark",
            role=Role.STOREFRONT,
        )
        return _tomorrow(now)

    try:
        first = db.write_now(fill)
        run = plan(db, trigger="benchmark", first=first, days=days, limits=LIMITS)
        if run.status is not RunStatus.PUBLISHED:
            raise SystemExit(f"the shop of the benchmark has no plan: {run.message}")
    finally:
        db.close()


def _tomorrow(now: datetime) -> date:
    return local_day(now, read_seed().city.time_zone) + timedelta(days=1)


def _copy(source_url: str, target_url: str) -> None:
    """Every row of one database into another, so that both engines are asked the same."""
    upgrade(target_url)
    source, target = engine_for(source_url), engine_for(target_url)
    with source.connect() as old, target.begin() as new:
        for table in metadata.sorted_tables:
            found = [dict(row._mapping) for row in old.execute(sa.select(table))]
            if found:
                new.execute(sa.insert(table), found)
            # What the database numbers by itself goes on after what was copied.
            if (numbered := table.autoincrement_column) is not None and found:
                last = max(row[numbered.name] for row in found)
                sequence = sa.func.pg_get_serial_sequence(table.name, numbered.name)
                new.execute(sa.select(sa.func.setval(sequence, last)))
    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE")
    source.dispose()
    target.dispose()


def twin(shop: Shop, name: str = "twin") -> Shop:
    """A second database that holds the same to the byte of every row; nobody may be using the first."""
    url = sa.make_url(shop.url)
    other = url.set(database=f"{url.database}_{name}")
    if shop.engine == "SQLite":
        with sqlite3.connect(str(url.database)) as source, sqlite3.connect(str(other.database)) as target:
            source.backup(target)
        source.close()
        target.close()
    else:
        admin = engine_for(url.set(database="postgres").render_as_string(hide_password=False))
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql(f'CREATE DATABASE "{other.database}" TEMPLATE "{url.database}"')
        admin.dispose()
    return replace(shop, url=other.render_as_string(hide_password=False))


# More of everything than any benchmark takes, and less than a column holds.
_ROOM = {"orders": 1_000_000, "work_s": 1_000_000_000}
_AMPLE = 1_000_000_000_000


def make_room(shop: Shop) -> None:
    """So much capacity everywhere that a benchmark never meets a full window; tours bound nobody."""

    def work(conn: Connection, _now: datetime) -> None:
        for model in (CapacityPool, PickLoad):
            table = table_of(model)
            sizes = [column.name for column in table.c if column.name.startswith(("cap_", "sell_"))]
            values = {name: _ROOM.get(name.split("_", 1)[1], _AMPLE) for name in sizes}
            conn.execute(sa.update(table).values(values))
        conn.execute(sa.delete(table_of(TourSheet)))

    db = Database(shop.url)
    try:
        db.write_now(work)
    finally:
        db.close()


def _shop(engine: str, url: str, days: int) -> Shop:
    def look(conn: Connection, now: datetime) -> Shop:
        actor = authenticate(conn, key=KEY, loopback=True)
        (house,) = find_address(conn, text=STREET, limit=1)
        place = Place(house.label, house.point)
        return Shop(engine, url, actor, place, zone_of(conn, point=place.point).id, _tomorrow(now), days)

    db = Database(url)
    try:
        return db.read_now(look)
    finally:
        db.close()
