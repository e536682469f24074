"""A booking's window kept every week from the week after it, for the fee that was told."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.cancel import cancel
from app.booking.errors import BookingEnded, BookingNotFound, SlotNotFound
from app.booking.tables import DeliveryBooking
from app.database.rows import table_of
from app.database.runner import Database
from app.slots.tables import DeliverySlot
from app.standing.errors import AlreadyStanding
from app.standing.keep import Weekly, keep, weekly
from app.standing.series import Series
from app.values.ids import new_id
from tests.conftest import Clock
from tests.standing.world import SECOND, THIRD, Fridays, open_fridays

FOURTH = THIRD + timedelta(days=7)


def kept(world: Fridays, booking: DeliveryBooking, key: str = "") -> Series:
    told = {"actor": world.shop.actor, "booking_id": booking.id, "key": key or new_id()}
    return world.db.write_now(lambda c, n: keep(c, now=n, **told))  # type: ignore[arg-type]  # one dict


def meant(world: Fridays, booking: DeliveryBooking) -> Weekly | None:
    actor = world.shop.actor
    return world.db.read_now(lambda c, n: weekly(c, now=n, actor=actor, booking_id=booking.id))


def test_it_is_kept_from_the_week_after_with_the_same_goods(db: Database) -> None:
    world = open_fridays(db)
    booking = world.booking()
    shown = meant(world, booking)
    assert shown is not None
    assert (shown.first_day, shown.kept) == (SECOND, None)
    series = kept(world, booking, key="once")
    assert kept(world, booking, key="once").row.id == series.row.id
    assert world.states(series) == {SECOND: "BOOKED_AHEAD"}
    held = world.held(series, SECOND)
    assert (held.basket, held.drop_preference_id) == (booking.basket, booking.drop_preference_id)
    assert (held.address_label, held.fee) == (booking.address_label, shown.fee.total)
    again = meant(world, booking)
    assert again is not None
    assert again.kept is not None
    assert again.kept.id == series.row.id
    with pytest.raises(AlreadyStanding):
        kept(world, booking)
    world.end(series)
    assert kept(world, booking).row.id != series.row.id, "what was given up can be kept again"
    assert world.sound()


def test_also_after_the_cut_off_and_when_the_booking_is_over(db: Database, clock: Clock) -> None:
    world = open_fridays(db)
    booking = world.booking()
    clock.set(booking.ends_at + timedelta(days=8))
    shown = meant(world, booking)
    assert shown is not None
    assert shown.first_day == THIRD
    assert world.states(kept(world, booking)) == dict.fromkeys((THIRD, FOURTH), "BOOKED_AHEAD")


def test_what_cannot_be_kept(db: Database) -> None:
    world = open_fridays(db)
    booking, other = world.booking(), world.booking(customer="rui")
    stranger = replace(world.shop.actor, storefront_id="stranger")
    with pytest.raises(BookingNotFound):
        db.write_now(lambda c, n: keep(c, now=n, actor=stranger, booking_id=booking.id, key="k"))
    told = {"actor": world.shop.actor, "booking_id": other.id, "key": "cancelled"}
    db.write_now(lambda c, n: cancel(c, now=n, **told))  # type: ignore[arg-type]  # one dict
    assert meant(world, other) is None
    with pytest.raises(BookingEnded):
        kept(world, other)
    table = table_of(DeliverySlot)
    gone = sa.update(table).where(table.c.id == booking.slot_id)
    db.write_now(lambda c, n: c.execute(gone.values(withdrawn_at=n)))
    with pytest.raises(SlotNotFound):
        kept(world, booking)
