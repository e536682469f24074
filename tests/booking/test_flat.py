"""No statement of a shopper's journey or of a worker's turn reads a whole table that grows with the past."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, event

from app import jobs
from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.hold import hold
from app.booking.hold_many import hold_many
from app.booking.offer import offer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.customers.rules import CustomerFacts
from app.database.runner import Database
from tests.booking.test_hold_many import asked
from tests.booking.world import Evening, open_evening
from tests.factories import make_basket

GROWING = {
    "capacity_entry", "capacity_pool", "capacity_reach", "customer", "delivery_booking", "delivery_slot",
    "drop_preference", "event", "flexible_choice", "idempotency_key", "job", "pass_use", "promise_change",
    "promotion_redemption", "slot_hold", "standing_slot_occurrence", "waitlist_entry", "waitlist_window",
}  # fmt: skip

# Indexes that hold only what is open or waits: they may be read from end to end.
OPEN = {"hold_due", "hold_one_per_cart", "job_ready"}

type Said = list[tuple[str, Any]]


@contextmanager
def heard(db: Database) -> Iterator[Said]:
    """What is told to the database meanwhile, with the parameters of one row each."""
    said: Said = []

    def note(_conn: Any, _cursor: Any, text: str, told: Any, _context: Any, _many: bool) -> None:
        said.append((text, told[0] if isinstance(told, list) else told))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def read_whole(conn: Connection, said: Said) -> set[str]:
    """The statements that read a growing table from end to end, with that table."""
    lite = conn.dialect.name == "sqlite"
    if not lite:
        # So few rows are in a test's tables that reading all of them is quickest, where nothing is said.
        conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
    found = set()
    for text, told in said:
        if not text.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")) and "UPDATE" not in text:
            continue
        if lite and text.startswith("INSERT"):
            continue  # its plan shows how children would be looked for, were a key to change, which none does
        plan = conn.exec_driver_sql(f"{'EXPLAIN QUERY PLAN' if lite else 'EXPLAIN'} {text}", told)
        for row in plan:
            words = str(row[3] if lite else row[0]).split()
            if OPEN & set(words):
                continue
            scanned = {
                words[at + skip]
                for start, skip in (("SCAN", 1), ("Seq", 3))
                for at, word in enumerate(words[: -skip or None])
                if word == start
            }
            found |= {f"{table}: {' '.join(text.split())[:300]}" for table in scanned & GROWING}
    return found


def journey(world: Evening) -> None:
    """Look, hold alone and together, change the window, pay, move, cancel, let go, and what a worker does."""
    db, shop = world.db, world.shop
    day = world.early.day

    def looked(conn: Connection, now: Any) -> None:
        offer(conn, now=now, actor=shop.actor, place=shop.place, basket=make_basket(), first=day, last=day)

    def held(customer: str, key: str, slot_id: str) -> Any:
        return db.write_now(
            lambda c, n: hold(
                c, now=n, actor=shop.actor, slot_id=slot_id, place=shop.place, basket=make_basket(),
                customer=CustomerFacts(customer), key=key,
            )
        )  # fmt: skip

    db.read_now(looked)
    held("ana", "1", world.early.id)
    second = held("ana", "2", world.late.id)
    db.write_now(lambda c, n: hold_many(c, now=n, requests=[asked(world, "rui"), asked(world, "eva")]))
    booking = db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=second.id, order_reference="o", key="3")
    )
    db.write_now(
        lambda c, n: reschedule(
            c, now=n, actor=shop.actor, booking_id=booking.id, slot_id=world.early.id, key="4"
        )
    )
    db.write_now(lambda c, n: cancel(c, now=n, actor=shop.actor, booking_id=booking.id, key="5"))
    last = held("zoe", "6", world.late.id)
    db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=last.id))
    db.write_now(lambda c, n: reclaim(c, now=n))
    db.write_now(lambda c, n: jobs.claim(c, now=n, limit=10, lease=timedelta(minutes=1)))


def test_a_journey_reads_no_growing_table_from_end_to_end(db: Database) -> None:
    world = open_evening(db)
    with heard(db) as said:
        journey(world)
    assert len(said) > 80
    assert db.write_now(lambda c, _: read_whole(c, said)) == set()


def test_a_statement_that_does_is_seen(db: Database) -> None:
    open_evening(db)
    with heard(db) as said:
        db.read_now(
            lambda c, _: c.execute(sa.text("SELECT id FROM slot_hold WHERE origin = 'STANDING'")).all()
        )
    assert db.write_now(lambda c, _: read_whole(c, said)) != set()
