"""What a plan changes: pools, zones, shifts and what it earns; and that the last plan is kept to compare with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.allocation.outline import (
    Outline,
    PlannedDay,
    PlannedPool,
    PlannedShift,
    packed_outline,
    unpacked_outline,
)
from app.allocation.plan_changes import PlanChangeKind, plan_changes
from app.allocation.plan_history import changes_of_run, outline_of, runs_since
from app.allocation.queries import binding_limits, run_of
from app.allocation.tables import AllocationRun
from app.capacity.tables import CapacityPool
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.values.money import Money
from app.values.window import Window
from tests.allocation.by_hand import FIRST, WAGE, Evening, fail_run, make_town, publish_days
from tests.conftest import Clock

TODAY = date(2026, 11, 25)
SIX = datetime(2026, 11, 25, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pool(
    *, begins: datetime = SIX, node: str = "centre", orders: int = 6, bikes: int = 2, **drops: float
) -> PlannedPool:
    told = tuple(sorted((drops or {"near": 3.0}).items()))
    return PlannedPool(begins.date(), node, "bike", Window(begins, begins + HOUR), bikes, orders, told)


def shift(bikes: int, *, begins: datetime = SIX, hours: int = 4) -> PlannedShift:
    window = Window(begins, begins + hours * HOUR)
    return PlannedShift(
        begins.date(), "centre", "bike", window, bikes, float(hours * bikes), 2_000 * hours * bikes
    )


def plan(
    *pools: PlannedPool,
    shifts: tuple[PlannedShift, ...] = (),
    earns: int = 9_000,
    taken: int = 0,
    day: date = TODAY,
) -> Outline:
    days = (PlannedDay(day, SIX, 9.0, taken, earns),)
    return Outline("EUR", 1_000, pools, shifts, days)


def kinds(before: Outline, after: Outline, since: datetime = SIX) -> list[tuple[str, int, int]]:
    found = plan_changes(before, after, since=since).pools
    return [(one.kind.value, one.orders_before, one.orders_after) for one in found]


def test_pools_are_opened_closed_grown_shrunk_or_go_elsewhere() -> None:
    later = SIX + HOUR
    assert kinds(plan(), plan(pool())) == [("OPENED", 0, 6)]
    assert kinds(plan(pool()), plan()) == [("CLOSED", 6, 0)]
    assert kinds(plan(pool(orders=4)), plan(pool())) == [("GROWN", 4, 6)]
    assert kinds(plan(pool(), pool(begins=later)), plan(pool(orders=5), pool(begins=later))) == [
        ("SHRUNK", 6, 5)
    ]
    # As many orders by more bikes: more can be brought when one of them is late.
    assert kinds(plan(pool(bikes=2)), plan(pool(bikes=3))) == [("GROWN", 6, 6)]
    assert kinds(plan(pool()), plan(pool(node="depot"))) == [("CLOSED", 6, 0), ("OPENED", 0, 6)]
    (moved,) = plan_changes(plan(pool(near=2.0)), plan(pool(far=2.0)), since=SIX).pools
    assert (moved.kind, moved.gained, moved.lost) == (PlanChangeKind.OTHER_ZONES, ("far",), ("near",))


def test_zones_change_by_window_with_all_pools_that_reach_them() -> None:
    before = plan(pool(near=3.0), pool(node="depot", near=1.0, far=2.0))
    after = plan(pool(near=3.4, east=0.0), pool(node="depot", near=2.0))
    found = {one.zone_id: one for one in plan_changes(before, after, since=SIX).zones}
    near, far, east = found["near"], found["far"], found["east"]
    assert (near.kind, near.drops_before, near.drops_after) == (PlanChangeKind.GROWN, 4, 5)
    assert (near.pools_before, near.pools_after) == (2, 2)
    assert (far.kind, far.drops_before, far.pools_after) == (PlanChangeKind.CLOSED, 2, 0)
    # A pool comes by although nothing is planned there: it can be ordered.
    assert (east.kind, east.drops_after, east.pools_after) == (PlanChangeKind.OPENED, 0, 1)
    # Less than half an order is no change: such amounts are a solver's, not a dispatcher's.
    assert plan_changes(plan(pool(near=3.1)), plan(pool(near=2.9)), since=SIX).zones == ()


def test_shifts_are_added_and_taken_away_with_their_hours_and_cost() -> None:
    before = plan(shifts=(shift(2), shift(1, hours=8)))
    after = plan(shifts=(shift(3), shift(2, begins=SIX + HOUR)))
    changes = plan_changes(before, after, since=SIX)
    told = {(s.window.start, s.before, s.after): (s.hours, s.cost) for s in changes.shifts}
    assert told == {
        (SIX, 2, 3): (4.0, Money(8_000, "EUR")),
        (SIX, 1, 0): (-8.0, Money(-16_000, "EUR")),
        (SIX + HOUR, 0, 2): (8.0, Money(16_000, "EUR")),
    }
    # Two patterns with the same hours are one shift to whoever works it.
    assert plan_changes(plan(shifts=(shift(3),)), plan(shifts=(shift(1), shift(2))), since=SIX).shifts == ()


def test_what_was_booked_in_between_counts_with_its_margin() -> None:
    changes = plan_changes(plan(earns=9_000), plan(earns=6_500, taken=3), since=SIX)
    (day,) = changes.days
    assert (day.contribution_after - day.contribution_before, day.margin) == (
        Money(-2_500, "EUR"),
        Money(3_000, "EUR"),
    )
    assert changes.contribution == day.contribution == Money(500, "EUR")


def test_what_had_begun_and_days_of_one_plan_only_are_no_change() -> None:
    gone = kinds(plan(pool(), shifts=(shift(2),)), plan(), since=SIX + timedelta(minutes=1))
    assert gone == []
    tomorrow = TODAY + timedelta(days=1)
    fresh = replace(pool(begins=SIX + timedelta(days=1)))
    changes = plan_changes(plan(pool()), plan(fresh, day=tomorrow), since=SIX)
    assert (changes.pools, changes.zones, changes.days, changes.new_days) == ((), (), (), (tomorrow,))
    # A day whose first hours are over is compared in its windows, not in what it earns.
    partly = replace(plan(pool(orders=8)), days=(PlannedDay(TODAY, SIX + HOUR, 4.0, 0, 3_000),))
    changes = plan_changes(plan(pool()), partly, since=SIX)
    assert ([one.kind for one in changes.pools], changes.days[0].whole) == ([PlanChangeKind.GROWN], False)
    assert changes.contribution == Money(0, "EUR")


SOME = st.lists(
    st.builds(
        lambda hour, node, orders, bikes, zone: pool(
            begins=SIX + hour * HOUR, node=node, orders=orders, bikes=bikes, **{zone: float(orders)}
        ),
        st.integers(0, 3), st.sampled_from(("centre", "depot")), st.integers(1, 9), st.integers(1, 3),
        st.sampled_from(("near", "far")),
    ),
    max_size=6, unique_by=lambda one: (one.window, one.node_id),
)  # fmt: skip


@given(SOME, SOME)
def test_a_plan_changes_nothing_against_itself_and_there_and_back_mirror(
    some: list[PlannedPool], others: list[PlannedPool]
) -> None:
    one, other = plan(*some), plan(*others)
    same = plan_changes(one, one, since=SIX)
    assert (same.pools, same.zones, same.shifts, same.contribution) == ((), (), (), Money(0, "EUR"))
    there, back = plan_changes(one, other, since=SIX), plan_changes(other, one, since=SIX)
    assert [(p.orders_before, p.orders_after, p.gained) for p in there.pools] == [
        (p.orders_after, p.orders_before, p.lost) for p in back.pools
    ]
    assert unpacked_outline(packed_outline(one)) == one


def test_a_published_plan_is_kept_and_the_next_one_says_what_it_changed(db: Database, clock: Clock) -> None:
    town = db.write_now(lambda c, _: make_town(c))
    first = publish_days(db, town)
    assert db.read_now(lambda c, _: changes_of_run(c)) is None
    outline = db.read_now(lambda c, _: outline_of(c, first))
    assert outline is not None
    pools = db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))
    assert {(p.window, p.vehicles, p.orders) for p in outline.pools} == {
        (p.window, p.vehicles, p.sell_orders) for p in pools
    }
    assert {(s.day, s.vehicles, s.hours, s.cost_minor) for s in outline.shifts} == {
        (day, 2, 6.0, 2 * WAGE) for day in (FIRST, FIRST + timedelta(days=1))
    }

    clock.forward(timedelta(hours=1))
    third_day = FIRST + timedelta(days=2)
    more = {
        FIRST: Evening(bikes=3, early=(6.0, 0.0)),
        FIRST + timedelta(days=1): Evening(),
        third_day: Evening(),
    }
    second = publish_days(db, town, more, trigger="calendar")
    seen = db.read_now(lambda c, _: changes_of_run(c))
    assert seen is not None
    assert (seen.run.id, seen.before.id, seen.changes.new_days) == (second, first, (third_day,))
    assert {one.day for one in seen.changes.pools} == {FIRST}
    assert {one.day for one in seen.changes.zones} == {FIRST}
    early = seen.changes.pools[0]
    assert (early.kind, early.vehicles_before, early.vehicles_after) == (PlanChangeKind.GROWN, 2, 3)
    assert early.lost == (town.far,)
    (added,) = seen.changes.shifts
    assert (added.before, added.after, added.hours, added.cost) == (2, 3, 3.0, Money(WAGE, "EUR"))
    # Two drops more in the near zone, two fewer in the far one, and a bike's wage.
    assert seen.changes.contribution == Money(-WAGE, "EUR")


def test_a_plan_of_before_outlines_were_kept_is_worked_out_from_its_answer(
    db: Database, clock: Clock
) -> None:
    town = db.write_now(lambda c, _: make_town(c))
    first = publish_days(db, town)
    kept = db.read_now(lambda c, _: outline_of(c, first))
    run = table_of(AllocationRun)
    db.write_now(lambda c, _: c.execute(sa.update(run).values(outline=None)) and None)
    assert db.read_now(lambda c, _: outline_of(c, first)) == kept
    clock.forward(timedelta(hours=1))
    publish_days(db, town)
    seen = db.read_now(lambda c, _: changes_of_run(c))
    assert seen is not None
    assert (seen.changes.pools, seen.changes.shifts) == ((), ())


def test_runs_that_failed_since_are_told_and_are_nothing_to_compare_with(db: Database, clock: Clock) -> None:
    town = db.write_now(lambda c, _: make_town(c))
    good = publish_days(db, town)
    clock.forward(timedelta(minutes=5))
    fail_run(db, "The solver was stopped after 900 s. The last published plan stays.")
    run = db.read_now(lambda c, _: run_of(c))
    assert run is not None
    assert run.id == good
    (failed,) = db.read_now(lambda c, _: runs_since(c, run))
    assert failed.message is not None
    assert failed.message.startswith("The solver was stopped")
    assert db.read_now(lambda c, _: changes_of_run(c, failed.id)) is None
    # What binds on a day without an hour of its own says on which day.
    (span,) = {(b.starts_at, b.ends_at) for b in db.read_now(lambda c, _: binding_limits(c, good))
               if b.limit_name == "range of this kind" and b.starts_at and b.starts_at.date() == FIRST}  # fmt: skip
    assert span == (SIX, SIX + 2 * HOUR)
