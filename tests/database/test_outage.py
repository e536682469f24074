"""A database that is away, full or read-only is told as such, and is used again as soon as it is back."""

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from app.database.rows import table_of
from app.database.runner import Database
from app.errors import DatabaseFull, DatabaseReadOnly, DatabaseUnreachable, Outage
from app.jobs import Job, later
from tests.api import KEY, Api, client_on
from tests.schema.conftest import Opened, api, opened

__all__ = ["api", "opened"]  # fixtures


def said(conn: Connection, sqlstate: str) -> None:
    conn.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{sqlstate}'; END $$")


def cut(conn: Connection, now: datetime) -> None:
    later(conn, now=now, kind="x", payload={}, dedup_key="lost")
    broken(conn)


def broken(conn: Connection) -> datetime:
    """The connection breaks in the middle of the work; SQLite has none, so its file cannot be read."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    raise OperationalError("COMMIT", None, planted("SQLITE_IOERR_READ"))


def full(conn: Connection, now: datetime) -> None:
    if conn.dialect.name == "postgresql":
        said(conn, "53100")
    pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
    conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    try:
        payload = {"much": "x" * 500_000}
        later(conn, now=now, kind="x", payload=payload, dedup_key="lost")
    finally:
        conn.exec_driver_sql("PRAGMA max_page_count = 1073741823")


def read_only(conn: Connection, now: datetime) -> None:
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET TRANSACTION READ ONLY")
        later(conn, now=now, kind="x", payload={}, dedup_key="lost")
    conn.exec_driver_sql("PRAGMA query_only = ON")
    try:
        later(conn, now=now, kind="x", payload={}, dedup_key="lost")
    finally:
        conn.exec_driver_sql("PRAGMA query_only = OFF")


def planted(name: str) -> Exception:
    error = OSError("planted")
    error.sqlite_errorname = name  # type: ignore[attr-defined]  # as sqlite3 names its errors
    return error


@pytest.mark.parametrize(
    ("fault", "told"),
    [(cut, DatabaseUnreachable), (full, DatabaseFull), (read_only, DatabaseReadOnly)],
    ids=["cut", "full", "read-only"],
)
def test_a_fault_that_passes_has_a_name_leaves_nothing_and_does_not_stay(
    db: Database, fault: Callable[[Connection, datetime], None], told: type[Outage]
) -> None:
    with pytest.raises(told):
        db.write_now(fault)
    assert db.read_now(lambda c, _: c.execute(sa.select(table_of(Job))).all()) == []
    assert db.write_now(lambda c, now: later(c, now=now, kind="x", payload={}, dedup_key="lost"))


def test_a_mistake_of_ours_stays_a_fault(db: Database) -> None:
    with pytest.raises(DBAPIError):
        db.write_now(lambda c, _: c.exec_driver_sql("SELECT nothing FROM nowhere"))


def test_an_unreachable_database_is_a_503_with_a_code_and_passes(
    db: Database, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = 'mutation { releaseHold(input: {holdId: "U2xvdEhvbGQ6eA=="}) { userErrors { code } } }'
    headers = {"Authorization": f"Bearer {KEY}"}
    assert opened
    with client_on(db) as client, monkeypatch.context() as patched:
        assert Api(client).data("{ __typename }") == {"__typename": "Query"}
        patched.setattr(db, "clock", broken)
        answer = client.post("/graphql", json={"query": hold}, headers=headers)
        page = client.get("/checkout")
        ready = client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "DATABASE_UNREACHABLE"
    assert "idempotency key" in error["message"]
    assert (page.status_code, ready.json()) == (503, {"ready": False, "database": "not reached"})
    with client_on(db) as client:
        assert client.post("/graphql", json={"query": hold}, headers=headers).status_code == 200
