"""A real database on each engine, a clock that tests move, and what else every test may ask for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import Connection

from app.database.runner import Database
from app.world.street_graph import CARGO_BIKE, VAN, build_streets
from tests.databases import Kept, Lite, fresh_postgres
from tests.factories import NOW
from tests.postgres import Cluster, NoPostgres, cluster
from tests.small_map import write_map

# The same examples every time, so that a change is judged by itself; LASTLAP_EXPLORE=1 draws new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("default" if os.environ.get("LASTLAP_EXPLORE") else "same")

ENGINES = ("sqlite", "postgresql")

# A failure that a test provokes is logged as a plain traceback: with every local variable it takes seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.set_exc_info,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that may take long come first, so that the workers of a run end together."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


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
        # Nothing is counted or tidied behind a test's back, so a statement's plan is the same every time.
        with cluster(settings=("autovacuum=off",)) as running:
            yield running
    except NoPostgres as why:
        warnings.warn(pytest.PytestWarning(f"no PostgreSQL, its tests are skipped: {why}"), stacklevel=1)
        yield None


@pytest.fixture(scope="session")
def kept(postgres: Cluster | None) -> Iterator[Kept]:
    """A database with all tables on the session's server."""
    if postgres is None:
        pytest.skip("NO POSTGRESQL ON THIS MACHINE: install it, or set PG_BIN")
    found = Kept(fresh_postgres(postgres))
    yield found
    found.close()


@pytest.fixture(scope="session")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Lite:
    """What makes SQLite files."""
    return Lite(tmp_path_factory.mktemp("empty") / "lastlap.db")


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engines every promise is kept on."""
    return str(request.param)


@pytest.fixture
def database_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An empty database with all tables."""
    if engine_name == "sqlite":
        lite: Lite = request.getfixturevalue("lite")
        return lite.copy(tmp_path / "lastlap.db")
    found: Kept = request.getfixturevalue("kept")
    return found.emptied()


@pytest.fixture
def clock() -> Clock:
    """Tuesday 24 November 2026, nine in the morning, until the test moves it."""
    return Clock()


@pytest.fixture
def impatient_db(database_url: str, clock: Clock) -> Iterator[Database]:
    """A database whose connections are as the product makes them, and only this test's."""
    database = Database(database_url, clock=clock)
    yield database
    database.close()


@pytest.fixture
def db(database_url: str, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose clock the test moves, and that waits for locks as long as a slow machine needs."""
    if database_url.startswith("sqlite"):
        lite: Lite = request.getfixturevalue("lite")
        opened = lite.database(database_url, clock)
    else:
        kept: Kept = request.getfixturevalue("kept")
        opened = kept.database(clock)
    with opened as database:
        yield database


@pytest.fixture
def file_db(lite: Lite, tmp_path: Path, clock: Clock) -> Iterator[Database]:
    """The same on SQLite alone, for what asks little of the database: pages in a browser, say."""
    with lite.database(lite.copy(tmp_path / "lastlap.db"), clock) as database:
        yield database


@pytest.fixture(scope="session")
def small_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graphs of the small map for vans and cargo bikes, built once; times that were asked are kept there."""
    folder = tmp_path_factory.mktemp("streets")
    build_streets(write_map(folder / "small.osm.pbf"), folder / "graphs", profiles=(VAN, CARGO_BIKE))
    return folder / "graphs"
