"""Shoppers in a process of their own: python -m tests.booking.shoppers URL STOREFRONT SLOT FIRST COUNT WAY

They all ask for the same window at once; the answers are printed as one JSON list.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking import earlier_holds
from app.booking.hold import hold
from app.capacity.tables import CapacityPool
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Busy, Refusal
from app.places.collection_points import offered_lockers
from app.places.rules import Place
from app.tours import place
from app.tours.packing import records_to_bytes
from app.tours.tables import TourSheet
from app.values.actor import Actor, Role
from app.values.ids import new_id
from tests.factories import HOME, NOW, make_basket


def main(url: str, storefront_id: str, slot_id: str, first: int, count: int, way: str) -> list[str]:
    """What each of them was told."""
    db = Database(url, clock=lambda _conn: NOW)
    start = Barrier(count)
    if way == "write tours unseen":
        vars(place)["write_sheet"] = _written_unseen

    if way == "lockers unlocked":
        vars(earlier_holds)["lock_lockers"] = lambda _conn, _ids: None
    lockers = tuple(db.read_now(lambda conn, _: [one.id for one in offered_lockers(conn)]))

    def shopper(number: int) -> str:
        # Everybody is connected before anybody asks.
        db.read_now(lambda conn, _: conn.execute(sa.select(1)))
        start.wait(30)
        return (
            _unguarded(db)
            if way == "read, then write"
            else _held(db, storefront_id, slot_id, number, lockers)
        )

    try:
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(shopper, range(first, first + count)))
    finally:
        db.close()


def _held(db: Database, storefront_id: str, slot_id: str, number: int, lockers: tuple[str, ...]) -> str:
    key = new_id()

    def ask(conn: Connection, now: datetime) -> None:
        hold(
            conn,
            now=now,
            actor=Actor(storefront_id, Role.STOREFRONT, "race"),
            slot_id=slot_id,
            place=Place("Rua das Flores 12, Porto", HOME),
            basket=make_basket(),
            customer=CustomerFacts(reference=f"shopper-{number}"),
            lockers=lockers,
            key=key,
        )

    while True:
        try:
            db.write_now(ask)
        except Busy:
            continue  # as it says: the same request again
        except Refusal as refusal:
            return refusal.code
        return "HELD"


def _written_unseen(conn: Connection, *, now: datetime, before: Any, sheet: Any, inserted: int) -> Any:
    """The tours without the guard: what was read plus one stop, whatever others have written since."""
    table = table_of(TourSheet)
    values = {"stops": records_to_bytes(sheet.records), "stamp": new_id(), "changed_at": now}
    here = sa.and_(table.c.node_id == before.node_id, table.c.day == before.day)
    return conn.execute(sa.update(table).where(here).values(**values)).rowcount + inserted


def _unguarded(db: Database) -> str:
    """The same without the guard: read what is free, and write what was read plus one."""

    def look(conn: Connection, _now: object) -> CapacityPool:
        return rows(conn, CapacityPool, sa.select(table_of(CapacityPool)))[0]

    seen = db.read_now(look)
    if seen.held_orders >= seen.sell_orders:
        return "SLOT_FULL"
    taken = sa.update(table_of(CapacityPool)).values(held_orders=seen.held_orders + 1)
    db.write_now(lambda conn, _: conn.execute(taken) and None)
    return "HELD"


if __name__ == "__main__":
    url, storefront_id, slot_id, first, count, way = sys.argv[1:]
    print(json.dumps(main(url, storefront_id, slot_id, int(first), int(count), way)))  # noqa: T201  its answer
