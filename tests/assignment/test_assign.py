"""Bookings are served by the best vehicles inside what was promised, and the ledger says so."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.orders import OrderLimits, OrderPlan
from app.allocation.rules import RunStatus
from app.assignment.publish import Told, publish_assignment
from app.assignment.queries import days_cut_off, moves_of
from app.assignment.rules import AssignmentTrigger
from app.assignment.snapshot import Frozen, freeze
from app.assignment.tables import AssignmentRun
from app.booking.confirm import confirm
from app.booking.hold import HoldRequest
from app.booking.hold_flexible import hold_flexible
from app.booking.queries import history
from app.booking.reschedule import reschedule
from app.booking.tables import DeliveryBooking
from app.capacity.tables import CapacityEntry
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.pricing.rules import GREENER, FeePartKind
from app.values.basket import GoodsTrait
from app.values.ids import new_id
from app.worker.assign import assign
from tests.assignment.world import DAY, Street, room, street
from tests.conftest import Clock
from tests.factories import make_basket

QUICK = OrderLimits(seconds=2, gap=1e-6)


def assigned(
    town: Street, trigger: AssignmentTrigger = AssignmentTrigger.OPERATOR, **told: Any
) -> AssignmentRun:
    """A run that was published."""
    run = assign(town.db, day=DAY, trigger=trigger, limits=QUICK, **told)
    assert run.status is RunStatus.PUBLISHED, run.message
    return run


def flexible(town: Street, name: str) -> DeliveryBooking:
    """A booking of either hour."""

    def work(conn: Connection, now: datetime) -> DeliveryBooking:
        asked = HoldRequest(
            actor=town.shop.actor,
            place=town.shop.place,
            basket=make_basket(),
            customer=CustomerFacts(reference=name, name=name, email=f"{name}@example.com"),
            wish=None,
            expected_fee=None,
            cart_reference="",
            key=new_id(),
            slot_id=town.early.id,
        )
        held = hold_flexible(conn, now=now, slot_ids=[town.early.id, town.late.id], asked=asked)
        order = f"order-{name}"
        return confirm(
            conn, now=now, actor=town.shop.actor, hold_id=held.id, order_reference=order, key=new_id()
        )

    return town.db.write_now(work)


def test_a_dear_vehicle_is_exchanged_when_a_cheap_one_has_room_again(db: Database) -> None:
    town = street(db)
    town.publish(town.bike(18, orders=0), town.bike(19), town.vans(18))
    ana = town.booking(town.early, "ana")
    assert town.pool_of(ana).vehicle_class_id == town.van.id
    town.publish(town.bike(18), town.bike(19), town.vans(18))
    before = db.read_now(lambda c, _: history(c, [ana.id]))[ana.id]

    run = assigned(town)
    assert (run.moved, run.partner_couriers, run.orders) == (1, 0, 1)
    assert run.bound_minor is not None
    assert run.objective_minor is not None
    assert run.bound_minor <= run.objective_minor
    now = town.now_of(ana)
    assert town.pool_of(ana).vehicle_class_id == town.shop.class_id
    assert (now.version, now.window, now.grams) == (ana.version + 1, ana.window, 12)
    # What was promised is as it was; the move has its own line, and the ledger explains both pools.
    assert db.read_now(lambda c, _: history(c, [ana.id]))[ana.id] == before
    (move,) = db.read_now(lambda c, _: moves_of(c, ana.id))
    assert (move.before_pool_id, move.after_pool_id, move.actor) == (ana.pool_id, now.pool_id, "planner")
    entry = table_of(CapacityEntry)
    mine = sa.select(entry).where(entry.c.reference == ana.id).order_by(entry.c.id)
    kinds = [(e.kind, e.pool_id, e.reason) for e in db.read_now(lambda c, _: rows(c, CapacityEntry, mine))]
    assert kinds[-2:] == [
        ("RELEASE", ana.pool_id, move.reason),
        ("BOOKING", now.pool_id, move.reason),
    ] or kinds[-2:] == [("BOOKING", now.pool_id, move.reason), ("RELEASE", ana.pool_id, move.reason)]
    assert town.sound()
    assert assigned(town).moved == 0


def test_a_narrow_customer_gets_the_room_that_a_wide_one_does_not_need(db: Database) -> None:
    town = street(db)
    town.publish(town.bike(18, orders=2), town.bike(19, orders=2))
    wide = [town.booking(town.both, name) for name in ("ana", "rui")]
    assert {town.pool_of(b).starts_at for b in wide} == {town.early.starts_at}
    # The early bikes lose a place: one of the two goes later, inside the two hours that were promised.
    town.publish(town.bike(18, orders=1), town.bike(19, orders=2))
    run = assigned(town)
    assert run.partner_couriers == 0
    assert town.sound()


def test_what_no_vehicle_can_take_is_brought_by_a_partner_courier_and_comes_back(db: Database) -> None:
    town = street(db)
    ana = town.booking(town.early, "ana")
    town.publish(town.bike(19))
    run = assigned(town)
    assert run.partner_couriers == 1
    now = town.now_of(ana)
    assert (now.partner_courier, now.status, now.window) == (True, ana.status, ana.window)
    assert all(pool.booked_orders == 0 for pool in town.pools().values())
    assert town.sound()
    town.publish(town.bike(18), town.bike(19))
    assert assigned(town).partner_couriers == 0
    assert town.now_of(ana).partner_courier is False
    assert town.sound()


def test_a_customer_who_moves_away_from_a_partner_courier_takes_room_again(db: Database) -> None:
    town = street(db)
    ana = town.booking(town.early, "ana")
    town.publish(town.bike(19))
    assigned(town)
    moved = db.write_now(
        lambda c, n: reschedule(
            c, now=n, actor=town.shop.actor, booking_id=ana.id, slot_id=town.late.id, key="later"
        )
    )
    assert moved.partner_courier is False
    assert town.sound()


def test_large_things_stay_with_vans(db: Database) -> None:
    town = street(db)
    sofa = make_basket(traits=frozenset({GoodsTrait.BULKY}))
    big = town.booking(town.early, "ana", basket=sofa)
    assert town.pool_of(big).vehicle_class_id == town.van.id
    assert assigned(town).moved == 0
    town.publish(town.bike(18), town.bike(19))
    assert assigned(town).partner_couriers == 1


def test_at_the_cut_off_flexible_bookings_get_their_window_and_what_is_picked_stays(
    db: Database, clock: Clock
) -> None:
    town = street(db)
    eva = flexible(town, "eva")
    assert assigned(town, AssignmentTrigger.HOUR).narrowed == 0
    assert town.now_of(eva).window == town.both.window
    clock.set(eva.cutoff_at + timedelta(seconds=1))
    assert db.read_now(lambda c, n: days_cut_off(c, now=n)) == [DAY]
    run = assigned(town, AssignmentTrigger.CUTOFF)
    assert run.narrowed == 1
    assert town.now_of(eva).window in (town.early.window, town.late.window)
    assert town.now_of(eva).window.covers(town.pool_of(eva).window)
    assert db.read_now(lambda c, n: days_cut_off(c, now=n)) == []
    # Picked now: a later run leaves it where it is.
    assert assigned(town, AssignmentTrigger.CUTOFF).orders == 0
    assert town.sound()


def test_a_plan_that_something_was_booked_under_is_made_again(db: Database) -> None:
    town = street(db)
    town.publish(town.bike(18, orders=0), town.bike(19), town.vans(18))
    town.booking(town.early, "ana")
    town.publish(town.bike(18, orders=1), town.bike(19), town.vans(18))
    calls = []

    def publish(conn: Connection, now: datetime, run_id: str, frozen: Frozen, plan: OrderPlan) -> None:
        told = Told("planner", "a test")
        publish_assignment(conn, now=now, run_id=run_id, frozen=frozen, plan=plan, told=told)

    def meanwhile(conn: Connection, now: datetime, run_id: str, frozen: Frozen, plan: OrderPlan) -> None:
        calls.append(run_id)
        publish(conn, now, run_id, frozen, plan)

    froze = db.read_now(lambda c, n: freeze(c, now=n, day=DAY))
    town.booking(town.early, "rui")
    assert len(froze.bookings) == 1

    # The bike's only place is gone since this problem was frozen: nothing of its answer is written.
    def stale(conn: Connection, now: datetime, run_id: str, frozen: Frozen, plan: OrderPlan) -> None:
        if not calls:
            calls.append(run_id)
            first = froze.problem.orders[0]
            bike = next(i for i, ch in enumerate(first.choices) if ch.pool != first.present)
            answer = OrderPlan((bike,), (0,) * len(froze.problem.pools), 0, 0, (0.0,) * 3, 0, 0, 0, 0)
            publish(conn, now, run_id, froze, answer)
        else:
            publish(conn, now, run_id, frozen, plan)

    run = assigned(town, publish=stale)
    assert calls
    assert run.status is RunStatus.PUBLISHED
    assert town.sound()
    runs = db.read_now(lambda c, _: rows(c, AssignmentRun, sa.select(table_of(AssignmentRun))))
    assert sorted(r.status for r in runs) == ["FAILED", "PUBLISHED"]


@pytest.mark.parametrize("script", ["raise SystemExit(3)", "print('nonsense')"])
def test_a_solver_that_fails_leaves_every_booking_where_it_is(db: Database, script: str) -> None:
    town = street(db)
    ana = town.booking(town.early, "ana")
    run = assign(db, day=DAY, trigger=AssignmentTrigger.HOUR, command=(sys.executable, "-c", script))
    assert run.status is RunStatus.FAILED
    assert "stays where it is" in (run.message or "")
    assert town.now_of(ana) == ana


def test_rooms_are_what_is_sold_less_what_is_held(db: Database) -> None:
    town = street(db)
    town.booking(town.early, "ana")
    problem = db.read_now(lambda c, n: freeze(c, now=n, day=DAY)).problem
    assert [pool.room.orders for pool in problem.pools] == [10, 10, 10]
    assert room(10).work_s == 5_400


def test_what_was_sold_as_greener_stays_green(db: Database) -> None:
    town = street(db)
    ana, rui = (town.booking(town.early, name) for name in ("ana", "rui"))
    part = {"kind": FeePartKind.INCENTIVE, "label": GREENER, "minor": -50, "currency": "EUR"}
    table = table_of(DeliveryBooking)
    values = {"fee_parts": [*ana.fee_parts, part]}
    db.write_now(lambda c, _: c.execute(sa.update(table).where(table.c.id == ana.id).values(**values)))
    # Vans are cheaper now, and emit more.
    town.publish(town.bike(18, cost_minor=900), town.bike(19, cost_minor=900), town.vans(18, grams=300))
    assigned(town)
    assert town.pool_of(ana).vehicle_class_id == town.shop.class_id
    assert town.pool_of(rui).vehicle_class_id == town.van.id
    # Where the bikes are gone, the hour that was promised counts more than the grams.
    town.publish(town.bike(19, cost_minor=900), town.vans(18, grams=300))
    run = assigned(town)
    assert run.partner_couriers == 0
    assert town.pool_of(ana).vehicle_class_id == town.van.id
    assert town.sound()
