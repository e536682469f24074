"""Hold and confirm through `await db.write(...)`, beside the same statements without the application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from statistics import median
from typing import Any

from sqlalchemy import Connection

from app.booking.confirm import confirm
from app.booking.hold import HoldRequest
from app.booking.hold_many import HOLDING
from app.booking.offer import offer
from app.booking.tables import SlotHold
from app.customers.rules import CustomerFacts
from app.database.engine import engine_for
from app.database.runner import THREADS, Database
from app.storefronts.queries import average_basket, storefront_by_id
from app.values.basket import Basket
from app.values.ids import new_id
from benchmarks.page import Section, Table, spread
from benchmarks.replay import Recorder, Replayer
from benchmarks.shop import Shop, make_room, shops, twin

NAME = "claims"
TITLE = "Hold and confirm per second"
CALLERS = 64
ROUNDS = 5
CLAIMS = 128


@dataclass(frozen=True, slots=True)
class Timing:
    """One round of one verb: operations per second and CPU milliseconds each, ours and the statements alone."""

    ours_per_s: float
    bare_per_s: float
    ours_cpu_ms: float
    bare_cpu_ms: float
    statements: float


@dataclass(frozen=True, slots=True)
class Found:
    """All rounds of one verb on one engine."""

    engine: str
    verb: str
    rounds: list[Timing]


class Till:
    """Claims windows of a shop as fast as its callers can, the next customers each time."""

    def __init__(self, shop: Shop, callers: int) -> None:
        self.shop, self.callers = shop, callers
        self.db = Database(shop.url)
        self._chance = Random(5)
        self._mark, self._customers = new_id()[-12:], 0
        self._slots, self.basket = self.db.read_now(lambda conn, now: _offered(conn, now, shop))

    async def holds(self, count: int, held: list[str]) -> None:
        """Hold a window for so many new customers, and add the ids of the holds to `held`."""
        wanted = [(self._next(), self._chance.choice(self._slots)) for _ in range(count)]
        held += await each(self.callers, wanted, self._hold)

    async def confirms(self, held: list[str]) -> None:
        """Book what is held."""
        await each(self.callers, held, self._confirm)

    async def _hold(self, wanted: tuple[str, str]) -> str:
        held = await self.db.write_together(HOLDING, self._asked(*wanted))
        return held.id

    def held_alone(self, slot_id: str | None, conn: Connection, now: datetime) -> SlotHold:
        """A hold of the window, or of any, for the next customer, by itself."""
        asked = self._asked(self._next(), slot_id or self._chance.choice(self._slots))
        return HOLDING.alone(conn, now, asked)

    def _next(self) -> str:
        self._customers += 1
        return self.latest

    @property
    def latest(self) -> str:
        """The reference of the customer who came last."""
        return f"{self._mark}-{self._customers}"

    def _asked(self, reference: str, slot_id: str) -> HoldRequest:
        """A hold of the window for the customer with this reference."""
        facts = CustomerFacts(reference, name="Ana Lima", email=f"ana.{reference}@example.com")
        return HoldRequest(
            self.shop.actor,
            slot_id,
            self.shop.place,
            self.basket,
            facts,
            wish=None,
            expected_fee=None,
            cart_reference="",
            key=new_id(),
        )

    async def _confirm(self, hold_id: str) -> str:
        actor = self.shop.actor
        booked = await self.db.write(
            lambda conn, now: confirm(
                conn, now=now, actor=actor, hold_id=hold_id, order_reference=f"o-{hold_id}", key=new_id()
            )
        )
        return booked.id


async def each[T, R](callers: int, items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do the work for every item, by so many callers who take the next one when they are done."""
    waiting = iter(items)
    found: list[R] = []

    async def caller() -> None:
        found.extend([await work(item) for item in waiting])

    await asyncio.gather(*(caller() for _ in range(callers)))
    return found


def _offered(conn: Connection, now: datetime, shop: Shop) -> tuple[list[str], Basket]:
    """The windows of the shop's zone that can still be ordered, and the average basket."""
    last = shop.first + timedelta(days=shop.days - 1)
    basket = average_basket(storefront_by_id(conn, shop.actor.storefront_id))
    week = offer(
        conn,
        now=now,
        actor=shop.actor,
        place=shop.place,
        basket=basket,
        first=shop.first,
        last=last,
    )
    return [one.slot.id for day in week.days for one in day.offers if one.available], basket


def run() -> Section:
    """Measure both verbs on both engines."""
    with shops() as made:
        found = [one for shop in made for one in measured(shop, ROUNDS, CLAIMS, CALLERS)]
    return section(found)


def measured(shop: Shop, rounds: int, claims: int, callers: int) -> list[Found]:
    """Interleaved rounds: our verbs on the shop, then what they told it told again to its twin."""
    make_room(shop)
    engine = engine_for(twin(shop).url)
    till = Till(shop, callers)
    recorder = Recorder(till.db.engine)
    # SQLite has one writer; PostgreSQL as many connections as the product has threads.
    replayer = Replayer(engine, 1 if shop.engine == "SQLite" else THREADS)
    found = [Found(shop.engine, "hold", []), Found(shop.engine, "confirm", [])]
    try:
        for number in range(rounds + 1):
            held: list[str] = []
            phases = (partial(till.holds, claims, held), partial(till.confirms, held))
            for one, phase in zip(found, phases, strict=True):
                timing = timed(phase, recorder, replayer, claims)
                # The first round fills caches and prepared statements on both sides and is not counted.
                if number:
                    one.rounds.append(timing)
                    print(f"{NAME} {shop.engine} {one.verb}: {timing}", flush=True)
    finally:
        replayer.close()
        till.db.close()
        engine.dispose()
    return found


def timed(
    phase: Callable[[], Coroutine[Any, Any, None]], recorder: Recorder, replayer: Replayer, count: int
) -> Timing:
    """One phase of ours, and its statements alone."""
    ours_s, ours_cpu_s = clocked(lambda: asyncio.run(phase()))
    told = recorder.taken()
    bare_s, bare_cpu_s = clocked(lambda: replayer.replay(told))
    statements = sum(len(transaction.said) for transaction in told) / count
    per_claim_ms = 1_000 / count
    return Timing(
        count / ours_s, count / bare_s, ours_cpu_s * per_claim_ms, bare_cpu_s * per_claim_ms, statements
    )


def clocked(work: Callable[[], None]) -> tuple[float, float]:
    """Wall seconds and the CPU seconds of this process that it took."""
    wall, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - spent


def section(found: list[Found]) -> Section:
    """The table."""
    rows = [
        (
            one.engine,
            one.verb,
            f"{median(r.statements for r in one.rounds):.1f}",
            spread([r.ours_per_s for r in one.rounds], ".0f"),
            spread([r.bare_per_s for r in one.rounds], ".0f"),
            spread([r.ours_per_s / r.bare_per_s for r in one.rounds]),
            f"{median(r.ours_cpu_ms for r in one.rounds):.1f} / {median(r.bare_cpu_ms for r in one.rounds):.1f}",
            spread([r.bare_cpu_ms / r.ours_cpu_ms for r in one.rounds]),
        )
        for one in found
    ]
    rates = ("ours per s", "statements alone per s", "ratio")
    head = ("database", "verb", "statements each", *rates, "CPU ms each: ours / alone", "CPU ratio")
    text = f"""
{CALLERS} callers hold a window of the planned demo city for new customers, then confirm what they hold, as the API
does: `await db.write(...)`, and holds through `await db.write_together(...)`, which serves those who wait on
PostgreSQL in one transaction. Idempotency, checks, claim, ledger, event and job are in it. Every statement that
reached the driver is kept and then told, with the same parameters and in the same transactions, to a twin of the
database over bare connections of the same driver with the same settings: on SQLite by one thread with the very groups
that our writer committed (WAL, durable), on PostgreSQL by {THREADS} threads (durable). So "alone" is what database and
driver allow for this SQL, savepoints and all; it makes no statement, checks nothing, and keeps no answer. Keeping the
statements is in our time. Per second is wall time; CPU is that of the client process, a PostgreSQL server's own is in
neither. {len(found[0].rounds)} rounds of {CLAIMS} claims, ours and alone in turn.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
