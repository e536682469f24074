"""What a customer has ahead and behind."""

from datetime import timedelta

from app.booking.advance import advance
from app.booking.cancel import cancel
from app.booking.queries import bookings_ahead, bookings_behind
from app.booking.rules import BookingStatus
from app.database.runner import Database
from app.values.actor import Actor, Role
from app.values.ids import new_id
from tests.booking.world import Evening, open_evening
from tests.conftest import Clock
from tests.factories import make_storefront


def listed(world: Evening, customer_id: str, actor: Actor | None = None) -> tuple[list[str], list[str]]:
    who = actor or world.shop.actor
    ahead = world.db.read_now(lambda c, n: bookings_ahead(c, actor=who, customer_id=customer_id, now=n))
    behind = world.db.read_now(
        lambda c, n: bookings_behind(c, actor=who, customer_id=customer_id, now=n, limit=10)
    )
    return [one.id for one in ahead], [one.id for one in behind]


def test_what_comes_is_ahead_soonest_first_and_the_rest_is_behind(db: Database, clock: Clock) -> None:
    world = open_evening(db)
    later, sooner = world.booking(world.late, cart_reference="a"), world.booking(cart_reference="b")
    dropped = world.booking(cart_reference="c")
    world.booking(customer="rui")
    actor = world.shop.actor
    db.write_now(lambda c, n: cancel(c, now=n, actor=actor, booking_id=dropped.id, key=new_id()))
    assert listed(world, sooner.customer_id) == ([sooner.id, later.id], [dropped.id])

    operator = Actor(actor.storefront_id, Role.OPERATOR, "dispatcher")
    picked = BookingStatus.IN_FULFILMENT
    db.write_now(lambda c, n: advance(c, now=n, actor=operator, booking_id=later.id, status=picked))
    clock.set(world.late.ends_at + timedelta(minutes=5))
    ahead, behind = listed(world, sooner.customer_id)
    assert ahead == [later.id], "somebody is still working on it"
    assert set(behind) == {sooner.id, dropped.id}


def test_another_storefront_sees_none_of_it(db: Database) -> None:
    world = open_evening(db)
    booking = world.booking()
    other = db.write_now(lambda c, _: make_storefront(c))
    actor = Actor(other.id, Role.STOREFRONT, "another shop")
    assert listed(world, booking.customer_id, actor) == ([], [])
