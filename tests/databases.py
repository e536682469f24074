"""Databases that are quick to have: tables copied or emptied, statements compiled once, connections kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from sqlalchemy import QueuePool, event
from sqlalchemy.util import LRUCache

from app.database.clock import Clock
from app.database.engine import engine_for
from app.database.runner import THREADS, Database
from app.migrate import upgrade
from app.tables import metadata
from tests.postgres import Cluster

# Deleting the rows of a test costs a hundredth of cutting its tables off, but leaves pages to read; a table
# with more than this is cut off.
SMALL_PAGES = 50


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


def migrated_sqlite(file: Path) -> str:
    """The URL of a file that is empty but for what migrations make; they are run once in this process."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated())
    return f"sqlite:///{file}"


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "lastlap.db"
        upgrade(f"sqlite:///{file}")
        return file.read_bytes()


class Lite:
    """SQLite files made from one with all tables; their statements are compiled once for all of them.

    A deployment has one engine and compiles each statement once; a suite with an engine per test would
    spend a third of its time compiling the same ones.
    """

    def __init__(self, empty: Path) -> None:
        self._empty = empty
        engine = engine_for(f"sqlite:///{empty}")
        metadata.create_all(engine)
        engine.dispose()
        self._dialect = engine.dialect
        self._compiled: LRUCache[Any, Any] = LRUCache(5_000)

    def copy(self, file: Path) -> str:
        """The URL of a file that has all tables now, and nothing in them."""
        shutil.copy(self._empty, file)
        return f"sqlite:///{file}"

    @contextmanager
    def database(self, url: str, clock: Clock) -> Iterator[Database]:
        """The database at this URL for one test, that does not wait for the disk."""
        database = Database(url, clock=clock)
        database.engine.dialect = self._dialect  # it is part of their key
        database.engine.update_execution_options(compiled_cache=self._compiled)
        event.listen(database.engine, "connect", _hasty)
        try:
            yield database
        finally:
            database.close()


def _hasty(connection: Any, _record: Any) -> None:
    """What a crash of the machine would lose is no test's concern, as with PostgreSQL's fsync=off."""
    connection.execute("PRAGMA synchronous = OFF")


class Kept:
    """A PostgreSQL database whose connections stay open from test to test, as a deployment's do."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = engine_for(url, pool_size=THREADS + 2)
        event.listen(self._engine, "connect", _patient)
        tables = (f'"{table.name}"' for table in metadata.sorted_tables)
        self._filled = " UNION ALL ".join(
            f"SELECT '{name}', pg_relation_size('{name}') / 8192 WHERE EXISTS (SELECT 1 FROM {name})"
            for name in tables
        )

    def emptied(self) -> str:
        """Its URL, as soon as no table holds anything and every sequence begins anew."""
        with self._engine.begin() as conn:
            filled = [(name, int(pages)) for name, pages in conn.exec_driver_sql(self._filled)]
            if large := [name for name, pages in filled if pages > SMALL_PAGES]:
                conn.exec_driver_sql(f"TRUNCATE {', '.join(large)} CASCADE")
            # All of them are emptied, so nothing needs to look for what refers to a row.
            quick = ["SET LOCAL session_replication_role = replica"]
            quick += [f"DELETE FROM {name}" for name, pages in filled if pages <= SMALL_PAGES]
            conn.exec_driver_sql("; ".join(quick))
            conn.exec_driver_sql(
                "SELECT setval(quote_ident(sequencename)::regclass, start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
        return self.url

    @contextmanager
    def database(self, clock: Clock) -> Iterator[Database]:
        """The database for one test: its threads and listeners go with it, the connections stay.

        A test that changes how connections behave takes a `Database(url)` of its own.
        """
        database = Database(self.url, clock=clock)
        own, database.engine = database.engine, self._engine.execution_options()
        try:
            yield database
        finally:
            database.engine = own
            database.close()
            assert isinstance(self._engine.pool, QueuePool)
            if self._engine.pool.checkedout():
                self._engine.dispose()

    def close(self) -> None:
        """End the connections."""
        self._engine.dispose()


def _patient(connection: Any, _record: Any) -> None:
    """Wait a minute for a lock: where the machine is slow, two seconds say nothing of the code."""
    connection.execute("SET lock_timeout = '60s'")
    connection.commit()
