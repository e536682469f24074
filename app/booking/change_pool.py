"""Serve a booking from another pool: the new room and place on a tour first, then the old ones are free."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.claim import claim
from app.booking.menu import Menu
from app.booking.tables import DeliveryBooking
from app.capacity.give_back import give_back
from app.capacity.rules import Reach
from app.slots.tables import DeliverySlot
from app.tours.remove import remove
from app.values.actor import Actor


def change_pool(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    menu: Menu,
    booking: DeliveryBooking,
    slot: DeliverySlot,
    at_door_s: int,
    taken_because: str,
    freed_because: str,
) -> Reach:
    """The pool within the slot, not the booking's own, that serves it now; the booking's row is the caller's.

    The caller has locked both pools and their sheets. Raises SlotFull (with `alternatives`).
    """
    reach = claim(
        conn,
        now=now,
        actor=actor,
        menu=menu.without(booking.pool_id),
        slot=slot,
        basket=booking.basket,
        at_door_s=at_door_s,
        reference=booking.id,
        stop_reference=booking.hold_id,
        customer_group=booking.customer_group,
        reason=taken_because,
        booked=True,
    )
    give_back(
        conn,
        now=now,
        actor=actor.name,
        pool_id=booking.pool_id,
        booked=booking.load,
        reference=booking.id,
        reason=freed_because,
        audience=booking.customer_group,
    )
    remove(
        conn,
        now=now,
        pool_ids=[booking.pool_id],
        references=[booking.hold_id],
        but_not=(reach.node_id, reach.day),
    )
    return reach
