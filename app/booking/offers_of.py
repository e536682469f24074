"""Some slots of an address as offers: what a refused shopper is shown instead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.booking.menu import SlotOffer, read_menu, span_of
from app.places.rules import Place
from app.places.zone_of import zone_of
from app.slots.queries import slots_by_id
from app.values.actor import Actor
from app.values.basket import Basket


def offers_of(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    place: Place,
    basket: Basket,
    slot_ids: Sequence[str],
) -> list[SlotOffer]:
    """Offers for these slots in the order given; ids of other zones are left out."""
    zone = zone_of(conn, point=place.point)
    found = {slot.id: slot for slot in slots_by_id(conn, slot_ids) if slot.zone_id == zone.id}
    slots = [found[slot_id] for slot_id in slot_ids if slot_id in found]
    if not slots:
        return []
    menu = read_menu(
        conn,
        now=now,
        storefront_id=actor.storefront_id,
        zone_id=zone.id,
        time_zone=zone.time_zone,
        span=span_of(slots),
        basket=basket,
        customer_id=None,
    )
    return [menu.offer(slot, basket) for slot in slots]
