"""Holds of one hot window and of 84 windows, beside the same SQL one hold at a time without the application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Protocol

from app.database.engine import engine_for
from benchmarks.claims import Till
from benchmarks.page import Section, Table, spread
from benchmarks.pgbench import Told, percentiles, pgbench_of, script_of
from benchmarks.pgbench import run as told_by_pgbench
from benchmarks.replay import Recorder, Transaction
from benchmarks.shop import Shop, make_room, shops, twin

NAME = "hot"
TITLE = "Holds of one hot window and of 84"
CALLERS = 64
WINDOWS = 84
DAYS = 8
ROUNDS = 5
SECONDS = 3


@dataclass(frozen=True, slots=True)
class Round:
    """One turn: ours, every statement of a plain hold without the application, and only those that write."""

    ours: Told
    alone: Told
    writes: Told


@dataclass(frozen=True, slots=True)
class Found:
    """All turns on one engine with holds of so many windows."""

    engine: str
    windows: int
    rounds: list[Round]


class Counter(Till):
    """A till whose callers hold for a stretch of time, and remember how long each hold took."""

    def __init__(self, shop: Shop, callers: int, windows: int) -> None:
        super().__init__(shop, callers)
        self._slots = self._slots[:windows]
        self.windows = len(self._slots)

    def holds_for(self, seconds: float) -> Told:
        """Hold as fast as the callers can for so long."""
        took: list[float] = []
        until = time.perf_counter() + seconds

        async def caller() -> None:
            while (began := time.perf_counter()) < until:
                await self._hold((self._next(), self._chance.choice(self._slots)))
                took.append((time.perf_counter() - began) * 1_000)

        async def all_callers() -> None:
            await asyncio.gather(*(caller() for _ in range(self.callers)))

        began = time.perf_counter()
        asyncio.run(all_callers())
        return Told(len(took) / (time.perf_counter() - began), *percentiles(took))

    def one_by_one(self, count: int) -> list[tuple[str, Transaction]]:
        """What the database is told when the windows are held in turn, alone, with each customer's reference."""
        recorder = Recorder(self.db.engine)
        found = []
        for number in range(count):
            self.db.write_now(partial(self.held_alone, self._slots[number % len(self._slots)]))
            found += [(self.latest, said) for said in recorder.taken()]
        recorder.forget()
        return found


class Yardstick(Protocol):
    """The statements of a plain hold without the application, one hold at a time."""

    def alone(self, *, reads: bool) -> Told:
        """Tell them for a while: all of them, or only those that write."""


class Pgbench:
    """PostgreSQL's: as many clients as we have callers."""

    def __init__(self, till: Counter, other: Shop, binaries: Path, seconds: int) -> None:
        self._program = pgbench_of(binaries)
        self._clients, self._seconds, self._url = till.callers, seconds, other.url
        said = till.one_by_one(till.windows)
        self._scripts = {
            reads: [script_of(other.url, one, own=[who], reads=reads) for who, one in said]
            for reads in (True, False)
        }

    def alone(self, *, reads: bool) -> Told:
        """By pgbench, with prepared statements."""
        scripts = self._scripts[reads]
        return told_by_pgbench(
            self._program, self._url, scripts, clients=self._clients, seconds=self._seconds
        )


class OneWriter:
    """SQLite's: it has one writer, so one bare connection tells them one hold after the other."""

    def __init__(self, till: Counter, other: Shop, count: int) -> None:
        self._till, self._count = till, count
        self._engine = engine_for(other.url)

    def alone(self, *, reads: bool) -> Told:
        """So many holds, made anew each time because their keys can be used once."""
        said = [one.said for _, one in self._till.one_by_one(self._count)]
        lent = self._engine.raw_connection()
        took = []
        try:
            cursor = lent.driver_connection.cursor()  # type: ignore[union-attr]  # it is connected
            for statements in said:
                began = time.perf_counter()
                for text, told in statements:
                    if reads or text.startswith(("BEGIN", "INSERT", "UPDATE")):
                        (cursor.executemany if isinstance(told, list) else cursor.execute)(text, told)
                        if cursor.description:
                            cursor.fetchall()
                lent.commit()
                took.append((time.perf_counter() - began) * 1_000)
        finally:
            lent.close()
        return Told(len(took) / (sum(took) / 1_000), *percentiles(took))


def run() -> Section:
    """Measure one window and 84 on both engines."""
    with shops(days=DAYS) as made:
        found = [one for shop in made for one in measured(shop, (1, WINDOWS), ROUNDS, SECONDS, CALLERS)]
    return section(found)


def measured(shop: Shop, windows: Sequence[int], rounds: int, seconds: int, callers: int) -> list[Found]:
    """Holds of so many windows at a time, on the shop and on its twin."""
    make_room(shop)
    other = twin(shop, NAME)
    return [_measured(shop, other, count, rounds, seconds, callers) for count in windows]


def _measured(shop: Shop, other: Shop, windows: int, rounds: int, seconds: int, callers: int) -> Found:
    """Interleaved turns: our holds, and a plain hold's statements without the application."""
    till = Counter(shop, callers, windows)
    turns = []
    try:
        yardstick: Yardstick
        if shop.engine == "SQLite":
            yardstick = OneWriter(till, other, count=max(8, seconds * 50))
        else:
            yardstick = Pgbench(till, other, shop.binaries, seconds)
        for number in range(rounds + 1):
            turn = Round(till.holds_for(seconds), yardstick.alone(reads=True), yardstick.alone(reads=False))
            # The first turn fills caches and prepared statements on both sides and is not counted.
            if number:
                turns.append(turn)
                print(f"{NAME} {shop.engine} {windows}: {turn}", flush=True)
    finally:
        till.db.close()
    return Found(shop.engine, till.windows, turns)


def section(found: list[Found]) -> Section:
    """The table."""
    rows = [
        (
            one.engine,
            str(one.windows),
            spread([turn.ours.per_s for turn in one.rounds], ".0f"),
            _times(turn.ours for turn in one.rounds),
            spread([turn.alone.per_s for turn in one.rounds], ".0f"),
            _times(turn.alone for turn in one.rounds),
            spread([turn.ours.per_s / turn.alone.per_s for turn in one.rounds]),
            spread([turn.ours.per_s / turn.writes.per_s for turn in one.rounds]),
        )
        for one in found
    ]
    head = (
        "database",
        "windows",
        "holds per s",
        "p50 / p99 ms",
        "same SQL per s",
        "p50 / p99 ms",
        "ratio",
        "ratio to its writes alone",
    )
    text = f"""
{CALLERS} callers hold windows for new customers through `await db.write_together(...)`, as `holdSlot` does, all the
same window or any of {WINDOWS}, for {SECONDS} s a turn; nothing is ever full. Beside it, on a twin of the database, what
one such hold tells the database when it is made alone: every statement with its values and with new keys each time, in
a transaction. On PostgreSQL `pgbench` tells it with {CALLERS} clients and prepared statements; SQLite has one writer, so
there one bare connection tells it hold after hold, and its times are those of a caller who waits for nobody. "Its
writes alone" leaves out whatever reads: that hold checks nothing. Databases are durable (`synchronous=FULL`,
`synchronous_commit=on`). Clients, application and PostgreSQL share the machine, so what the application saves by
serving those who wait together is spent on checking them. Aim on PostgreSQL: 1 on the hot window, 0.5 on {WINDOWS}.
{len(found[0].rounds)} turns.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)


def _times(told: Iterable[Told]) -> str:
    each = list(told)
    return f"{median(one.p50_ms for one in each):.1f} / {median(one.p99_ms for one in each):.1f}"
