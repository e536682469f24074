"""The clock of the database is the clock: read once per transaction, passed down as `now`."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

Clock = Callable[[Connection], datetime]

# Milliseconds, so that a value read back from either engine compares equal.
_NOW = {
    "sqlite": "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')",
    "postgresql": "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')",
}


def database_clock(conn: Connection) -> datetime:
    """The database's present instant in UTC, to the millisecond."""
    text = conn.exec_driver_sql(_NOW[conn.dialect.name]).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
