"""One key, one effect: the key is claimed in the transaction that does the work.

Kept answers are successes and refusals of the domain; anything that rolled back leaves no key, so a
retry runs again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlmodel import Field, SQLModel

from app.database.engine import LOCK_NOT_AVAILABLE
from app.database.rows import row_from_json, row_to_json, table_of
from app.errors import Busy, Invalid, Refusal, Settled, restored

KEPT = timedelta(days=30)


class IdempotencyKeyReused(Refusal):
    """This idempotency key was already used with another input; take a new key for a new request."""


class IdempotencyInProgress(Busy):
    """The first request with this idempotency key is still running; repeat this one in a moment."""


class IdempotencyKey(SQLModel, table=True):
    """A key that was used, with the answer it was given."""

    __tablename__ = "idempotency_key"

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=255)
    request_hash: str
    answer: str | None = Field(default=None, sa_type=sa.Text)
    created_at: datetime
    expires_at: datetime = Field(index=True)


@dataclass(frozen=True)
class Answer[T]:
    """How an answer is kept as text and read back."""

    dump: Callable[[T], str]
    load: Callable[[str], T]


def row_answer[M: SQLModel](model: type[M]) -> Answer[M]:
    """Keep the row as it stood when it was answered."""
    return Answer(row_to_json, lambda text: row_from_json(model, text))


def once[T](
    conn: Connection,
    *,
    now: datetime,
    scope: str,
    key: str,
    request: Mapping[str, Any],
    answer: Answer[T],
    work: Callable[[], T],
) -> T:
    """Do `work` for the first caller with this key and give every later one the same answer.

    `scope` names caller and operation; `request` is whatever makes two requests the same. Raises
    IdempotencyKeyReused for another request under the key, IdempotencyInProgress while the first is
    running, Invalid for a key that is empty or longer than 255 characters, and what `work` raises.
    """
    if not 1 <= len(key) <= 255:
        raise Invalid(field=("input", "idempotencyKey"), what="An idempotency key has 1 to 255 characters.")
    digest = digest_of(request)
    if not _claimed(conn, now, scope, key, digest):
        return _replayed(conn, scope, key, digest, answer)
    try:
        with conn.begin_nested():
            result = work()
    except Refusal as refusal:
        kept = {"code": refusal.code, "field": refusal.field, "facts": refusal.facts}
        _keep(conn, scope, key, {"refusal": kept})
        raise Settled(refusal) from refusal
    _keep(conn, scope, key, {"answer": answer.dump(result)})
    return result


def digest_of(request: Mapping[str, Any]) -> str:
    """What makes two requests the same, in short."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def claim_many(
    conn: Connection, *, now: datetime, keys: Mapping[tuple[str, str], str]
) -> set[tuple[str, str]]:
    """Claim many keys, given with their digests, in one statement; those that nobody has used are returned.

    Each must be kept with `keep_many` or given up with `give_up` in the same transaction.
    """
    fresh = [
        {"scope": scope, "key": key, "request_hash": digest, "created_at": now, "expires_at": now + KEPT}
        for (scope, key), digest in sorted(keys.items())
    ]
    return {(row.scope, row.key) for row in conn.execute(_claiming(conn.dialect.name), fresh)}


def keep_many[T](conn: Connection, *, answers: Mapping[tuple[str, str], T], answer: Answer[T]) -> None:
    """Store the answers of claimed keys."""
    kept = [
        {"its_scope": scope, "its_key": key, "answer": json.dumps({"answer": answer.dump(result)})}
        for (scope, key), result in answers.items()
    ]
    if kept:
        conn.execute(_keeping(), kept)


def give_up(conn: Connection, *, keys: Iterable[tuple[str, str]]) -> None:
    """Free keys that were claimed and not used."""
    table = table_of(IdempotencyKey)
    freed = [{"its_scope": scope, "its_key": key} for scope, key in keys]
    if freed:
        mine = sa.and_(table.c.scope == sa.bindparam("its_scope"), table.c.key == sa.bindparam("its_key"))
        conn.execute(table.delete().where(mine), freed)


def _claimed(conn: Connection, now: datetime, scope: str, key: str, digest: str) -> bool:
    fresh = {"scope": scope, "key": key, "request_hash": digest, "created_at": now, "expires_at": now + KEPT}
    try:
        # On PostgreSQL this waits for a twin's transaction, at most the connection's lock timeout.
        return conn.execute(_claiming(conn.dialect.name), fresh).first() is not None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise IdempotencyInProgress(field=("input", "idempotencyKey")) from error
        raise


@cache
def _claiming(dialect: str) -> sa.Executable:
    """A new key, or one whose time is over as if it were new; nothing comes back for one that is in use."""
    table = table_of(IdempotencyKey)
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    new = statement.excluded
    again = {"request_hash": new.request_hash, "created_at": new.created_at, "expires_at": new.expires_at}
    return statement.on_conflict_do_update(
        index_elements=["scope", "key"],
        set_={**again, "answer": sa.null()},
        where=table.c.expires_at <= new.created_at,
    ).returning(table.c.scope, table.c.key)


def _keep(conn: Connection, scope: str, key: str, answer: Mapping[str, Any]) -> None:
    conn.execute(_keeping(), {"its_scope": scope, "its_key": key, "answer": json.dumps(answer)})


@cache
def _keeping() -> sa.Update:
    table = table_of(IdempotencyKey)
    return table.update().where(
        table.c.scope == sa.bindparam("its_scope"), table.c.key == sa.bindparam("its_key")
    )


def _replayed[T](conn: Connection, scope: str, key: str, digest: str, answer: Answer[T]) -> T:
    table = table_of(IdempotencyKey)
    stored = conn.execute(sa.select(table).where(table.c.scope == scope, table.c.key == key)).one()
    if stored.request_hash != digest:
        raise IdempotencyKeyReused(field=("input", "idempotencyKey"))
    kept = json.loads(stored.answer)
    if "refusal" in kept:
        raise restored(kept["refusal"]["code"], tuple(kept["refusal"]["field"]), kept["refusal"]["facts"])
    return answer.load(kept["answer"])
