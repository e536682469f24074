"""What operators see of a plan: who works when, and how full each zone is in each window."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.allocation.roster import most_at_once, roster_of
from app.allocation.zone_fill import day_fill, taken_of
from app.capacity.seen import CapacityDimension
from app.capacity.tables import CapacityPool
from app.database.rows import table_of
from app.database.runner import Database
from app.slots.open_days import open_days
from app.values.window import Window
from tests.allocation.by_hand import FIRST, WAGE, Evening, Town, make_town, publish_days
from tests.conftest import Clock
from tests.factories import NOW, evening, make_booking, make_hold, make_slot

EARLY, LATE = evening(FIRST, 18, 19), evening(FIRST, 19, 20)


def hours(start: int, end: int) -> Window:
    return Window(NOW + timedelta(hours=start), NOW + timedelta(hours=end))


@pytest.mark.parametrize(
    ("shifts", "most"),
    [
        ([], 0),
        ([((0, 4), 3)], 3),
        ([((0, 4), 3), ((4, 8), 2)], 3),
        ([((0, 4), 3), ((3, 8), 2)], 5),
        ([((0, 9), 1), ((1, 3), 2), ((3, 5), 2), ((2, 4), 1)], 4),
    ],
)
def test_who_comes_back_makes_way_for_who_leaves(
    shifts: list[tuple[tuple[int, int], int]], most: int
) -> None:
    assert most_at_once([(hours(*span), count) for span, count in shifts]) == most


@pytest.fixture
def town(db: Database) -> Town:
    made = db.write_now(lambda c, _: make_town(c))
    publish_days(db, made, {FIRST: Evening(), FIRST + timedelta(days=1): Evening(bikes=1)})
    return made


@pytest.mark.usefixtures("town")
def test_the_roster_tells_vehicles_shifts_and_the_hours_of_the_week(db: Database) -> None:
    roster = db.read_now(lambda c, _: roster_of(c, day=FIRST))
    (fleet,) = roster.fleets
    assert (fleet.vehicles, fleet.in_service, fleet.on_road) == (4, 3, 2)
    assert (fleet.driver_hours, fleet.cost_minor) == (6.0, 2 * WAGE)
    (week,) = roster.weeks
    assert (week.monday, week.rostered, week.available) == (FIRST - timedelta(days=2), 9.0, 400)
    # A plan gives each of the week's days a seventh of its hours.
    assert week.days == 2
    assert week.usable == pytest.approx(400 * 2 / 7)
    idle = db.read_now(lambda c, _: roster_of(c, day=FIRST + timedelta(days=9)))
    assert [(one.on_road, one.shifts, one.vehicles) for one in idle.fleets] == [(0, (), 4)]
    assert [one.rostered for one in idle.weeks] == [0]


def test_a_zone_is_as_full_as_the_pools_that_come_by(db: Database, town: Town, clock: Clock) -> None:
    def sell(conn: sa.Connection, _now: object) -> None:
        open_days(conn, now=NOW, first=FIRST, days=1)
        slot = make_slot(conn, town.shop, EARLY)
        for n in range(2):
            make_booking(conn, town.shop, slot, customer=f"c{n}")
        make_hold(conn, town.shop, slot, customer="ana")

    db.write_now(sell)
    fill = db.read_now(lambda c, now: day_fill(c, now=now, day=FIRST))
    assert list(fill.windows) == [EARLY, LATE]
    near, far = fill.of(EARLY)
    assert (near.zone.code, near.booked, near.held) == ("POR-001", 2, 1)
    # The other zone has taken nothing, and yet there is as much less for it.
    assert (far.zone.code, far.booked, far.held) == ("POR-002", 0, 0)
    assert near.taken == far.taken == fill.windows[EARLY]
    taken = near.taken
    assert (taken.booked.orders, taken.held.orders) == (2, 1)
    assert taken.left_orders == taken.sell.orders - 3
    assert taken.share is not None
    assert taken.share >= 3 / taken.sell.orders
    assert near.minute_worth_micro == (12_000_000, 12_000_000)
    assert (fill.of(LATE)[0].taken.share, fill.of(LATE)[0].taken.tightest) == (0.0, None)
    # What ended and was not tidied yet is held for nobody here.
    clock.forward(timedelta(hours=3))
    later = db.read_now(lambda c, now: day_fill(c, now=now, day=FIRST))
    assert later.of(EARLY)[0].held == 0


def test_pools_can_be_narrowed_and_a_zone_nobody_comes_to_says_so(db: Database, town: Town) -> None:
    none = db.read_now(lambda c, now: day_fill(c, now=now, day=FIRST, node_id="nowhere"))
    assert (none.pools, none.fills, none.windows) == ((), (), {})
    mine = db.read_now(
        lambda c, now: day_fill(c, now=now, day=FIRST, node_id=town.shop.node_id, class_id=town.shop.class_id)
    )
    assert len(mine.pools) == 2
    publish_days(db, town, {FIRST: Evening(early=(4.0, 0.0))})
    near, far = db.read_now(lambda c, now: day_fill(c, now=now, day=FIRST)).of(EARLY)
    assert (len(near.pools), far.pools, far.taken.share, far.minute_worth_micro) == (1, (), None, (0, 0))


@pytest.mark.usefixtures("town")
def test_what_runs_out_first_counts_and_an_overbooked_pool_takes_from_none(db: Database) -> None:
    pool = table_of(CapacityPool)
    early = pool.c.starts_at == EARLY.start
    sizes = {"sell_orders": 10, "booked_orders": 2, "sell_work_s": 4_000, "booked_work_s": 3_000}
    db.write_now(lambda c, _: c.execute(sa.update(pool).where(early).values(**sizes)) and None)
    over = {"sell_orders": 1, "booked_orders": 3, "sell_work_s": 4_000, "booked_work_s": 1_000}
    db.write_now(
        lambda c, _: c.execute(sa.update(pool).where(~early, pool.c.day == FIRST).values(**over)) and None
    )
    fill = db.read_now(lambda c, now: day_fill(c, now=now, day=FIRST))
    assert (fill.windows[EARLY].share, fill.windows[EARLY].tightest) == (0.75, CapacityDimension.WORK_S)
    assert (fill.windows[LATE].share, fill.windows[LATE].left_orders) == (3.0, 0)
    assert taken_of(fill.pools).left_orders == 8
