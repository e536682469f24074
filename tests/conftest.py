"""A real database on each engine, a clock that tests move, and what else every test may ask for."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy import Connection, event

from app.database.engine import engine_for
from app.database.runner import Database
from app.tables import metadata
from tests.factories import NOW
from tests.postgres import Cluster, NoPostgres, cluster

# The same examples every time, so that a change is judged by itself; LASTLAP_EXPLORE=1 draws new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("default" if os.environ.get("LASTLAP_EXPLORE") else "same")

ENGINES = ("sqlite", "postgresql")


@dataclass
class Clock:
    """The clock of the database, in the hands of a test."""

    now: datetime = field(default=NOW)

    def set(self, instant: datetime) -> None:
        """It is now `instant`."""
        self.now = instant

    def forward(self, by: timedelta) -> None:
        """Time passes."""
        self.now += by

    def __call__(self, _conn: Connection) -> datetime:
        return self.now


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the product does."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster | None]:
    """A real PostgreSQL for this process, or None where there can be none."""
    try:
        with cluster() as running:
            yield running
    except NoPostgres as why:
        warnings.warn(pytest.PytestWarning(f"no PostgreSQL, its tests are skipped: {why}"), stacklevel=1)
        yield None


@pytest.fixture(scope="session")
def postgres_url(postgres: Cluster | None) -> str | None:
    """A database with all tables on the session's server."""
    if postgres is None:
        return None
    return fresh_postgres(postgres)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("empty") / "lastlap.db"
    engine = engine_for(f"sqlite:///{file}")
    metadata.create_all(engine)
    engine.dispose()
    return file


def fresh_postgres(running: Cluster, *, tables: bool = True) -> str:
    """A new database on the server."""
    name = f"t{uuid4().hex}"
    admin = engine_for(running.dsn)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    url = f"{running.dsn.rsplit('/', 1)[0]}/{name}"
    if tables:
        engine = engine_for(url)
        metadata.create_all(engine)
        engine.dispose()
    return url


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engines every promise is kept on."""
    return str(request.param)


@pytest.fixture
def database_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An empty database with all tables."""
    if engine_name == "sqlite":
        shutil.copy(request.getfixturevalue("empty_sqlite"), tmp_path / "lastlap.db")
        return f"sqlite:///{tmp_path / 'lastlap.db'}"
    found: str | None = request.getfixturevalue("postgres_url")
    if found is None:
        pytest.skip("NO POSTGRESQL ON THIS MACHINE: install it, or set PG_BIN")
    engine = engine_for(found)
    with engine.begin() as conn:
        # Emptying a table costs the same whether it holds anything or not, and most hold nothing.
        asked = (
            f"SELECT '{t.name}' WHERE EXISTS (SELECT 1 FROM \"{t.name}\")" for t in metadata.sorted_tables
        )
        filled = conn.execute(sa.text(" UNION ALL ".join(asked))).scalars().all()
        if filled:
            names = ", ".join(f'"{name}"' for name in filled)
            conn.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return found


@pytest.fixture
def clock() -> Clock:
    """Tuesday 24 November 2026, nine in the morning, until the test moves it."""
    return Clock()


@pytest.fixture
def impatient_db(database_url: str, clock: Clock) -> Iterator[Database]:
    """A database whose clock the test moves, with the product's own patience for locks."""
    database = Database(database_url, clock=clock)
    yield database
    database.close()


@pytest.fixture
def db(impatient_db: Database) -> Database:
    """A database whose clock the test moves, and that waits for locks as long as a slow machine needs."""
    if impatient_db.engine.dialect.name == "postgresql":
        event.listen(impatient_db.engine, "connect", _patient)
    return impatient_db


def _patient(connection: Any, _record: Any) -> None:
    """Wait a minute for a lock: where the machine is slow, two seconds say nothing of the code."""
    connection.execute("SET lock_timeout = '60s'")
    connection.commit()
