"""The windows that a booking could move to, each with what the move costs or saves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from app.booking.difference import Move, move_of
from app.booking.errors import BookingNotFound, TooManyDays
from app.booking.menu import Menu, read_menu, span_of
from app.booking.offer import DEFAULT_DAYS, MAX_DAYS
from app.booking.opened import with_openings
from app.booking.queries import booking_of
from app.booking.slot_offer import SlotOffer
from app.handover.queries import preference_by_id
from app.handover.rules import is_collected
from app.slots.queries import slots_between, slots_by_id
from app.values.actor import Actor
from app.values.money import Money
from app.values.window import local_day


@dataclass(frozen=True, slots=True)
class MoveOffer:
    """A window for a booking: `difference` is what the customer would owe more, None while it is closed."""

    offer: SlotOffer
    difference: Money | None


def move_offers(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    booking_id: str,
    first: date | None = None,
    last: date | None = None,
) -> list[MoveOffer]:
    """Every other window of the booking's address on local days `first`..`last` (default today and six more).

    Raises BookingNotFound, TooManyDays.
    """
    booking = booking_of(conn, actor=actor, booking_id=booking_id)
    if booking is None:
        raise BookingNotFound(field=("bookingId",))
    time_zone = slots_by_id(conn, [booking.slot_id])[0].time_zone
    begin = first or local_day(now, time_zone)
    end = last or begin + timedelta(days=DEFAULT_DAYS - 1)
    if not begin <= end < begin + timedelta(days=MAX_DAYS):
        raise TooManyDays(field=("to",), limit=MAX_DAYS)
    slots = slots_between(conn, zone_id=booking.zone_id, first=begin, last=end)
    others = [slot for slot in slots if slot.id != booking.slot_id]
    if not others:
        return []
    menu = read_menu(
        conn,
        now=now,
        storefront_id=booking.storefront_id,
        zone_id=booking.zone_id,
        time_zone=time_zone,
        span=span_of(others),
        point=booking.point,
        basket=booking.basket,
        customer_id=booking.customer_id,
        customer_group=booking.customer_group,
        collected=is_collected(preference_by_id(conn, booking.drop_preference_id)),
    )
    # Its own room is free for it, wherever else the same vehicles go.
    own = menu.with_room(booking.pool_id, booking.load).without_stop(booking.hold_id)
    move = move_of(conn, booking)
    made = with_openings(own, [own.offer(slot, booking.basket) for slot in others], booking.basket)
    return [_offer(own, move, one) for one in made]


def _offer(menu: Menu, move: Move, offer: SlotOffer) -> MoveOffer:
    booking, slot = move.booking, offer.slot
    at_door_s = move.preference.at_door_s
    fitting = menu.pools_for(slot, booking.basket, at_door_s)
    with_room = (reach for reach in fitting if reach.has_room(booking.basket, at_door_s))
    reach = move.own_pool(fitting) or next(with_room, None)
    if not offer.available or reach is None:
        return MoveOffer(offer, None)
    return MoveOffer(offer, move.fee(menu, slot, reach).difference)
