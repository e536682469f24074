"""The windows that a week of a standing slot could move to, each with what the move costs or saves."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from app.booking.columns import wanted_basket
from app.booking.menu import read_menu, span_of
from app.booking.move_offers import MoveOffer
from app.booking.opened import with_openings
from app.customers.tables import Customer
from app.database.rows import by_id
from app.handover.queries import preference_by_id
from app.slots.queries import slots_between
from app.standing.move_fee import fee_in
from app.standing.rules import week_of
from app.standing.week import seen_week
from app.values.actor import Actor


def standing_move_offers(
    conn: Connection, *, now: datetime, actor: Actor, standing_id: str, day: date
) -> list[MoveOffer]:
    """Every other window of the week of this day, open or closed.

    Raises StandingSlotNotFound, StandingSlotEnded, NotAnOccurrence, OccurrenceConfirmed, OccurrenceEnded.
    """
    week = seen_week(conn, now=now, actor=actor, standing_id=standing_id, day=day)
    row, held = week.row, week.held
    first, last = week_of(day)
    slots = slots_between(conn, zone_id=row.zone_id, first=first, last=last)
    others = [slot for slot in slots if held is None or slot.id != held.slot_id]
    if not others:
        return []
    basket = wanted_basket(held) if held else row.basket
    customer = by_id(conn, Customer, row.customer_id)
    menu = read_menu(
        conn,
        now=now,
        storefront_id=row.storefront_id,
        zone_id=row.zone_id,
        time_zone=row.time_zone,
        span=span_of(others),
        point=held.point if held else row.point,
        basket=basket,
        customer_id=row.customer_id,
        customer_group=customer.customer_group if customer else None,
    )
    # Its own room is free for it, wherever else the same vehicles go.
    own = menu.with_room(held.pool_id, held.load).without_stop(held.id) if held else menu
    preference = preference_by_id(conn, held.drop_preference_id if held else row.drop_preference_id)
    offers = []
    for offer in with_openings(own, [own.offer(slot, basket) for slot in others], basket):
        _, difference = fee_in(menu.table, week=week, slot=offer.slot, preference=preference)
        offers.append(MoveOffer(offer, difference if offer.available else None))
    return offers
