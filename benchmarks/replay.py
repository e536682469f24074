"""What a database was told, transaction by transaction, and the same told again without the application."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event


@dataclass(frozen=True, slots=True)
class Transaction:
    """What was told in one transaction, as the driver was given it: texts with their parameters.

    `after` is how many others had been committed when it began: those it may build on.
    """

    after: int
    said: list[tuple[str, Any]] = field(default_factory=list)


class Recorder:
    """Keeps every statement of an engine's committed transactions, in the order of their commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[int, Transaction] = {}
        self._committed: list[Transaction] = []
        self._heard = (
            ("before_cursor_execute", self._said),
            ("commit", self._commit),
            ("rollback", self._rollback),
        )
        for what, heard in self._heard:
            event.listen(engine, what, heard)

    def taken(self) -> list[Transaction]:
        """What was committed since one last asked; nobody may be in the middle of anything."""
        found, self._committed = self._committed, []
        return found

    def forget(self) -> None:
        """Listen no longer."""
        for what, heard in self._heard:
            event.remove(self._engine, what, heard)

    def _said(
        self, _conn: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        thread = threading.get_ident()
        if thread not in self._open:
            self._open[thread] = Transaction(len(self._committed))
        self._open[thread].said.append((statement, parameters))

    def _commit(self, _conn: Connection) -> None:
        self._committed.append(self._open.pop(threading.get_ident(), Transaction(0)))

    def _rollback(self, _conn: Connection) -> None:
        self._open.pop(threading.get_ident(), None)


class Replayer:
    """Bare driver connections with the product's own settings, one thread each."""

    def __init__(self, engine: Engine, connections: int) -> None:
        self._lent = [engine.raw_connection() for _ in range(connections)]
        self._threads = ThreadPoolExecutor(connections)

    def replay(self, transactions: Sequence[Transaction]) -> None:
        """Run the transactions as much side by side as they were, and fetch whatever they answer."""
        order = _Order(transactions)
        tasks = [self._threads.submit(_run, lent.driver_connection, order) for lent in self._lent]
        for task in tasks:
            task.result()

    def close(self) -> None:
        """Give the connections back."""
        self._threads.shutdown()
        for lent in self._lent:
            lent.close()


class _Order:
    """Hands out transactions in the order of their commits, each when what it may build on is done."""

    def __init__(self, transactions: Sequence[Transaction]) -> None:
        self._transactions = transactions
        self._next = 0
        self._done = [False] * len(transactions)
        self._all_done_before = 0
        self._changed = threading.Condition()

    def take(self) -> int | None:
        """The number of the next one, or None when all are taken."""
        with self._changed:
            number = self._next
            if number == len(self._transactions):
                return None
            self._next += 1
            after = self._transactions[number].after
            self._changed.wait_for(lambda: self._all_done_before >= after)
            return number

    def said(self, number: int) -> list[tuple[str, Any]]:
        """What one of them says."""
        return self._transactions[number].said

    def finish(self, number: int) -> None:
        """One is committed, or will never be."""
        with self._changed:
            self._done[number] = True
            while self._all_done_before < len(self._done) and self._done[self._all_done_before]:
                self._all_done_before += 1
            self._changed.notify_all()


def _run(connection: Any, order: _Order) -> None:
    cursor = connection.cursor()
    while (number := order.take()) is not None:
        try:
            for statement, parameters in order.said(number):
                many = isinstance(parameters, list)
                (cursor.executemany if many else cursor.execute)(statement, parameters)
                if cursor.description:
                    cursor.fetchall()
            connection.commit()
        finally:
            order.finish(number)
