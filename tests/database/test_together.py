"""Alike work of many callers: shared where it can be, alone where it must, each with its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.database.runner import Database, Together
from app.errors import Refusal
from app.events import Event, record
from tests.loops import in_a_loop


class Odd(Refusal):
    """Odd numbers above a hundred are refused."""


def note(conn: Connection, now: datetime, number: int, how: str) -> str:
    record(conn, now=now, topic=str(number), kind=how, payload={})
    return f"{number} {how}"


def alone(conn: Connection, now: datetime, number: int) -> str:
    if number > 100 and number % 2:
        raise Odd
    return note(conn, now, number, "alone")


def even_together(conn: Connection, now: datetime, numbers: Sequence[int]) -> list[str | None]:
    return [None if number % 2 else note(conn, now, number, "together") for number in numbers]


def broken(conn: Connection, _now: datetime, _numbers: Sequence[int]) -> list[str | None]:
    conn.execute(sa.text("SELECT * FROM no_such_table"))
    return []


def outcomes(db: Database, together: Together[int, str], numbers: Sequence[int]) -> list[object]:
    async def all_of_them() -> list[object]:
        waiting = (db.write_together(together, number) for number in numbers)
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    return in_a_loop(all_of_them)


def noted(db: Database) -> int:
    query = sa.select(sa.func.count()).select_from(table_of(Event))
    return db.read_now(lambda c, _: int(c.execute(query).scalar_one()))


def test_everybody_gets_an_own_answer_once(db: Database) -> None:
    numbers = list(range(60))
    found = outcomes(db, Together(even_together, alone), numbers)
    assert [str(answer).split()[0] for answer in found] == list(map(str, numbers))
    assert noted(db) == 60
    assert sum("together" in str(answer) for answer in found) >= 25
    assert not any("together" in str(answer) for answer in found[1::2])


def test_a_refusal_reaches_its_own_caller_only(db: Database) -> None:
    found = outcomes(db, Together(even_together, alone), [200, 201, 202, 203])
    assert [type(answer) for answer in found] == [str, Odd, str, Odd]
    assert noted(db) == 2


def test_a_batch_that_fails_is_done_one_by_one(db: Database) -> None:
    found = outcomes(db, Together(broken, alone), list(range(20)))
    assert found == [f"{number} alone" for number in range(20)]
    assert noted(db) == 20


def test_a_database_serves_one_loop_after_another(db: Database) -> None:
    together = Together(even_together, alone)
    for start in (0, 10):
        assert len(outcomes(db, together, list(range(start, start + 10)))) == 10
    assert noted(db) == 20


def test_one_caller_is_not_kept_waiting_for_others(db: Database) -> None:
    assert outcomes(db, Together(even_together, alone), [4]) == ["4 alone"]
