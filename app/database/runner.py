"""Transactions: `await db.write(fn)` runs `fn(conn, now)` and answers only after COMMIT.

All of them raise what `fn` raises, Busy, and the Outage that a failing database is.

On SQLite one writer thread commits callers in groups, a savepoint each; on PostgreSQL each call has a
thread and a transaction of its own. `fn` is a plain function: it may be run again after a deadlock, so
its only effects are in the database.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from app.database.clock import Clock, database_clock
from app.database.engine import engine_for
from app.database.outage import AGAIN, passing, sqlstate
from app.errors import Outage, Refusal, Settled

type Work[T] = Callable[[Connection, datetime], T]

GROUP = 64
# Batches of one kind of work that run at once: while they do, the next ones gather.
BATCHES = 2
THREADS = 16
DEADLOCK_TRIES = 4


class Database:
    """One database and the threads that talk to it."""

    def __init__(self, url: str, *, clock: Clock = database_clock, threads: int = THREADS) -> None:
        self.url = url
        self.clock = clock
        self.engine: Engine = engine_for(url, pool_size=threads + 2)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="lastlap-db")
        self._writer = _GroupWriter(self) if self.engine.dialect.name == "sqlite" else None
        self._queues: WeakKeyDictionary[Any, dict[Any, _Gathered[Any, Any]]] = WeakKeyDictionary()

    async def read[T](self, work: Work[T]) -> T:
        """Run `work` in a read-only transaction on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, work)

    async def write[T](self, work: Work[T]) -> T:
        """Run `work` in a transaction on a thread; returns after COMMIT, raises what `work` raised."""
        if self._writer:
            return await asyncio.wrap_future(self._writer.submit(work))
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._alone, work)

    async def write_together[I, T](self, together: Together[I, T], item: I) -> T:
        """Do one of many alike pieces of work; those that wait are done in one transaction.

        While batches run, later callers gather; whatever a batch leaves, or all of it when the batch
        fails, is done alone.
        """
        queues = self._queues.setdefault(asyncio.get_running_loop(), {})
        gathered: _Gathered[I, T] = queues.setdefault(together, _Gathered(self, together))
        if (result := await gathered.submit(item)) is not None:
            return result
        return await self.write(lambda conn, now: together.alone(conn, now, item))

    async def on_thread[A, T](self, work: Callable[[A], T], told: A) -> T:
        """Run a function on one of the threads that talk to the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, told)

    def read_now[T](self, work: Work[T]) -> T:
        """`read` for callers that are a thread already."""
        try:
            with self.engine.connect() as raw:
                reading = raw.execution_options(lastlap_reads=True)
                if self.engine.dialect.name == "postgresql":
                    reading = reading.execution_options(postgresql_readonly=True)
                with reading.begin():
                    return work(reading, self.clock(reading))
        except DBAPIError as error:
            if told := passing(error):
                raise told from error
            raise

    def write_now[T](self, work: Work[T]) -> T:
        """`write` for callers that are a thread already."""
        return self._writer.submit(work).result() if self._writer else self._alone(work)

    def _alone[T](self, work: Work[T]) -> T:
        for attempt in range(1, DEADLOCK_TRIES + 1):
            try:
                with self.engine.begin() as conn:
                    result, refusal = settled(work, conn, self.clock(conn))
                if refusal:
                    raise refusal
                return result
            except DBAPIError as error:
                if sqlstate(error) not in AGAIN or attempt == DEADLOCK_TRIES:
                    if told := passing(error):
                        raise told from error
                    raise
            time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the threads and close every connection."""
        if self._writer:
            self._writer.close()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.engine.dispose()


@dataclass(frozen=True)
class Together[I, T]:
    """A piece of work that may be done for many callers at once.

    `many` answers None for an item that it leaves to `alone`; what it answers otherwise is done.
    """

    many: Callable[[Connection, datetime, Sequence[I]], list[T | None]]
    alone: Callable[[Connection, datetime, I], T]


class _Gathered[I, T]:
    """Callers of one event loop who wait for the next batch of their work."""

    def __init__(self, database: Database, together: Together[I, T]) -> None:
        self._database, self._together = database, together
        self._waiting: deque[tuple[I, asyncio.Future[T | None]]] = deque()
        self._batches: set[asyncio.Task[None]] = set()

    async def submit(self, item: I) -> T | None:
        """The item's result after COMMIT, or None when its batch leaves it to be done alone."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T | None] = loop.create_future()
        self._waiting.append((item, done))
        if len(self._batches) < BATCHES:
            batch = loop.create_task(self._drain())
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)
        return await done

    async def _drain(self) -> None:
        """Batch after batch until nobody waits."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
            # One caller gains nothing from a batch, and would pay for it twice where it is refused.
            work = self._one if len(batch) == 1 else self._many
            try:
                results = await self._database.on_thread(work, [item for item, _ in batch])
            except BaseException as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)

    def _one(self, items: Sequence[I]) -> Sequence[T | None]:
        (item,) = items
        return [self._database.write_now(lambda conn, now: self._together.alone(conn, now, item))]

    def _many(self, items: Sequence[I]) -> Sequence[T | None]:
        """The items in one transaction; all of them are left when it fails, whatever the reason."""
        try:
            return self._database.write_now(lambda conn, now: self._together.many(conn, now, items))
        except (DBAPIError, Refusal, Outage):
            return [None for _ in items]


@dataclass(slots=True)
class _Call:
    work: Work[Any]
    done: Future[Any]
    result: Any = None
    error: BaseException | None = None


class _GroupWriter:
    """SQLite's one writer thread: drains waiting calls into one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit[T](self, work: Work[T]) -> Future[T]:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lastlap-writer", daemon=True)
                self._thread.start()
        call = _Call(work, Future())
        self._waiting.put(call)
        return call.done

    def close(self) -> None:
        if self._thread and self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            last = False
            while len(group) < GROUP and not last:
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
                last = following is None
                if following is not None:
                    group.append(following)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[_Call]) -> None:
        # A caller who went away before its turn is left out; from here on none can.
        group = [call for call in group if call.done.set_running_or_notify_cancel()]
        try:
            with self._database.engine.begin() as conn:
                for call in group:
                    self._one(conn, call)
        except BaseException as error:
            # The commit failed: nobody in the group may be told of a success.
            told = _told(error)
            for call in group:
                call.error = told
        for call in group:
            if call.error is None:
                call.done.set_result(call.result)
            else:
                call.done.set_exception(call.error)

    def _one(self, conn: Connection, call: _Call) -> None:
        try:
            with conn.begin_nested():
                now = self._database.clock(conn)
                call.result, call.error = settled(call.work, conn, now)
        except BaseException as error:
            if not conn.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3's own
                raise  # a failing disk, say: SQLite gave up the whole transaction, and the group fails as one
            call.error = _told(error)


def _told(error: BaseException) -> BaseException:
    """What the caller is told: a fault of the database that passes has a name of its own."""
    told = passing(error) if isinstance(error, DBAPIError) else None
    if told is None:
        return error
    told.__cause__ = error
    return told


def settled[T](work: Work[T], conn: Connection, now: datetime) -> tuple[T, Refusal | None]:
    """Run `work`; a refusal that it has settled comes back beside the result, so that COMMIT follows."""
    try:
        return work(conn, now), None
    except Settled as settlement:
        return cast(T, None), settlement.refusal
