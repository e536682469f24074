"""The nearest windows that some goods can have instead of one: what a shopper in conflict is shown."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.booking.claim import menu_of, nearby
from app.booking.slot_offer import SlotOffer
from app.handover.queries import preference_by_id
from app.handover.rules import is_collected
from app.slots.queries import slots_by_id
from app.values.actor import Actor
from app.values.basket import Basket
from app.values.point import Point


def instead_of(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    slot_id: str,
    point: Point,
    basket: Basket,
    drop_preference_id: str,
) -> list[SlotOffer]:
    """Offers for the windows nearest in time to this one that have room for the goods, at most three."""
    slot = slots_by_id(conn, [slot_id])[0]
    menu = menu_of(
        conn,
        now=now,
        storefront_id=actor.storefront_id,
        slot=slot,
        point=point,
        basket=basket,
        collected=is_collected(preference_by_id(conn, drop_preference_id)),
    )
    return nearby(conn, menu, slot, basket)
