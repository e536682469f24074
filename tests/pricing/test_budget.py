"""What steering demand costs stays within the budget of its day: counted when held, free when it ends."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.cancel import cancel
from app.booking.confirm import confirm
from app.booking.errors import FeeChanged, HoldExpired
from app.booking.hold import HoldRequest
from app.booking.hold_flexible import hold_flexible
from app.booking.hold_many import HOLDING
from app.booking.offer import offer
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.booking.tables import SlotHold
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Busy
from app.pricing.rules import FeePartKind
from app.pricing.tables import FeeRule, IncentiveBudget, IncentiveUse
from app.values.ids import new_id
from app.values.money import Money
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import evening, make_basket, make_pools, make_slot, pool_plan
from tests.loops import in_a_loop

DAY = date(2026, 11, 25)
EUR = "EUR"


def green(db: Database, *, budget: int | None, places: int = 10, **changes: Any) -> Evening:
    """An evening whose drops are green: fifty cents off each, as long as the day's budget lasts."""
    world = open_evening(db, early=places, late=places)
    told = {"green_grams": 30, "green_discount_minor": 50, "incentive_day_minor": budget, **changes}
    db.write_now(lambda c, _: c.execute(sa.update(table_of(FeeRule)).values(**told)) and None)
    return world


def spent(db: Database, day: date = DAY) -> int:
    table = table_of(IncentiveBudget)
    query = sa.select(table).where(table.c.day == day)
    found = db.read_now(lambda c, _: rows(c, IncentiveBudget, query))
    used = sa.select(sa.func.sum(table_of(IncentiveUse).c.minor)).where(
        table_of(IncentiveUse).c.day == day, table_of(IncentiveUse).c.returned_at.is_(None)
    )
    counted = found[0].spent_minor if found else 0
    # The counter is the sum of what is not given back, whatever happened.
    assert db.read_now(lambda c, _: c.execute(used).scalar() or 0) == counted
    return counted


def parts(held: Any) -> list[tuple[str, int]]:
    return [(part["kind"], part["minor"]) for part in held.fee_parts if part["kind"] == FeePartKind.INCENTIVE]


def offered(world: Evening, customer: str | None = None) -> list[int]:
    """The fees of the early and the late window, as anybody sees them."""

    def look(conn: Connection, now: Any) -> list[int]:
        seen = offer(
            conn,
            now=now,
            actor=world.shop.actor,
            place=world.shop.place,
            basket=make_basket(),
            first=DAY,
            last=DAY,
            customer_reference=customer,
        )
        return [one.quote.total.minor for day in seen.days for one in day.offers if one.quote]

    return world.db.read_now(look)


def test_what_is_held_counts_and_what_ends_is_free_again(db: Database, clock: Clock) -> None:
    world = green(db, budget=10_000)
    first, *_ = [world.hold(customer=name) for name in ("ana", "rui", "eva")]
    assert parts(first) == [("INCENTIVE", -50)]
    assert spent(db) == 150
    db.write_now(lambda c, n: release(c, now=n, actor=world.shop.actor, hold_id=first.id) and None)
    db.write_now(lambda c, n: release(c, now=n, actor=world.shop.actor, hold_id=first.id) and None)
    assert spent(db) == 100
    booked = world.booking(customer="zé")
    assert spent(db) == 150
    clock.forward(timedelta(hours=2))
    db.write_now(lambda c, n: reclaim(c, now=n) and None)
    assert spent(db) == 50
    db.write_now(
        lambda c, n: cancel(c, now=n, actor=world.shop.actor, booking_id=booked.id, key=new_id()) and None
    )
    assert spent(db) == 0


def test_a_spent_budget_offers_nothing_and_whoever_saw_less_is_told(db: Database) -> None:
    world = green(db, budget=120)
    before = offered(world)
    assert before == [400, 400]
    shown = Money(400, EUR)
    assert [world.hold(customer=name, expected_fee=shown).fee_minor for name in ("ana", "rui")] == [400, 400]
    # Twenty cents are left, and a discount is never cut to a part of itself.
    assert offered(world) == [450, 450]
    with pytest.raises(FeeChanged):
        world.hold(customer="eva", expected_fee=shown)
    assert spent(db) == 100
    held = world.hold(customer="eva")
    assert (held.fee_minor, parts(held)) == (450, [])
    assert spent(db) == 100
    assert world.sound()


def test_prices_are_the_same_for_everybody(db: Database) -> None:
    world = green(db, budget=10_000)
    world.booking(customer="ana")
    assert offered(world, "ana") == offered(world, "rui") == offered(world)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together"])
def test_a_rush_never_spends_more_than_the_budget(db: Database, together: bool) -> None:
    callers, affordable = 24, 7
    world = green(db, budget=50 * affordable + 49, places=callers)
    start = Barrier(callers)

    def asked(number: int) -> HoldRequest:
        return HoldRequest(
            actor=world.shop.actor,
            slot_id=(world.early if number % 2 else world.late).id,
            place=world.shop.place,
            basket=make_basket(),
            customer=CustomerFacts(reference=f"shopper-{number}"),
            wish=None,
            expected_fee=None,
            cart_reference="",
            key=new_id(),
        )

    def shopper(number: int) -> SlotHold:
        request = asked(number)
        start.wait(60)
        while True:
            try:
                return db.write_now(lambda c, n: HOLDING.alone(c, n, request))
            except Busy:
                continue

    async def crowd() -> list[SlotHold]:
        return await asyncio.gather(*(db.write_together(HOLDING, asked(n)) for n in range(callers)))

    if together:
        held = in_a_loop(crowd)
    else:
        with ThreadPoolExecutor(callers) as threads:
            held = list(threads.map(shopper, range(callers)))
    assert len(held) == callers
    assert sum(parts(one) != [] for one in held) == affordable
    assert spent(db) == 50 * affordable
    assert world.sound()


def test_a_move_takes_its_discount_along_and_a_late_payment_gets_it_again(db: Database, clock: Clock) -> None:
    world = green(db, budget=50)

    def other_day(conn: Connection, _now: object) -> Any:
        window = evening(date(2026, 11, 26), 18, 19)
        make_pools(conn, pool_plan(world.shop, window, work_s=300))
        return make_slot(conn, world.shop, window)

    thursday = db.write_now(other_day)
    booked = world.booking(customer="ana")
    assert spent(db) == 50

    def move(conn: Connection, now: Any, slot_id: str) -> None:
        reschedule(conn, now=now, actor=world.shop.actor, booking_id=booked.id, slot_id=slot_id, key=new_id())

    db.write_now(lambda c, n: move(c, n, thursday.id))
    assert (spent(db), spent(db, date(2026, 11, 26))) == (0, 50)
    held = world.hold(customer="rui")
    assert spent(db) == 50
    # Back to a day whose budget others hold now: without the discount.
    db.write_now(lambda c, n: move(c, n, world.late.id))
    assert (spent(db), spent(db, date(2026, 11, 26))) == (50, 0)

    clock.forward(timedelta(minutes=70))
    db.write_now(lambda c, n: reclaim(c, now=n) and None)
    assert spent(db) == 0

    def pay(conn: Connection, now: Any, hold: SlotHold, order: str) -> int:
        booking = confirm(
            conn, now=now, actor=world.shop.actor, hold_id=hold.id, order_reference=order, key=new_id()
        )
        return booking.fee_minor

    assert db.write_now(lambda c, n: pay(c, n, held, "A-1")) == held.fee_minor == 400
    assert spent(db) == 50

    late = world.hold(customer="eva")
    assert parts(late) == []
    assert spent(db) == 50


def test_a_late_payment_whose_discount_has_gone_is_asked_again(db: Database, clock: Clock) -> None:
    world = green(db, budget=50)
    held = world.hold(customer="ana")
    clock.forward(timedelta(minutes=70))
    db.write_now(lambda c, n: reclaim(c, now=n) and None)
    assert parts(world.hold(customer="rui")) == [("INCENTIVE", -50)]
    with pytest.raises(HoldExpired) as refused:
        db.write_now(
            lambda c, n: (
                confirm(c, now=n, actor=world.shop.actor, hold_id=held.id, order_reference="A", key=new_id())
                and None
            )
        )
    assert refused.value.facts["now_minor"] == 450
    assert spent(db) == 50
    assert world.sound()


def test_being_flexible_and_quiet_times_count_too(db: Database) -> None:
    world = green(db, budget=400, flexible_minor=60, flexible_most_minor=60)
    quiet = {"usual_cost_minor": 1_000, "pass_on_bp": 1_000}
    db.write_now(lambda c, _: c.execute(sa.update(table_of(FeeRule)).values(**quiet)) and None)
    request = HoldRequest(
        actor=world.shop.actor,
        slot_id="",
        place=world.shop.place,
        basket=make_basket(),
        customer=CustomerFacts(reference="ana"),
        wish=None,
        expected_fee=None,
        cart_reference="",
        key=new_id(),
    )
    held = db.write_now(
        lambda c, n: hold_flexible(c, now=n, slot_ids=[world.early.id, world.late.id], asked=request)
    )
    taken_off = -sum(part["minor"] for part in held.fee_parts if part["minor"] < 0)
    assert taken_off == spent(db) == 100 + 50 + 60
    plain = world.hold(customer="rui")
    assert -sum(part["minor"] for part in plain.fee_parts if part["minor"] < 0) == 150
    assert spent(db) == 360
