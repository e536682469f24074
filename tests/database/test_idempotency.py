"""One key, one effect: also for twins at once, for refusals, and after a failure."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app import jobs
from app.database.idempotency import (
    KEPT,
    IdempotencyInProgress,
    IdempotencyKey,
    IdempotencyKeyReused,
    once,
    row_answer,
)
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Invalid, Refusal
from app.jobs import Job
from tests.conftest import Clock


class SoldOut(Refusal):
    """Only {left} are left."""


def asked(conn: Connection, now: datetime, *, key: str = "k", scope: str = "shop:ask", **changes: Any) -> Job:
    """A piece of work that asks for a job, once."""

    def work() -> Job:
        if before := changes.get("before"):
            before()
        if changes.get("fails"):
            raise changes["fails"]
        name = f"{scope}:{key}"
        jobs.later(conn, now=now, kind="trace", payload={"name": name}, run_at=now + timedelta(seconds=3))
        return rows(conn, Job, sa.select(table_of(Job)).order_by(table_of(Job).c.id.desc()).limit(1))[0]

    request = {"size": changes.get("size", 1)}
    return once(conn, now=now, scope=scope, key=key, request=request, answer=row_answer(Job), work=work)


def effects(db: Database) -> int:
    return len(db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job)))))


def test_sixty_four_twins_have_one_effect_and_one_answer(db: Database) -> None:
    start = threading.Barrier(64)

    def twin(_: int) -> Job:
        start.wait(20)
        return db.write_now(asked)

    with ThreadPoolExecutor(64) as twins:
        answers = list(twins.map(twin, range(64)))
    assert effects(db) == 1
    assert len({answer.model_dump_json() for answer in answers}) == 1


def test_an_answer_is_the_row_as_it_stood_with_its_types(db: Database, clock: Clock) -> None:
    first = db.write_now(asked)
    db.write_now(lambda c, _: c.execute(sa.update(table_of(Job)).values(attempts=9)) and None)
    clock.forward(timedelta(hours=1))
    again = db.write_now(asked)
    assert again == first
    assert again.run_at == first.run_at
    assert again.attempts == 0


def test_the_same_key_with_other_input_is_refused(db: Database) -> None:
    db.write_now(asked)
    with pytest.raises(IdempotencyKeyReused) as refused:
        db.write_now(lambda c, n: asked(c, n, size=2))
    assert refused.value.field == ("input", "idempotencyKey")
    assert effects(db) == 1


def test_callers_and_operations_have_keys_of_their_own(db: Database) -> None:
    for scope in ("shop:ask", "shop:other", "another:ask"):
        db.write_now(partial(asked, scope=scope))
    assert effects(db) == 3


def test_a_refusal_is_repeated_with_its_facts_also_when_it_would_now_succeed(db: Database) -> None:
    for fails in (SoldOut(field=("input", "size"), left=2), None):
        with pytest.raises(SoldOut, match="Only 2 are left") as refused:
            db.write_now(partial(asked, fails=fails))
        assert refused.value.field == ("input", "size")
    assert effects(db) == 0


def test_a_failure_leaves_no_key_so_that_a_retry_runs_again(db: Database) -> None:
    with pytest.raises(OSError, match="the line is dead"):
        db.write_now(lambda c, n: asked(c, n, fails=OSError("the line is dead")))
    db.write_now(asked)
    assert effects(db) == 1


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_a_twin_that_is_still_running_is_a_refusal_to_repeat(impatient_db: Database) -> None:
    db = impatient_db
    begun, go = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go.wait(10)

    with ThreadPoolExecutor(1) as other:
        first = other.submit(db.write_now, partial(asked, before=wait))
        begun.wait(10)
        with pytest.raises(IdempotencyInProgress, match="in a moment"):
            db.write_now(asked)
        go.set()
        done = first.result()
    assert db.write_now(asked) == done
    assert effects(db) == 1


@pytest.mark.parametrize(("length", "good"), [(0, False), (1, True), (255, True), (256, False)])
def test_a_key_has_1_to_255_characters(db: Database, length: int, good: bool) -> None:
    if good:
        db.write_now(lambda c, n: asked(c, n, key="ã" * length))
    else:
        with pytest.raises(Invalid, match="1 to 255 characters"):
            db.write_now(lambda c, n: asked(c, n, key="ã" * length))
    assert effects(db) == int(good)


def test_a_key_is_free_again_after_thirty_days(db: Database, clock: Clock) -> None:
    db.write_now(asked)
    clock.forward(KEPT - timedelta(seconds=1))
    db.write_now(asked)
    assert effects(db) == 1
    clock.forward(timedelta(seconds=1))
    db.write_now(lambda c, n: asked(c, n, size=2))
    assert effects(db) == 2
    (kept,) = db.read_now(lambda c, _: rows(c, IdempotencyKey, sa.select(table_of(IdempotencyKey))))
    assert kept.expires_at == clock.now + KEPT
