"""Engines for the two databases we promise, with the settings that our guarantees rest on."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import URL, Engine, event, make_url

# A claim that waits longer than this on another's row gives up as retryable.
LOCK_TIMEOUT_MS = 2_000
# PostgreSQL's SQLSTATE when it ran out.
LOCK_NOT_AVAILABLE = "55P03"


class UnsupportedDatabase(ValueError):
    """The URL names a database other than SQLite and PostgreSQL."""


def engine_for(url: str, *, pool_size: int = 16) -> Engine:
    """An engine for `sqlite:///file` or `postgresql://...`.

    Raises UnsupportedDatabase for any other scheme and for SQLite in memory, which processes and
    threads could not share.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed, pool_size)
    if backend == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), pool_size)
    raise UnsupportedDatabase(f"{backend} is not supported: use sqlite:///FILE or postgresql://...")


def _sqlite(url: URL, pool_size: int) -> Engine:
    if not url.database or url.database == ":memory:":
        raise UnsupportedDatabase("SQLite needs a file: sqlite:///var/lastlap.db")
    Path(url.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
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
    return sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={
            "options": f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS}"
            " -c idle_in_transaction_session_timeout=60000"
        },
    )
