"""Transactions on both engines: groups and savepoints, deadlocks, refusals that are kept, failed commits."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import anyio
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app import jobs
from app.database.clock import database_clock
from app.database.rows import table_of
from app.database.runner import Database
from app.errors import Busy, DatabaseFull, DatabaseReadOnly, Refusal, Settled
from app.jobs import Job
from tests.loops import in_a_loop


class Refused(Refusal):
    """It is refused on purpose."""


def leave(conn: Connection, now: datetime, name: str) -> str:
    """One row that a test can count."""
    jobs.later(conn, now=now, kind="trace", payload={}, dedup_key=name)
    return name


def left(db: Database) -> set[str]:
    """The names of the rows that are there."""
    job = table_of(Job)
    return set(db.read_now(lambda c, _: c.execute(sa.select(job.c.dedup_key)).scalars().all()))


@contextmanager
def one_group(db: Database) -> Iterator[None]:
    """On SQLite, whatever is written inside is one group: its writer is kept waiting until the end."""
    begun, go = threading.Event(), threading.Event()

    def wait(_conn: Connection, _now: datetime) -> None:
        begun.set()
        go.wait(10)

    with ThreadPoolExecutor(1) as blocker:
        first = blocker.submit(db.write_now, wait)
        begun.wait(10)
        yield
        go.set()
        first.result()


def outcomes(db: Database, *works: Callable[[Connection, datetime], Any]) -> list[Any]:
    """What became of works that wait together: a result, or the exception."""
    with ThreadPoolExecutor(len(works)) as callers:
        with one_group(db):
            waiting = [callers.submit(db.write_now, work) for work in works]
            while db.engine.dialect.name == "sqlite" and queued(db) < len(works):
                pass
        return [future.exception() or future.result() for future in waiting]


def queued(db: Database) -> int:
    assert db._writer
    return db._writer._waiting.qsize()


def test_what_is_written_is_there_and_what_failed_is_not(db: Database) -> None:
    def breaks(conn: Connection, now: datetime) -> None:
        leave(conn, now, "broken")
        raise LookupError("no")

    db.write_now(lambda c, n: leave(c, n, "good"))
    with pytest.raises(LookupError):
        db.write_now(breaks)
    assert left(db) == {"good"}


def test_a_failure_of_one_call_does_not_touch_its_neighbours(db: Database) -> None:
    def refuses(conn: Connection, now: datetime) -> None:
        leave(conn, now, "refused")
        raise Refused

    def twice(conn: Connection, now: datetime) -> None:
        leave(conn, now, "twice")
        conn.execute(table_of(Job).insert().values(Job(kind="x", run_at=now, created_at=now).model_dump()))
        conn.execute(table_of(Job).insert().values(kind=None))

    def misspelt(conn: Connection, now: datetime) -> None:
        leave(conn, now, "misspelt")
        conn.exec_driver_sql("SELECT nothing FROM nowhere")

    good = [partial(leave, name=name) for name in ("a", "b", "c")]
    told = outcomes(db, good[0], refuses, good[1], twice, misspelt, good[2])

    assert [told[0], told[2], told[5]] == ["a", "b", "c"]
    assert isinstance(told[1], Refused)
    assert isinstance(told[3], IntegrityError)
    assert isinstance(told[4], DBAPIError)
    assert left(db) == {"a", "b", "c"}


def test_a_settled_refusal_keeps_what_was_written_and_is_raised(db: Database) -> None:
    def settles(conn: Connection, now: datetime) -> None:
        leave(conn, now, "kept")
        raise Settled(Refused())

    told = outcomes(db, settles, lambda c, n: leave(c, n, "beside"))
    assert isinstance(told[0], Refused)
    assert left(db) == {"kept", "beside"}


def test_nobody_is_told_of_success_when_the_commit_fails(db: Database) -> None:
    failing = True

    def fail_commit(_conn: Connection) -> None:
        if failing:
            raise OSError("the disk is gone")

    def settles(conn: Connection, now: datetime) -> None:
        leave(conn, now, "settled")
        raise Settled(Refused())

    event.listen(db.engine, "commit", fail_commit)
    # The group that keeps the writer waiting fails too, so these are sent without it.
    with ThreadPoolExecutor(3) as callers:
        works = [lambda c, n: leave(c, n, "a"), lambda c, n: leave(c, n, "b"), settles]
        told = [callers.submit(db.write_now, work).exception() for work in works]
    assert [str(error) for error in told] == ["the disk is gone"] * 3
    failing = False
    db.write_now(lambda c, n: leave(c, n, "after"))
    assert left(db) == {"after"}


def test_two_that_lock_each_other_out_both_succeed(db: Database) -> None:
    for name in ("left", "right"):
        db.write_now(partial(leave, name=name))
    first_lock = threading.Barrier(2)
    tries = {"left": 0, "right": 0}

    def crossing(conn: Connection, _now: datetime, mine: str, other: str) -> None:
        tries[mine] += 1
        touch = sa.update(table_of(Job)).values(attempts=table_of(Job).c.attempts + 1)
        conn.execute(touch.where(table_of(Job).c.dedup_key == mine))
        if db.engine.dialect.name == "postgresql" and tries[mine] == 1:
            first_lock.wait(10)
        conn.execute(touch.where(table_of(Job).c.dedup_key == other))

    with ThreadPoolExecutor(2) as callers:
        ways = [("left", "right"), ("right", "left")]
        for done in [
            callers.submit(db.write_now, partial(crossing, mine=way[0], other=way[1])) for way in ways
        ]:
            done.result()

    job = table_of(Job)
    assert db.read_now(lambda c, _: c.execute(sa.select(job.c.attempts)).scalars().all()) == [2, 2]
    # On PostgreSQL one of them was the victim of the deadlock and ran once more.
    assert sum(tries.values()) == (3 if db.engine.dialect.name == "postgresql" else 2)


def test_a_lock_held_for_too_long_is_a_refusal_to_repeat(impatient_db: Database) -> None:
    db = impatient_db
    db.write_now(lambda c, n: leave(c, n, "row"))
    touch = sa.update(table_of(Job)).values(attempts=5)
    with db.engine.connect() as hogging:
        hogging.execute(touch)
        _wait_less(db)
        with pytest.raises(Busy, match="repeat"):
            db.write_now(lambda c, _: c.execute(touch) and None)
        hogging.rollback()
    db.write_now(lambda c, _: c.execute(touch) and None)


def _wait_less(db: Database) -> None:
    """As long as the product waits for a lock is too long for this test."""
    lite = db.engine.dialect.name == "sqlite"

    @event.listens_for(db.engine, "checkout")
    def _impatient(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 50" if lite else "SET lock_timeout = 50")
        connection.commit()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_caller_who_goes_away_before_its_turn_leaves_nothing(db: Database) -> None:
    async def given_up() -> None:
        with anyio.move_on_after(0.05):
            await db.write(lambda c, n: leave(c, n, "gone"))

    with one_group(db):
        in_a_loop(given_up)
    db.write_now(lambda c, n: leave(c, n, "after"))
    assert left(db) == {"after"}


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_read_cannot_write(db: Database) -> None:
    with pytest.raises((DBAPIError, DatabaseReadOnly)):
        db.read_now(lambda c, n: leave(c, n, "x"))
    assert left(db) == set()


def test_async_callers_get_their_own_answers(db: Database) -> None:
    answers: dict[int, int] = {}

    async def caller(number: int) -> None:
        def work(conn: Connection, now: datetime) -> int:
            leave(conn, now, f"n{number}")
            return number

        answers[number] = await db.write(work)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as group:
            for number in range(150):
                group.start_soon(caller, number)

    in_a_loop(all_at_once)
    assert answers == {n: n for n in range(150)}
    assert len(left(db)) == 150


def test_the_clock_is_the_databases_and_aware(database_url: str) -> None:
    db = Database(database_url)
    try:
        seen = db.write_now(lambda _, now: now)
        again = db.read_now(lambda c, _: database_clock(c))
    finally:
        db.close()
    assert seen.tzinfo is UTC
    assert timedelta(0) <= again - seen < timedelta(minutes=1)
    assert seen.microsecond % 1000 == 0


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_full_disk_is_told_to_whom_it_hits_and_is_over_when_there_is_room(db: Database) -> None:
    def fills(conn: Connection, now: datetime) -> None:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        jobs.later(conn, now=now, kind="trace", payload={"much": "x" * 500_000}, dedup_key="much")

    def makes_room(conn: Connection, _now: datetime) -> None:
        conn.exec_driver_sql("PRAGMA max_page_count = 1000000")

    told = outcomes(db, lambda c, n: leave(c, n, "before"), fills, lambda c, n: leave(c, n, "behind"))
    assert [told[0], told[2]] == ["before", "behind"]
    assert isinstance(told[1], DatabaseFull)
    assert left(db) == {"before", "behind"}
    db.write_now(makes_room)
    db.write_now(lambda c, n: leave(c, n, "after"))
    assert "after" in left(db)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_when_the_whole_transaction_is_lost_its_whole_group_is_told(db: Database) -> None:
    """As SQLite itself does it after some faults of the disk."""

    def loses(conn: Connection, _now: datetime) -> None:
        conn.exec_driver_sql("ROLLBACK")
        conn.exec_driver_sql("SELECT nothing FROM nowhere")

    told = outcomes(db, lambda c, n: leave(c, n, "before"), loses, lambda c, n: leave(c, n, "behind"))
    assert all(isinstance(error, OperationalError) for error in told)
    assert left(db) == set()
    assert db.write_now(lambda c, n: leave(c, n, "after")) == "after"
