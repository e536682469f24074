"""What tours cannot bring is neither offered nor held: every way in, every way out."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.errors import SlotFull
from app.booking.hold_flexible import hold_flexible
from app.booking.hold_many import hold_many
from app.booking.join_waitlist import join_waitlist
from app.booking.narrow import narrow
from app.booking.offer import offer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.booking.rules import HoldOrigin, HoldStatus, SlotClosedReason, SlotOpeningKind
from app.booking.slot_offer import SlotOffer
from app.booking.tables import SlotHold
from app.booking.update_hold import update_hold
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.handover.rules import DropWish, HandoverMode
from app.jobs import Job
from app.slots.tables import DeliverySlot
from app.tours.rules import IMPROVE_EVERY
from app.values.actor import Actor, Role
from app.values.ids import new_id
from tests.booking.test_hold_many import asked
from tests.booking.tours_world import DAY, bike, lay, sheet_of, toured_evening, tours_hold
from tests.booking.world import Evening, open_evening, wide_slot
from tests.conftest import Clock
from tests.factories import make_basket


def offered(world: Evening, slot: DeliverySlot, **told: Any) -> SlotOffer:
    def look(conn: sa.Connection, now: Any) -> SlotOffer:
        values = {"place": world.shop.place, "basket": make_basket(), **told}
        seen = offer(conn, now=now, actor=world.shop.actor, first=DAY, last=DAY, **values)
        return next(one for day in seen.days for one in day.offers if one.slot.id == slot.id)

    return world.db.read_now(look)


def filled(world: Evening) -> list[SlotHold]:
    return [world.hold(customer=name) for name in ("ana", "rui")]


def test_a_window_closes_when_no_tour_has_time_left_though_the_pool_has_room(db: Database) -> None:
    world = toured_evening(db)
    assert offered(world, world.early).available
    filled(world)
    assert world.taken(world.early) == (2, 0)
    closed = offered(world, world.early).closed
    assert closed is not None
    assert closed.by_tours
    assert closed.reason is SlotClosedReason.FULL
    assert "No vehicle has time left" in closed.message
    assert offered(world, world.late).available
    with pytest.raises(SlotFull) as refused:
        world.hold(customer="eva")
    assert [one["slot"] for one in refused.value.facts["alternatives"]] == [world.late.id]
    assert world.taken(world.early) == (2, 0)
    assert (tours_hold(db, world.shop), world.sound()) == (2, True)


def test_a_wider_window_is_shown_while_tours_have_time_in_it(db: Database) -> None:
    world = toured_evening(db)
    wide = wide_slot(world)
    filled(world)
    closed = offered(world, world.early).closed
    assert closed is not None
    wider = [one.slot for one in closed.opens_with if one.kind is SlotOpeningKind.WIDER_WINDOW]
    assert [slot.id for slot in wider if slot] == [wide.id]
    assert world.hold(wide, customer="eva").slot_id == wide.id
    assert not offered(world, wide).available
    assert tours_hold(db, world.shop) == 3


def test_what_no_vehicle_could_reach_even_empty_is_not_called_full(db: Database) -> None:
    world = open_evening(db)
    lay(db, world.shop, [bike(world.shop, range_m=100)])
    closed = offered(world, world.early).closed
    assert closed is not None
    assert (closed.reason, closed.by_tours) == (SlotClosedReason.FLEET_CAPACITY, True)


def test_without_tours_pools_alone_decide(db: Database) -> None:
    world = open_evening(db)
    for number in range(4):
        world.hold(customer=f"c{number}")
    assert offered(world, world.early).available


def test_released_cancelled_and_ended_holds_leave_the_tours(db: Database, clock: Clock) -> None:
    world = toured_evening(db)
    held, other = filled(world)
    shop = world.shop
    db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=held.id))
    assert (tours_hold(db, shop), offered(world, world.early).available) == (1, True)
    booking = world.booking(customer="ines")
    assert tours_hold(db, shop) == 2
    db.write_now(lambda c, n: cancel(c, now=n, actor=shop.actor, booking_id=booking.id, key=new_id()))
    assert tours_hold(db, shop) == 1
    world.hold(customer="paulo")
    assert not offered(world, world.early).available
    clock.forward(timedelta(hours=2))
    # Both have ended: that is seen at once, and their time is given out by who comes next.
    assert offered(world, world.early).available
    world.hold(customer="marta")
    assert (tours_hold(db, shop), world.taken(world.early)) == (1, (1, 0))
    assert other.id not in sheet_of(db, shop).sheet
    clock.forward(timedelta(hours=2))
    assert db.write_now(lambda c, n: reclaim(c, now=n)) == 1
    assert (tours_hold(db, shop), world.sound()) == (0, True)


def test_the_same_cart_moves_its_place_on_the_tours(db: Database) -> None:
    world = toured_evening(db)
    filled(world)
    # Ana gives up the only places there are by asking again.
    again = world.hold(customer="ana")
    assert again.slot_id == world.early.id
    moved = world.hold(world.late, customer="ana")
    assert (tours_hold(db, world.shop), moved.id in sheet_of(db, world.shop).sheet) == (2, True)


def test_larger_goods_and_longer_handovers_are_tried_on_the_tours(db: Database) -> None:
    world = open_evening(db)
    lay(db, world.shop, [bike(world.shop, handover_bp=70_000)])
    shop = world.shop
    porch = DropWish(HandoverMode.SAFE_PLACE, place="the porch")
    held = world.hold(customer="ana", wish=porch)
    second = world.hold(customer="rui", wish=porch)
    world.hold(customer="eva", wish=porch)

    def update(held: SlotHold, wish: DropWish | None = None, **basket: Any) -> SlotHold:
        goods = make_basket(**basket) if basket else None
        return db.write_now(
            lambda c, n: update_hold(
                c, now=n, actor=shop.actor, hold_id=held.id, wish=wish, basket=goods, key=new_id()
            )
        )

    assert update(held, weight_g=9_000).status is HoldStatus.ACTIVE
    assert tours_hold(db, shop) == 3
    for name in ("gil", "rita"):
        world.hold(customer=name, wish=porch)
    with pytest.raises(SlotFull):
        world.hold(customer="one-too-many", wish=porch)
    # Whoever is last may keep the bike for longer; a second one would make somebody late.
    assert update(held, wish=DropWish(HandoverMode.ATTENDED)).status is HoldStatus.ACTIVE
    refused = update(second, wish=DropWish(HandoverMode.ATTENDED))
    assert (refused.status, refused.conflict) == (HoldStatus.CONFLICTED, SlotClosedReason.FULL)
    assert tours_hold(db, shop) == 5
    assert world.sound()


def test_a_booking_moves_on_the_tours_and_stays_where_they_are_full(db: Database) -> None:
    world = toured_evening(db)
    shop = world.shop
    booking = world.booking(customer="ana")

    def move(slot: DeliverySlot) -> Any:
        return db.write_now(
            lambda c, n: reschedule(
                c, now=n, actor=shop.actor, booking_id=booking.id, slot_id=slot.id, key=new_id()
            )
        )

    move(world.late)
    assert (tours_hold(db, shop), world.taken(world.late)) == (1, (0, 1))
    filled(world)
    with pytest.raises(SlotFull):
        move(world.early)
    assert (tours_hold(db, shop), world.taken(world.late)) == (3, (0, 1))
    assert move(wide_slot(world)).moves == 2
    assert (tours_hold(db, shop), world.sound()) == (3, True)


def test_a_waiting_customer_gets_the_time_that_becomes_free(db: Database) -> None:
    world = toured_evening(db)
    held, _ = filled(world)

    def join(conn: sa.Connection, now: Any) -> object:
        return join_waitlist(
            conn,
            now=now,
            actor=world.shop.actor,
            place=world.shop.place,
            basket=make_basket(),
            customer=CustomerFacts(reference="eva", name="eva", email="eva@example.com"),
            slot_ids=[world.early.id],
            key=new_id(),
        )

    db.write_now(join)
    assert tours_hold(db, world.shop) == 2
    db.write_now(lambda c, n: release(c, now=n, actor=world.shop.actor, hold_id=held.id))
    offers = rows_of(db, SlotHold, origin=HoldOrigin.WAITLIST)
    assert (len(offers), tours_hold(db, world.shop)) == (1, 2)


def test_many_at_once_are_held_as_far_as_the_tours_go(db: Database) -> None:
    world = toured_evening(db, bikes=2)
    requests = [asked(world, f"c{number}") for number in range(6)]
    held = db.write_now(lambda c, n: hold_many(c, now=n, requests=requests))
    assert [one is not None for one in held] == [True] * 4 + [False] * 2
    assert (tours_hold(db, world.shop), world.taken(world.early)) == (4, (4, 0))
    assert world.sound()


def test_a_flexible_customer_gets_the_window_that_tours_have_time_in(db: Database) -> None:
    world = toured_evening(db)
    filled(world)
    request = asked(world, "eva")
    slots = [world.early.id, world.late.id]
    held = db.write_now(lambda c, n: hold_flexible(c, now=n, slot_ids=slots, asked=request))
    assert held.slot_id == world.late.id
    assert tours_hold(db, world.shop) == 3


def test_a_narrowed_window_is_the_one_on_the_tours(db: Database) -> None:
    world = toured_evening(db)
    wide = wide_slot(world)
    request = asked(world, "eva")

    def book(conn: sa.Connection, now: Any) -> str:
        held = hold_flexible(conn, now=now, slot_ids=[wide.id, world.early.id], asked=request)
        actor = world.shop.actor
        return confirm(conn, now=now, actor=actor, hold_id=held.id, order_reference="o-1", key=new_id()).id

    booking_id = db.write_now(book)
    house = Actor("", Role.OPERATOR, "clock")
    db.write_now(lambda c, n: narrow(c, now=n, actor=house, booking_id=booking_id, slot_id=world.early.id))
    assert tours_hold(db, world.shop) == 1


def test_a_window_is_narrowed_only_as_far_as_the_tours_go(db: Database) -> None:
    world = toured_evening(db)
    wide = wide_slot(world)
    filled(world)
    request = asked(world, "eva")

    def book(conn: sa.Connection, now: Any) -> str:
        held = hold_flexible(conn, now=now, slot_ids=[wide.id, world.early.id], asked=request)
        assert held.slot_id == wide.id
        actor = world.shop.actor
        return confirm(conn, now=now, actor=actor, hold_id=held.id, order_reference="o-1", key=new_id()).id

    booking_id = db.write_now(book)
    house = Actor("", Role.OPERATOR, "clock")
    # The early window is shorter, and full.
    narrowed = db.write_now(lambda c, n: narrow(c, now=n, actor=house, booking_id=booking_id))
    assert narrowed.slot_id == wide.id
    assert tours_hold(db, world.shop) == 3


def test_another_plan_keeps_the_tours_and_shows_what_it_cannot_bring(db: Database) -> None:
    world = toured_evening(db, bikes=2)
    for name in ("ana", "rui", "eva"):
        world.hold(customer=name)
    lay(db, world.shop, [bike(world.shop)] * 3, run_id="more")
    assert tours_hold(db, world.shop) == 3
    lay(db, world.shop, [bike(world.shop)], run_id="fewer")
    sheet = sheet_of(db, world.shop).sheet
    assert (len(sheet.placed), len(sheet.unplaced)) == (2, 1)
    assert not offered(world, world.early).available


def test_better_tours_are_asked_for_after_some_stops(db: Database) -> None:
    world = toured_evening(db, bikes=12)
    for number in range(IMPROVE_EVERY):
        slot = world.early if number % 2 else world.late
        world.hold(slot, customer=f"c{number}")
    wanted = rows_of(db, Job, kind="tours.improve")
    assert [job.payload for job in wanted] == [{"node_id": world.shop.node_id, "day": DAY.isoformat()}]


def rows_of(db: Database, model: Any, **values: Any) -> list[Any]:
    table = table_of(model)
    where = [table.c[name] == value for name, value in values.items()]
    return db.read_now(lambda c, _: rows(c, model, sa.select(table).where(*where)))
