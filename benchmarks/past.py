"""What a week of offers and a hold cost with ten thousand, a million and ten million past bookings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, event

from app.booking.confirm import confirm
from app.booking.offer import offer
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.tables import CapacityPool, CapacityReach
from app.customers.tables import Customer
from app.database.rows import table_of
from app.slots.tables import DeliverySlot
from app.values.ids import new_id
from benchmarks.claims import Till
from benchmarks.page import Section, Table, spread
from benchmarks.shop import Shop, make_room, shops, twin

NAME = "past"
TITLE = "Offers and holds with many past bookings"
LEVELS = (10_000, 1_000_000, 10_000_000)
ROUNDS = 15
# How many customers they were, and how many bookings a window of a past day had.
CUSTOMERS = 10_000
PER_WINDOW = 24


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds and statements of one thing, in the small past and in the large one, in turn."""

    small_ms: list[float]
    large_ms: list[float]
    statements: int

    @property
    def ratios(self) -> list[float]:
        """The large past over the small one, turn by turn."""
        return [large / small for small, large in zip(self.small_ms, self.large_ms, strict=True)]


@dataclass(frozen=True, slots=True)
class Found:
    """What one engine did with so many past bookings, over so many days."""

    engine: str
    bookings: int
    days: int
    offers: Cost
    holds: Cost


class Past:
    """Adds past days to a shop: the windows and pools of a planned day again and again, and their bookings.

    All in the database, by INSERT ... SELECT from rows that the product made.
    """

    def __init__(self, shop: Shop) -> None:
        self.url = shop.url
        self.days = self.bookings = 0
        self._day = shop.first
        till = Till(shop, 1)
        try:
            held = till.db.write_now(partial(till.held_alone, None))
            booked = till.db.write_now(
                lambda c, n: confirm(
                    c, now=n, actor=shop.actor, hold_id=held.id, order_reference="the first", key=new_id()
                )
            )
        finally:
            till.db.close()
        self._hold_id, self._booking_id, self._customer_id = held.id, booked.id, held.customer_id

    def grow(self, bookings: int) -> None:
        """Until there are so many."""
        # Not the product's own engine: that begins its transactions by itself, and is durable.
        url = sa.make_url(self.url)
        driver = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}[url.get_backend_name()]
        engine = sa.create_engine(url.set(drivername=driver), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as conn:
                _hasty(conn)
                if not self.days:
                    self._customers(conn)
                while self.bookings < bookings:
                    self._add_days(conn, bookings - self.bookings)
                if conn.dialect.name == "postgresql":
                    conn.exec_driver_sql("VACUUM ANALYZE")
        finally:
            engine.dispose()

    def _add_days(self, conn: Connection, most: int) -> None:
        """So many days that a statement writes half a million bookings at most."""
        windows = conn.execute(
            sa.select(sa.func.count()).select_from(self._windows().subquery())
        ).scalar_one()
        count = max(1, min(most, 500_000) // (windows * PER_WINDOW))
        days = _series(conn, "past_day", self.days + 1, self.days + count)
        turns = _series(conn, "past_turn", 1, PER_WINDOW)
        ago = _Ago(conn.dialect.name, days.c.n)
        slot, pool, reach = table_of(DeliverySlot), table_of(CapacityPool), table_of(CapacityReach)
        for table in (slot, pool):
            instants = [name for name in ("starts_at", "ends_at", "cutoff_at") if name in table.c]
            moved = {name: ago.instant(table.c[name]) for name in instants}
            moved |= {"id": ago.key(table.c.id), "day": ago.date(table.c.day), "pick_load_id": sa.null()}
            _copied(conn, table, moved, days, table.c.day == self._day)
        served = reach.c.pool_id.in_(sa.select(pool.c.id).where(pool.c.day == self._day))
        again = {"pool_id": ago.key(reach.c.pool_id), "starts_at": ago.instant(reach.c.starts_at)}
        _copied(conn, reach, again, days, served)
        self.bookings += self._add_bookings(conn, days, turns, ago, most)
        self.days += count

    def _windows(self) -> sa.Select[*tuple[Any, ...]]:
        """The windows of the planned day, each with a pool that serves it."""
        slot, pool, reach = table_of(DeliverySlot), table_of(CapacityPool), table_of(CapacityReach)
        inside = sa.and_(
            pool.c.id == reach.c.pool_id,
            pool.c.starts_at >= slot.c.starts_at,
            pool.c.ends_at <= slot.c.ends_at,
        )
        return (
            sa.select(
                slot.c.id,
                slot.c.zone_id,
                slot.c.starts_at,
                slot.c.ends_at,
                sa.func.min(pool.c.id).label("pool_id"),
            )
            .join(reach, reach.c.zone_id == slot.c.zone_id)
            .join(pool, inside)
            .where(slot.c.day == self._day, pool.c.day == self._day)
            .group_by(slot.c.id, slot.c.zone_id, slot.c.starts_at, slot.c.ends_at)
        )

    def _add_bookings(self, conn: Connection, days: sa.Table, turns: sa.Table, ago: _Ago, most: int) -> int:
        window = self._windows().subquery("window_of_day")
        hold, booking = table_of(SlotHold), table_of(DeliveryBooking)
        number = days.c.n * 1_000 + turns.c.n
        # A key of its own for each window, day and turn, in the order of the days.
        key = (
            ago.padded(days.c.n, 8)
            + sa.func.substr(window.c.id, 9, 24, type_=sa.String)
            + ago.padded(turns.c.n, 4)
        )
        shared = {
            "slot_id": ago.key(window.c.id),
            "pool_id": ago.key(window.c.pool_id),
            "zone_id": window.c.zone_id,
            "customer_id": "customer-" + ago.padded(number % CUSTOMERS, 27),
            "created_at": ago.instant(hold.c.created_at),
            "changed_at": ago.instant(hold.c.changed_at),
            "cutoff_at": ago.instant(hold.c.cutoff_at),
            "fee_parts": sa.literal_column("'[]'"),
        }
        held = {**shared, "id": key, "expires_at": ago.instant(hold.c.expires_at)}
        booked = {
            **shared,
            "id": key,
            "hold_id": key,
            "order_reference": key,
            "starts_at": ago.instant(window.c.starts_at),
            "ends_at": ago.instant(window.c.ends_at),
            "created_at": ago.instant(booking.c.created_at),
            "changed_at": ago.instant(booking.c.changed_at),
            "cutoff_at": ago.instant(booking.c.cutoff_at),
        }
        found = 0
        for table, values, one in ((hold, held, self._hold_id), (booking, booked, self._booking_id)):
            everywhere = sa.join(table, window, sa.true()).join(days, sa.true()).join(turns, sa.true())
            chosen = [values.get(column.name, column) for column in table.columns]
            query = sa.select(*chosen).select_from(everywhere).where(table.c.id == one)
            rows = query.order_by(days.c.n, window.c.id, turns.c.n).limit(most)
            # An INSERT on PostgreSQL does not say how many rows it wrote unless it is asked to.
            found = conn.execute(
                sa.insert(table).from_select(list(table.columns), rows),
                execution_options={"preserve_rowcount": True},
            ).rowcount
        return int(found)

    def _customers(self, conn: Connection) -> None:
        table = table_of(Customer)
        numbers = _series(conn, "past_customer", 0, CUSTOMERS - 1)
        key = "customer-" + _Ago(conn.dialect.name, numbers.c.n).padded(numbers.c.n, 27)
        _copied(conn, table, {"id": key, "reference": key}, numbers, table.c.id == self._customer_id)


class _Ago:
    """Instants, dates and keys so many days ago, in the words of an engine."""

    def __init__(self, dialect: str, days: sa.ColumnElement[int]) -> None:
        self._postgresql, self._days = dialect == "postgresql", days
        self._before: sa.ColumnElement[str] = "-" + sa.cast(days, sa.String) + " days"

    def instant(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        if self._postgresql:
            return column - self._days * sa.literal_column("interval '1 day'")
        return sa.func.strftime("%Y-%m-%d %H:%M:%f", sa.type_coerce(column, sa.String), self._before) + "000"

    def date(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        if self._postgresql:
            return column - self._days
        return sa.func.date(sa.type_coerce(column, sa.String), self._before)

    def key(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """As long as a key, and of that day."""
        return self.padded(self._days, 8) + sa.func.substr(column, 9, type_=sa.String)

    def padded(self, number: sa.ColumnElement[int], width: int) -> sa.ColumnElement[str]:
        if self._postgresql:
            return sa.func.lpad(sa.cast(number, sa.Text), width, "0", type_=sa.String)
        return sa.func.printf(f"%0{width}d", number, type_=sa.String)


def _copied(
    conn: Connection,
    table: sa.Table,
    changed: Mapping[str, Any],
    times: sa.Table,
    which: sa.ColumnElement[bool],
) -> None:
    """These rows once more for each number, with these columns changed."""
    chosen = [changed.get(column.name, column) for column in table.columns]
    query = sa.select(*chosen).select_from(sa.join(table, times, sa.true())).where(which)
    conn.execute(sa.insert(table).from_select(list(table.columns), query.order_by(times.c.n)))


def _series(conn: Connection, name: str, first: int, last: int) -> sa.Table:
    """A table of the numbers `first`..`last`, as long as the connection lasts."""
    conn.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
    conn.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} (n integer)")
    table = sa.Table(name, sa.MetaData(), sa.Column("n", sa.Integer))
    conn.execute(sa.insert(table), [{"n": number} for number in range(first, last + 1)])
    return table


def _hasty(conn: Connection) -> None:
    """Nothing to be kept through a crash, and no look at foreign keys: what is copied keeps them."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET session_replication_role = replica")
        conn.exec_driver_sql("SET synchronous_commit = off")
    else:
        for pragma in (
            "synchronous = OFF",
            "foreign_keys = OFF",
            "cache_size = -256000",
            "temp_store = MEMORY",
        ):
            conn.exec_driver_sql(f"PRAGMA {pragma}")


class Counter:
    """One database that is asked for offers and holds, with its statements counted."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.till = shop, Till(shop, 1)
        self.statements = 0
        event.listen(self.till.db.engine, "before_cursor_execute", self._said)

    def _said(self, *_told: object) -> None:
        self.statements += 1

    def offers(self) -> None:
        """A week, as a checkout asks for it."""
        shop = self.shop
        last = shop.first + timedelta(days=shop.days - 1)

        def work(conn: Connection, now: datetime) -> None:
            offer(
                conn,
                now=now,
                actor=shop.actor,
                place=shop.place,
                basket=self.till.basket,
                first=shop.first,
                last=last,
            )

        self.till.db.read_now(work)

    def holds(self) -> None:
        """One window, for a customer whom nobody knows."""
        self.till.db.write_now(partial(self.till.held_alone, None))


def cost(small: Counter, large: Counter, what: Callable[[Counter], None], rounds: int) -> Cost:
    """The same in both, in turn; the first three turns fill caches and are not counted."""
    found = Cost([], [], 0)
    for number in range(rounds + 3):
        for counter, times in ((small, found.small_ms), (large, found.large_ms)):
            counter.statements = 0
            began = time.perf_counter()
            what(counter)
            if number >= 3:
                times.append((time.perf_counter() - began) * 1_000)
    return Cost(found.small_ms, found.large_ms, large.statements)


def run() -> Section:
    """Measure on both engines, one after the other, because the largest takes gigabytes."""
    most = int(os.environ.get("PAST", LEVELS[-1]))
    levels = [level for level in LEVELS if level <= most]
    with shops(durable=False) as made:
        found = [one for shop in made for one in measured(shop, levels, ROUNDS)]
    return section(found)


def measured(shop: Shop, levels: Sequence[int], rounds: int) -> list[Found]:
    """Grow the past of a shop level by level, and compare each with a twin that keeps the first one."""
    make_room(shop)
    past = Past(shop)
    past.grow(levels[0])
    small = Counter(twin(shop, NAME))
    found = []
    for level in levels:
        past.grow(level)
        large = Counter(shop)
        try:
            offers, holds = (cost(small, large, what, rounds) for what in (Counter.offers, Counter.holds))
        finally:
            large.till.db.close()
        found.append(Found(shop.engine, past.bookings, past.days, offers, holds))
        print(f"{NAME} {found[-1]}", flush=True)
    small.till.db.close()
    return found


def section(found: Sequence[Found]) -> Section:
    """The table."""
    rows = [
        (
            one.engine,
            f"{one.bookings:,}",
            f"{one.days:,}",
            str(one.offers.statements),
            f"{median(one.offers.small_ms):.1f}",
            f"{median(one.offers.large_ms):.1f}",
            spread(one.offers.ratios),
            str(one.holds.statements),
            spread(one.holds.ratios),
        )
        for one in found
    ]
    head = (
        "database",
        "past bookings",
        "past days",
        "statements",
        "ms with the first past",
        "ms with this past",
        "ratio",
        "statements of a hold",
        "its ratio",
    )
    text = f"""
A week of offers at one address (`app/booking/offer.py`, without HTTP and GraphQL) and a hold for a new customer, with
more and more bookings behind them: the windows, pools and reaches of a planned day copied into the past with
{PER_WINDOW} confirmed holds and bookings a window, of {CUSTOMERS:,} customers, by INSERT ... SELECT. Each past is asked in
turn with a twin of the database that kept the first one, so that a busy machine slows both; the ratio is the larger past
over the first, and flat is 1. The first line compares two databases alike, so its spread is the noise. Not copied:
the ledger, jobs, events and messages of the past, which neither reads. {len(found[0].offers.small_ms)} turns; milliseconds are
wall time.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
