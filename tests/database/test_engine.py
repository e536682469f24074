"""The two databases, the settings that the guarantees rest on, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import StatementError

from app import jobs
from app.database.engine import UnsupportedDatabase, engine_for
from app.database.rows import table_of
from app.database.runner import Database
from app.jobs import Job
from tests.factories import NOW


def asked_before(conn: Connection, instant: datetime) -> list[datetime]:
    job = table_of(Job)
    return list(conn.execute(sa.select(job.c.created_at).where(job.c.created_at < instant)).scalars())


@pytest.mark.parametrize(
    "url",
    ["mysql://root@localhost/x", "oracle://x", "nonsense", "", "sqlite://", "sqlite:///:memory:"]
    + ["sqlite:///file:shared?mode=memory&uri=true", "sqlite:///file::memory:?uri=true"],
)
def test_a_database_that_cannot_be_used_is_refused_with_the_fix(url: str) -> None:
    with pytest.raises(UnsupportedDatabase, match="use sqlite:///"):
        engine_for(url)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnsupportedDatabase, match=r"file/below cannot be made: Not a directory"):
        engine_for(f"sqlite:///{tmp_path / 'file' / 'below' / 'x.db'}")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_sqlite_writes_through_and_keeps_keys(impatient_db: Database) -> None:
    def pragmas(conn: Connection, _now: datetime) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    full = 2
    assert impatient_db.write_now(pragmas) == ["wal", full, 1]


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_postgresql_reads_what_is_committed_and_does_not_wait_for_ever(impatient_db: Database) -> None:
    def shown(conn: Connection, _now: datetime) -> list[object]:
        names = ("transaction_isolation", "TimeZone", "lock_timeout")
        return [conn.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]

    assert impatient_db.write_now(shown) == ["read committed", "UTC", "2s"]


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_database_without_utf_8_is_refused_with_the_fix(db: Database) -> None:
    server = db.engine.execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as conn:
        conn.exec_driver_sql(
            "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    wrong = engine_for(db.engine.url.set(database="ascii").render_as_string(hide_password=False))
    try:
        with pytest.raises(UnsupportedDatabase, match=r"ascii keeps text as SQL_ASCII.*createdb .* UTF8"):
            wrong.connect()
    finally:
        wrong.dispose()
        with server.connect() as conn:
            conn.exec_driver_sql("DROP DATABASE ascii WITH (FORCE)")


def test_an_instant_without_a_zone_is_refused(db: Database) -> None:
    naive = datetime(2026, 11, 24, 9)  # noqa: DTZ001  that is the point
    with pytest.raises(StatementError, match="timezone"):
        db.write_now(lambda c, _: jobs.later(c, now=naive, kind="x", payload={}))
    with pytest.raises(StatementError, match="timezone"):
        db.read_now(lambda c, _: asked_before(c, naive))


def test_an_instant_comes_back_as_it_went_in_whatever_its_offset(db: Database) -> None:
    from_lisbon = datetime.fromisoformat("2026-07-01T12:30:00.250+01:00")
    db.write_now(lambda c, _: jobs.later(c, now=from_lisbon, kind="x", payload={}))
    (found,) = db.read_now(lambda c, _: asked_before(c, NOW))
    assert found == from_lisbon
    assert found.tzinfo is UTC
