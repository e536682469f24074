"""Promises through GraphQL over HTTP while one process serves, and while four do: races that nobody may win twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection

from app.capacity.rebuild import rebuild
from app.database.runner import Database
from app.migrate import upgrade
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.ids import new_id
from app.values.load import DIMENSIONS, Load
from schema.ids import to_global
from tests.api import KEY
from tests.databases import fresh_postgres, migrated_sqlite
from tests.factories import HOME, ROOM, evening, make_pools, make_shop, make_slot, pool_plan
from tests.faults.conftest import PATIENT
from tests.faults.processes import Server
from tests.ledger import assert_ledger_equals_counters
from tests.postgres import Cluster
from tests.schema.test_journey import CONFIRM, HOLD, refusals
from tests.schema.test_promises import JOIN, MOVE

pytestmark = PATIENT
SHOPPERS, PLACES = 50, 3
POINT = {"point": {"latitude": HOME.latitude, "longitude": HOME.longitude}}
# What a client repeats in a moment, with the same key.
AGAIN = {"BUSY", "IDEMPOTENCY_IN_PROGRESS"}
RELEASE = "mutation ($id: ID!) { releaseHold(input: {holdId: $id}) { hold { status } userErrors { code } } }"
WAITING = "query ($who: String!) { waitlist(customerReference: $who) { status offer { id } } }"
BOOKING = "query ($id: ID!) { booking(id: $id) { version slot { id } } }"


@dataclass
class Front:
    """The servers, asked in turn by clients that repeat what may be repeated."""

    servers: Sequence[Server]
    client: httpx2.Client

    def ask(self, n: int, query: str, **variables: Any) -> Any:
        """The only field of the data that the n-th server answers."""
        port = self.servers[n % len(self.servers)].port
        for _ in range(60):
            answer = self.client.post(
                f"http://127.0.0.1:{port}/graphql",
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {KEY}"},
            ).json()
            assert "errors" not in answer, answer
            (payload,) = answer["data"].values()
            codes = {e["code"] for e in payload.get("userErrors", [])} if isinstance(payload, dict) else set()
            if not codes & AGAIN:
                return payload
        return payload

    def at_once(self, number: int, work: Callable[[int], Any]) -> list[Any]:
        """What so many callers are answered who ask at the same time."""
        with ThreadPoolExecutor(number) as threads:
            return list(threads.map(work, range(number)))


@contextmanager
def served(url: str, folder: Path, processes: int) -> Iterator[Front]:
    servers = [Server(f"server-{n}", url=url, folder=folder) for n in range(processes)]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait()
        with httpx2.Client(timeout=120) as client:
            yield Front(servers, client)
    finally:
        for server in servers:
            server.end()


def stocked(db: Database) -> dict[int, str]:
    """Tomorrow's windows by their hour: 18 has three places, 19 and 20 have many, 21 has one."""

    def work(conn: Connection, now: datetime) -> dict[int, str]:
        shop = make_shop(conn)
        day = (now + timedelta(days=1)).date()
        rest = [getattr(ROOM, d) * 10 for d in DIMENSIONS[1:]]
        plans = [
            pool_plan(shop, evening(day, hour, hour + 1), sell=Load(orders, *rest))
            for hour, orders in ((18, PLACES), (19, 60), (20, 60), (21, 1))
        ]
        make_pools(conn, *plans, now=now)
        shop_id = shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop_id, key=KEY, name="first", role=Role.STOREFRONT)
        return {h: make_slot(conn, shop, evening(day, h, h + 1)).id for h in (18, 19, 20, 21)}

    return {hour: str(to_global("DeliverySlot", slot)) for hour, slot in db.write_now(work).items()}


def wish(slot: str, customer: str, **changes: Any) -> dict[str, Any]:
    told = {"slotId": slot, "address": POINT, "customer": {"reference": customer}, "idempotencyKey": new_id()}
    return {**told, **changes}


def booked(front: Front, slot: str, customer: str) -> str:
    hold = front.ask(0, HOLD, input=wish(slot, customer))["hold"]
    told = {"holdId": hold["id"], "orderReference": f"order of {customer}", "idempotencyKey": new_id()}
    return str(front.ask(1, CONFIRM, input=told)["booking"]["id"])


@pytest.fixture
def url(engine_name: str, tmp_path: Path, postgres: Cluster | None) -> str:
    """An empty database that was migrated, as servers want it."""
    if engine_name == "sqlite":
        return migrated_sqlite(tmp_path / "several.db")
    if postgres is None:
        pytest.skip("NO POSTGRESQL ON THIS MACHINE: install it, or set PG_BIN")
    found = fresh_postgres(postgres, tables=False)
    upgrade(found)
    return found


@pytest.mark.parametrize("processes", [1, 4])
def test_nobody_wins_twice(url: str, tmp_path: Path, processes: int) -> None:
    db = Database(url)
    slots = stocked(db)
    with served(url, tmp_path, processes) as front:
        wishes = fifty_want_three_places(front, slots)
        one_key_has_one_effect(front, slots, wishes)
        one_of_six_moves_into_the_last_place(front, slots)
        two_freed_places_are_two_offers(front, slots, wishes)
        a_killed_process_comes_back_with_the_same_answers(front, wishes)
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))
    assert db.write_now(lambda c, _: rebuild(c)) == []
    db.close()


type Wishes = list[tuple[dict[str, Any], Any]]


def fifty_want_three_places(front: Front, slots: dict[int, str]) -> Wishes:
    """Behaviour 2, and the payload that each was given."""
    wishes = [wish(slots[18], f"c{n}") for n in range(SHOPPERS)]
    answers = front.at_once(SHOPPERS, lambda n: front.ask(n, HOLD, input=wishes[n]))
    held = [a for a in answers if a["hold"]]
    refused = [a for a in answers if not a["hold"]]
    assert (len(held), len(refused)) == (PLACES, SHOPPERS - PLACES)
    assert {tuple(refusals(a)) for a in refused} == {("SLOT_FULL",)}
    assert all(a["alternatives"] for a in refused)
    return list(zip(wishes, answers, strict=True))


def one_key_has_one_effect(front: Front, slots: dict[int, str], wishes: Wishes) -> None:
    """Behaviour 3: the lost answer comes again from any process, and twins are one."""
    again = front.at_once(len(wishes), lambda n: front.ask(n + 1, HOLD, input=wishes[n][0]))
    assert again == [answer for _, answer in wishes]
    other = {**wishes[0][0], "slotId": slots[19]}
    assert refusals(front.ask(1, HOLD, input=other)) == ["IDEMPOTENCY_KEY_REUSED"]
    twin = wish(slots[19], "twin")
    answers = front.at_once(16, lambda n: front.ask(n, HOLD, input=twin))
    assert answers[0]["hold"]
    assert answers == [answers[0]] * 16


def one_of_six_moves_into_the_last_place(front: Front, slots: dict[int, str]) -> None:
    """Behaviour 10: who comes too late keeps the old window unchanged."""
    bookings = [booked(front, slots[20], f"m{n}") for n in range(6)]
    before = [front.ask(0, BOOKING, id=one) for one in bookings]

    def move(n: int) -> Any:
        told = {"bookingId": bookings[n], "slotId": slots[21], "idempotencyKey": f"move-{n}"}
        return front.ask(n, MOVE, input=told)

    answers = front.at_once(6, move)
    assert sorted(tuple(refusals(a)) for a in answers) == [(), *[("SLOT_FULL",)] * 5]
    for n, answer in enumerate(answers):
        now = front.ask(n, BOOKING, id=bookings[n])
        assert now == (before[n] if answer["userErrors"] else {"version": 2, "slot": {"id": slots[21]}})


def two_freed_places_are_two_offers(front: Front, slots: dict[int, str], wishes: Wishes) -> None:
    """Behaviour 12: given back at the same moment by two processes."""
    for n in range(3):
        told = {k: v for k, v in wish(slots[18], f"w{n}").items() if k != "slotId"}
        assert front.ask(n, JOIN, input={**told, "slotIds": [slots[18]]})["entry"]["status"] == "WAITING"
    held = [answer["hold"]["id"] for _, answer in wishes if answer["hold"]]
    front.at_once(2, lambda n: front.ask(n, RELEASE, id=held[n]))
    found = [front.ask(n, WAITING, who=f"w{n}")[0] for n in range(3)]
    assert sorted(one["status"] for one in found) == ["OFFERED", "OFFERED", "WAITING"]
    assert len({one["offer"]["id"] for one in found if one["offer"]}) == 2


def a_killed_process_comes_back_with_the_same_answers(front: Front, wishes: Wishes) -> None:
    """Behaviour 3 after a crash: nothing is kept in a process."""
    front.servers[0].kill()
    front.servers[0].start()
    front.servers[0].wait()
    for told, answer in wishes[:5]:
        assert front.ask(0, HOLD, input=told) == answer
