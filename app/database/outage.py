"""Which faults of a database pass by themselves, and what a caller is told meanwhile."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, OperationalError

from app.database.engine import LOCK_NOT_AVAILABLE
from app.errors import Busy, DatabaseFull, DatabaseReadOnly, DatabaseUnreachable, Outage

# SQLSTATEs after which the same work may simply be run again: deadlock, serialisation failure.
AGAIN = {"40P01", "40001"}
_DISK_FULL = "53100"
_READ_ONLY = "25006"
# Too many connections, an idle transaction ended, a failing disk; ended by an administrator, after a crash,
# while starting, for idleness. Class 08 is the connection itself.
_UNREACHABLE = {"53300", "25P03", "58030", "57P01", "57P02", "57P03", "57P05"}
_CONNECTION = "08"
# What SQLite's own error names begin with, and what they mean here. Any other is a fault of ours.
_SQLITE: tuple[tuple[str, type[Busy | Outage]], ...] = (
    ("SQLITE_BUSY", Busy),
    ("SQLITE_FULL", DatabaseFull),
    ("SQLITE_READONLY", DatabaseReadOnly),
    ("SQLITE_IOERR", DatabaseUnreachable),
    ("SQLITE_CANTOPEN", DatabaseUnreachable),
    ("SQLITE_PROTOCOL", DatabaseUnreachable),
)


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code of the error, if the server had a word to say."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def passing(error: DBAPIError) -> Busy | Outage | None:
    """What a caller is told of a fault that passes; None for one that stays, which is a fault of ours."""
    if name := getattr(error.orig, "sqlite_errorname", None):
        return next((kind() for start, kind in _SQLITE if name.startswith(start)), None)
    state = sqlstate(error)
    if state == LOCK_NOT_AVAILABLE or state in AGAIN:
        return Busy()
    if state == _DISK_FULL:
        return DatabaseFull()
    if state == _READ_ONLY:
        return DatabaseReadOnly()
    silent = state is None and isinstance(error, OperationalError)
    if (
        silent
        or error.connection_invalidated
        or state in _UNREACHABLE
        or (state or "").startswith(_CONNECTION)
    ):
        return DatabaseUnreachable()
    return None
