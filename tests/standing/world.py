"""A shop that delivers on Thursday and Friday evenings, and a customer who keeps Friday from 19 to 20."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.confirm import confirm
from app.booking.tables import DeliveryBooking, SlotHold
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.jobs import Job
from app.slots.tables import DeliverySlot
from app.standing.book_ahead import book_ahead
from app.standing.create import create
from app.standing.end import end
from app.standing.move import move
from app.standing.pause import pause
from app.standing.queries import due_to_book, standing_of
from app.standing.resume import resume
from app.standing.seen import SeenOccurrence, SeenStandingSlot, seen_series
from app.standing.series import Series, series_of
from app.standing.skip import skip
from app.values.ids import new_id
from app.values.window import Window
from tests.booking.world import Evening, room
from tests.factories import evening, make_basket, make_pools, make_shop, make_slot, pool_plan

# The clock of tests begins on Tuesday 24 November 2026; the horizon then ends on Monday 7 December.
FRIDAY = date(2026, 11, 27)
SECOND = FRIDAY + timedelta(days=7)
THIRD = FRIDAY + timedelta(days=14)
WEEKS = 4


@dataclass
class Fridays(Evening):
    """The early slot is the first Friday's from 19 to 20, the late one the first Thursday's."""

    slots: dict[date, DeliverySlot]

    def create(self, customer: str = "ana", group: str | None = None, **told: Any) -> Series:
        """Keep Friday from 19 to 20."""
        facts = CustomerFacts(
            reference=customer,
            name=customer,
            email=f"{customer}@example.com",
            locale="en",
            customer_group=group,
        )
        values: dict[str, Any] = {
            "slot_id": self.early.id,
            "place": self.shop.place,
            "basket": make_basket(),
            "customer": facts,
            "key": new_id(),
            **told,
        }
        return self.db.write_now(lambda c, n: create(c, now=n, actor=self.shop.actor, **values))

    def skip(self, series: Series, day: date) -> Series:
        """Leave a week out."""
        actor, key = self.shop.actor, series.row.id
        return self.db.write_now(lambda c, n: skip(c, now=n, actor=actor, standing_id=key, day=day))

    def move(self, series: Series, day: date, slot: DeliverySlot, **told: Any) -> Series:
        """Move a week to another window."""
        values: dict[str, Any] = {
            "standing_id": series.row.id,
            "day": day,
            "slot_id": slot.id,
            "key": new_id(),
            **told,
        }
        return self.db.write_now(lambda c, n: move(c, now=n, actor=self.shop.actor, **values))

    def pause(self, series: Series, first: date, last: date | None = None) -> Series:
        """Pause."""
        actor, key = self.shop.actor, series.row.id
        return self.db.write_now(
            lambda c, n: pause(c, now=n, actor=actor, standing_id=key, first=first, last=last)
        )

    def resume(self, series: Series, key: str | None = None) -> Series:
        """Go on."""
        told: dict[str, Any] = {
            "actor": self.shop.actor,
            "standing_id": series.row.id,
            "key": key or new_id(),
        }
        return self.db.write_now(lambda c, n: resume(c, now=n, **told))

    def end(self, series: Series) -> Series:
        """End it."""
        actor, key = self.shop.actor, series.row.id
        return self.db.write_now(lambda c, n: end(c, now=n, actor=actor, standing_id=key))

    def confirm(self, held: SlotHold) -> DeliveryBooking:
        """Order for a week."""
        told: dict[str, Any] = {"hold_id": held.id, "order_reference": f"order-{held.id}", "key": new_id()}
        return self.db.write_now(lambda c, n: confirm(c, now=n, actor=self.shop.actor, **told))

    def round(self) -> int:
        """Book ahead what is due; returns how many standing slots there were."""
        due = self.db.read_now(lambda c, n: due_to_book(c, now=n))
        for standing_id in due:
            self.db.write_now(partial(_book_ahead, standing_id=standing_id))
        return len(due)

    def seen(self, series: Series) -> SeenStandingSlot:
        """The standing slot as it is now."""

        def look(conn: Connection, now: datetime) -> SeenStandingSlot:
            row = standing_of(conn, actor=self.shop.actor, standing_id=series.row.id)
            assert row is not None
            return seen_series(conn, at=now, series=series_of(conn, now=now, found=[row]))[0]

        return self.db.read_now(look)

    def week(self, series: Series, day: date = FRIDAY) -> SeenOccurrence:
        """One of its weeks as it is now."""
        return next(one for one in self.seen(series).occurrences if one.day == day)

    def held(self, series: Series, day: date = FRIDAY) -> SlotHold:
        """What is held for a week."""
        hold = self.week(series, day).hold
        assert hold is not None
        return hold.row

    def states(self, series: Series) -> dict[date, str]:
        """What has become of its weeks, by day."""
        return {one.day: str(one.state) for one in self.seen(series).occurrences}

    def told(self) -> list[str]:
        """The kinds of messages asked for, in order of time."""
        jobs = self.db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job)).order_by("id")))
        prefix = "engagement.standing_"
        return [job.kind.removeprefix(prefix) for job in jobs if job.kind.startswith(prefix)]

    def open(self, day: date, start: int = 19, end: int = 20) -> DeliverySlot:
        """Open a window between two local hours, with its capacity."""

        def work(conn: Connection, now: datetime) -> DeliverySlot:
            window = evening(day, start, end)
            make_pools(conn, pool_plan(self.shop, window, sell=room(10)), now=now)
            return make_slot(conn, self.shop, window)

        return self.db.write_now(work)


def _book_ahead(conn: Connection, now: datetime, standing_id: str) -> None:
    book_ahead(conn, now=now, standing_id=standing_id)


def open_fridays(db: Database, *, orders: int = 10, weeks: int = WEEKS) -> Fridays:
    """Fridays from 19 to 20 and Thursdays from 20 to 21, planned for some weeks ahead."""

    def work(conn: Connection, _now: datetime) -> Fridays:
        shop = make_shop(conn)
        days = [FRIDAY + timedelta(days=7 * week) for week in range(weeks)]
        fridays = {day: evening(day, 19, 20) for day in days}
        thursdays = {day - timedelta(days=1): evening(day - timedelta(days=1), 20, 21) for day in days}
        windows: dict[date, Window] = {**fridays, **thursdays}
        make_pools(conn, *(pool_plan(shop, window, sell=room(orders)) for window in windows.values()))
        slots = {day: make_slot(conn, shop, window) for day, window in windows.items()}
        return Fridays(
            db=db,
            shop=shop,
            early=slots[FRIDAY],
            late=slots[FRIDAY - timedelta(days=1)],
            slots=slots,
        )

    return db.write_now(work)
