"""The databases of tests: what one test leaves behind, the next one does not meet."""

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, event

from app.database.rows import table_of
from app.events import Event
from tests.conftest import Clock
from tests.databases import SMALL_PAGES, Kept

HAPPEN = (
    "INSERT INTO event (xid, topic, kind, payload, at)"
    " SELECT 0, 'topic', 'kind', '{}', now() FROM generate_series(1, %s)"
)


def pages(conn: Connection, _now: object) -> int:
    return int(conn.exec_driver_sql("SELECT pg_relation_size('event') / 8192").scalar_one())


@pytest.mark.parametrize("count", [10, 10_000])
def test_tables_are_empty_and_numbers_begin_anew(kept: Kept, clock: Clock, count: int) -> None:
    number = table_of(Event).c.id
    for _ in range(2):
        kept.emptied()
        with kept.database(clock) as db:
            assert db.read_now(pages) <= SMALL_PAGES
            db.write_now(lambda c, _: c.exec_driver_sql(HAPPEN, (count,)) and None)
            numbers = db.read_now(lambda c, _: c.execute(sa.select(number).order_by(number)).scalars().all())
            assert numbers == list(range(1, count + 1))
            assert (db.read_now(pages) > SMALL_PAGES) == (count > 10)


def test_who_listens_to_one_database_hears_nothing_of_the_next(kept: Kept, clock: Clock) -> None:
    heard: list[str] = []
    with kept.database(clock) as db:
        event.listen(db.engine, "before_cursor_execute", lambda *told: heard.append(told[2]))
        db.read_now(pages)
    assert len(heard) == 1
    with kept.database(clock) as db:
        db.read_now(pages)
    assert len(heard) == 1
