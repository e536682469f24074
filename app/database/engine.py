"""Engines for the two databases we promise, with the settings that our guarantees rest on."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

# A claim that waits longer than this on another's row gives up as retryable.
LOCK_TIMEOUT_MS = 2_000
# PostgreSQL's SQLSTATE when it ran out.
LOCK_NOT_AVAILABLE = "55P03"

_USE = "use sqlite:///FILE or postgresql://USER@HOST/NAME"


class UnsupportedDatabase(ValueError):
    """The URL names no database that we can use; the message says why."""


def engine_for(url: str, *, pool_size: int = 16) -> Engine:
    """An engine for `sqlite:///file` or `postgresql://...`.

    Raises UnsupportedDatabase for any other scheme, for SQLite in memory, which processes and threads
    could not share, and for a file in a folder that cannot be made; when it connects, for a PostgreSQL
    database that does not keep text as UTF-8.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as why:
        raise UnsupportedDatabase(f"This is no database URL: {_USE}.") from why
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed, pool_size)
    if backend == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), pool_size)
    raise UnsupportedDatabase(f"{backend} is not supported: {_USE}.")


def _sqlite(url: URL, pool_size: int) -> Engine:
    if not url.database or ":memory:" in url.database or url.query.get("mode") == "memory":
        raise UnsupportedDatabase("SQLite needs a file: use sqlite:///var/lastlap.db.")
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        raise UnsupportedDatabase(f"The folder {folder} cannot be made: {why.strerror}.") from why
    engine = sa.create_engine(
        url, pool_size=pool_size, max_overflow=0, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: _begun below decides how.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "busy_timeout = 15000",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -32000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(conn: sa.Connection) -> None:
        # A deferred transaction that reads first is aborted under load, so writers lock at once.
        reading = conn.get_execution_options().get("lastlap_reads")
        conn.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, pool_size: int) -> Engine:
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={
            # Without it the driver answers bytes where the database has no encoding at all.
            "client_encoding": "UTF8",
            "options": f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS}"
            " -c idle_in_transaction_session_timeout=60000",
        },
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            name = connection.info.dbname
            connection.close()
            raise UnsupportedDatabase(
                f"The database {name} keeps text as {encoding}, and names of people and streets need UTF-8;"
                f" make another: createdb -T template0 -E UTF8 NAME."
            )

    return engine
