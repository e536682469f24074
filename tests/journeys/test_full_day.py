"""A day sold to its last window is brought: whatever was promised has a place on a tour of its own vehicles."""

from datetime import datetime, timedelta
from random import Random

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import Limits
from app.booking.confirm import confirm
from app.booking.hold import hold
from app.booking.offer import offer
from app.booking.tables import DeliveryBooking
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demo.city import demo_city
from app.demo.load import load
from app.demo.seed import read_seed
from app.fleet.tables import Shift
from app.places.rules import Place
from app.storefronts.queries import average_basket, storefront_by_key
from app.tours.problem import RoutingLimits
from app.tours.published import planned_stops
from app.tours.run_status import TourRunStatus
from app.values.actor import Actor, Role
from app.values.ids import new_id
from app.worker.plan import plan
from app.worker.tours import TourPlanner, booked_days
from app.world.streets import Streets
from tests.conftest import Clock
from tests.factories import NOW

DAY = (NOW + timedelta(days=1)).date()
# So many addresses in a row without any window: the day is sold out.
REFUSED = 12


def sell_out(db: Database) -> int:
    """Book the day at random addresses, whatever window is open, until there is none; how many were booked."""
    city, rng, booked, refused = demo_city(), Random(4), 0, 0
    shop = db.read_now(lambda c, _: storefront_by_key(c, None))
    actor, basket = Actor(shop.id, Role.STOREFRONT, "checkout"), average_basket(shop)
    while refused < REFUSED:
        home = rng.choice(city.addresses)
        place = Place(f"{home.street} {home.house_number}", home.point)
        who = CustomerFacts(reference=new_id())

        def one(conn: Connection, now: datetime, place: Place = place, who: CustomerFacts = who) -> bool:
            found = offer(conn, now=now, actor=actor, place=place, basket=basket, first=DAY, last=DAY)
            open_now = [one for day in found.days for one in day.offers if one.available]
            if not open_now:
                return False
            slot_id = rng.choice(open_now).slot.id
            held = hold(
                conn,
                now=now,
                actor=actor,
                slot_id=slot_id,
                place=place,
                basket=basket,
                customer=who,
                key=new_id(),
            )
            confirm(conn, now=now, actor=actor, hold_id=held.id, order_reference=who.reference, key=new_id())
            return True

        sold = db.write_now(one)
        booked, refused = booked + sold, 0 if sold else refused + 1
    return booked


def test_a_day_that_is_sold_out_is_brought_in_its_windows(db: Database, clock: Clock) -> None:
    seed = read_seed()
    small = seed.model_copy(update={"city": seed.city.model_copy(update={"zones": 8, "daily_orders": 200})})
    db.write_now(lambda c, n: load(c, now=n, seed=small, city=demo_city()))
    run = plan(db, trigger="test", days=2, limits=Limits(day_s=4, gap=0.02, processes=1))
    assert run.message is None
    shifts = db.read_now(
        lambda c, _: rows(c, Shift, sa.select(table_of(Shift)).where(table_of(Shift).c.day == DAY))
    )
    # Several classes leave a node together, and each needs its own vehicles.
    spans = [(one.node_id, one.starts_at, one.ends_at) for one in shifts]
    assert len(set(spans)) < len(spans)

    booked = sell_out(db)
    assert booked > 40
    clock.set(NOW + timedelta(hours=8))
    due = db.read_now(lambda c, n: booked_days(c, n, ahead=timedelta(days=2)))
    planner = TourPlanner(db, Streets(None), RoutingLimits(seconds=20, iterations=200), processes=1)
    for search in planner.plan(due, trigger="test"):
        assert search.status is TourRunStatus.PUBLISHED, search.message
        assert search.left_out == []
    bookings = db.read_now(lambda c, _: rows(c, DeliveryBooking, sa.select(table_of(DeliveryBooking))))
    stops = db.read_now(lambda c, _: planned_stops(c, [one.id for one in bookings]))
    assert len(bookings) == booked == len(stops)
    for one in bookings:
        assert one.starts_at <= stops[one.id].planned_arrival <= one.ends_at
