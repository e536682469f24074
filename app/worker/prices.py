"""Keep slot prices fresh: a process that stays alive beside the worker and solves on from where it was."""

from __future__ import annotations

import asyncio
import atexit
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from app.alerts.clear_alerts import clear_alerts
from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.allocation.price_changes import Due, read_changes, refresh_due
from app.allocation.problem import (
    DayChange,
    DayWorths,
    Plan,
    Problem,
    changes_to_json,
    plan_to_json,
    problem_to_json,
    worths_from_json,
)
from app.allocation.queries import question_and_answer
from app.allocation.refresh_prices import refresh_prices
from app.allocation.tables import PriceRefresh
from app.database.runner import Database
from app.jobs import Job
from app.world.world import World

COMMAND = (sys.executable, "-m", "app.allocation.solve.prices_process")


class PricesFailed(Exception):
    """The pricing process gave no prices; the message says why in a sentence."""


class PriceDesk:
    """The pricing process of one published plan, begun when it is first asked and again when it has died.

    It ends with this process: then its input does.
    """

    def __init__(self, command: Sequence[str] = COMMAND, wall_s: float = 120) -> None:
        self._command, self._wall_s = command, wall_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._known: tuple[str, Problem] | None = None

    def problem(self, db: Database, run_id: str) -> Problem:
        """The problem of the run, with the process of its plan; raises PricesFailed."""
        with self._lock:
            if self._known and self._known[0] == run_id and self._child and self._child.poll() is None:
                return self._known[1]
            self._end()
            found = db.read_now(lambda conn, _: question_and_answer(conn, run_id))
            if found is None:
                raise PricesFailed("The published plan was not kept; the next one will be.")
            self._begin(*found)
            self._known = (run_id, found[0])
            return found[0]

    def ask(self, changes: tuple[DayChange, ...]) -> tuple[DayWorths, ...]:
        """Fresh worths; raises PricesFailed when there are none in time, and the process is ended."""
        with self._lock:
            child = self._child
            if child is None or child.stdin is None or child.stdout is None:
                raise PricesFailed("The pricing process is not there.")
            timer = threading.Timer(self._wall_s, child.kill)
            timer.start()
            try:
                child.stdin.write(changes_to_json(changes) + b"\n")
                child.stdin.flush()
                return worths_from_json(child.stdout.readline())
            except (OSError, ValueError) as why:
                self._end()
                message = f"The pricing process gave no prices and ended with code {child.returncode}."
                raise PricesFailed(message) from why
            finally:
                timer.cancel()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _begin(self, problem: Problem, plan: Plan) -> None:
        try:
            self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as why:
            raise PricesFailed(f"The pricing process could not be begun: {why}.") from why
        with suppress(OSError):  # one that has ended already is met when it is asked
            if self._child.stdin:
                self._child.stdin.write(problem_to_json(problem) + b"\n" + plan_to_json(plan) + b"\n")
                self._child.stdin.flush()

    def _end(self) -> None:
        child, self._child, self._known = self._child, None, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


# The one of this worker.
DESK = PriceDesk()
atexit.register(DESK.close)


async def follow_bookings(world: World, _job: Job) -> None:
    """Price the minutes of the plan anew after a batch of bookings, or a minute after the first of them."""
    await asyncio.to_thread(partial(refreshed, world.db, DESK))


def refreshed(db: Database, desk: PriceDesk) -> PriceRefresh | None:
    """The refresh that was due, None where none was; raises PricesFailed, and the last prices stay."""
    due = db.read_now(lambda conn, now: refresh_due(conn, now=now))
    if due is None:
        return None
    try:
        problem = desk.problem(db, due.run_id)
        days = [date.fromisoformat(day) for day in due.changes.by_day]
        changes = db.read_now(lambda conn, _: read_changes(conn, problem=problem, days=days))
        worths = desk.ask(changes)
    except PricesFailed as why:
        message = f"{why} The last prices stay."
        db.write_now(partial(_tell, message=message))
        raise
    return db.write_now(partial(_publish, due=due, problem=problem, worths=worths))


def _publish(
    conn: Connection, now: datetime, *, due: Due, problem: Problem, worths: tuple[DayWorths, ...]
) -> PriceRefresh | None:
    clear_alerts(conn, now=now, kinds=[AlertKind.PRICES_STALE])
    return refresh_prices(conn, now=now, due=due, problem=problem, worths=worths)


def _tell(conn: Connection, now: datetime, *, message: str) -> None:
    raise_alert(conn, now=now, kind=AlertKind.PRICES_STALE, cause="prices", message=message)
