"""Events: none is lost to a reader with a cursor, whoever is slow to commit."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.events import Cursor, Event


def note(conn: Connection, now: datetime, topic: str = "t", **payload: object) -> None:
    events.record(conn, now=now, topic=topic, kind="noted", payload=payload)


def read(db: Database, cursor: Cursor, topic: str | None = None) -> list[Event]:
    return db.read_now(lambda c, _: events.since(c, cursor=cursor, topic=topic))


def after(found: list[Event], cursor: Cursor) -> Cursor:
    return Cursor(found[-1].xid, found[-1].id or 0) if found else cursor


def test_a_reader_sees_each_event_once_in_order(db: Database) -> None:
    for number in range(3):
        db.write_now(partial(note, number=number))
    found = read(db, Cursor())
    assert [event.payload["number"] for event in found] == [0, 1, 2]
    assert read(db, after(found, Cursor())) == []
    db.write_now(lambda c, n: note(c, n, "other", number=9))
    assert [e.topic for e in read(db, after(found, Cursor()))] == ["other"]
    assert [e.payload["number"] for e in read(db, Cursor(), topic="t")] == [0, 1, 2]


def test_what_is_rolled_back_never_happened(db: Database) -> None:
    def breaks(conn: Connection, now: datetime) -> None:
        note(conn, now)
        raise LookupError

    with suppress(LookupError):
        db.write_now(breaks)
    assert read(db, Cursor()) == []


def test_an_event_of_a_slow_transaction_is_not_skipped(db: Database) -> None:
    """A later id that commits first must not move the cursor past an earlier one."""
    noted, go = threading.Event(), threading.Event()

    def slow(conn: Connection, now: datetime) -> None:
        note(conn, now, who="slow")
        noted.set()
        go.wait(10)

    seen: list[Event] = []
    with ThreadPoolExecutor(2) as writers:
        first = writers.submit(db.write_now, slow)
        noted.wait(10)
        second = writers.submit(db.write_now, lambda c, n: note(c, n, who="quick"))
        if db.engine.dialect.name == "postgresql":
            second.result()  # SQLite's only writer lets nobody pass
        seen += read(db, Cursor())
        assert seen == []
        go.set()
        first.result()
        second.result()
    seen += read(db, after(seen, Cursor()))
    assert [event.payload["who"] for event in seen] == ["slow", "quick"]


def slowly(conn: Connection, now: datetime, *, who: int, turn: int) -> None:
    """Note, and in every third turn take a while before the commit."""
    note(conn, now, who=who, turn=turn)
    if (who + turn) % 3 == 0:
        time.sleep(0.004)


def test_no_event_is_lost_or_doubled_while_many_write(db: Database) -> None:
    """The control reads by id alone, as one would at first, and is able to see the fault."""
    writers, each = 12, 25
    over = threading.Event()

    def writer(who: int) -> None:
        for turn in range(each):
            db.write_now(partial(slowly, who=who, turn=turn))

    def collected(look: Callable[[list[Event]], list[Event]]) -> list[Event]:
        seen: list[Event] = []
        last = False
        while not last:
            last = over.is_set()
            seen += look(seen)
            time.sleep(0.002)
        return seen

    def by_id_alone(seen: list[Event]) -> list[Event]:
        table = table_of(Event)
        newest = seen[-1].id if seen else 0
        query = sa.select(table).where(table.c.id > newest).order_by(table.c.id)
        return db.read_now(lambda c, _: rows(c, Event, query))

    with ThreadPoolExecutor(writers + 2) as threads:
        careful = threads.submit(collected, lambda seen: read(db, after(seen, Cursor())))
        naive = threads.submit(collected, by_id_alone)
        list(threads.map(writer, range(writers)))
        over.set()
        found, missed = careful.result(), writers * each - len(naive.result())

    told = [(event.payload["who"], event.payload["turn"]) for event in found]
    assert len(told) == len(set(told)) == writers * each
    # SQLite's one writer commits in the order of the ids, so there even the control misses nothing.
    assert (missed > 0) == (db.engine.dialect.name == "postgresql")
