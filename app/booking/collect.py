"""Closed windows that are open at a collection point near by: what a shopper could fetch instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection

from app.booking.menu import read_menu, span_of
from app.booking.openings import BY_TERMS, Opening
from app.booking.rules import SlotOpeningKind
from app.booking.slot_offer import SlotOffer
from app.customers.tables import Customer
from app.places.collection_points import collection_points_near
from app.places.tables import CollectionPoint
from app.places.zone_of import zones_of
from app.slots.queries import slots_between
from app.slots.tables import DeliverySlot
from app.values.basket import Basket
from app.values.point import Point, distance_m
from app.values.window import Window

# A shopper goes so far on foot or by bike, and looks at so many places.
NEAR_M, _MOST = 3_000, 2
# What gives the window up, or waits for it, comes after fetching the goods in it.
_LAST = (SlotOpeningKind.WAITLIST, SlotOpeningKind.LATER)

type _Open = dict[Window, tuple[CollectionPoint, DeliverySlot]]


def with_collection(
    conn: Connection,
    *,
    now: datetime,
    storefront_id: str,
    zone_id: str,
    point: Point,
    offers: Sequence[SlotOffer],
    first: date,
    last: date,
    basket: Basket,
    customer: Customer | None,
) -> list[SlotOffer]:
    """These offers; the closed ones name the nearest collection point where the same window is open.

    A point in the zone itself is served by the same pools, so it is not looked at.
    """
    if not any(_worth_it(one) for one in offers):
        return list(offers)
    near = collection_points_near(conn, point=point, within_m=NEAR_M, limit=_MOST)
    zones = zones_of(conn, points=[one.point for one in near])
    found: _Open = {}
    for place in near[::-1]:
        zone = zones.get(place.point)
        if zone is None or zone.id == zone_id:
            continue
        slots = slots_between(conn, zone_id=zone.id, first=first, last=last)
        if not slots:
            continue
        menu = read_menu(
            conn,
            now=now,
            storefront_id=storefront_id,
            zone_id=zone.id,
            time_zone=zone.time_zone,
            span=span_of(slots),
            point=place.point,
            basket=basket,
            customer_id=None,
            customer_group=customer.customer_group if customer else None,
            collected=True,
        )
        found |= {slot.window: (place, slot) for slot in slots if menu.offer(slot, basket).available}
    return [_named(one, found, point) for one in offers]


def _worth_it(one: SlotOffer) -> bool:
    return one.closed is not None and one.closed.reason not in BY_TERMS and not one.held_by_customer


def _named(one: SlotOffer, found: _Open, point: Point) -> SlotOffer:
    if one.closed is None or not _worth_it(one) or one.slot.window not in found:
        return one
    place, slot = found[one.slot.window]
    metres = distance_m(point, place.point)
    text = f"The same window is open at the collection point {place.name}, {metres} m away."
    opening = Opening(SlotOpeningKind.COLLECTION_POINT, text, slot, collection_point=place)
    known = [other for other in one.closed.opens_with if other.kind is not SlotOpeningKind.OTHER_WINDOW]
    before = [other for other in known if other.kind not in _LAST]
    opens_with = (*before, opening, *known[len(before) :])
    return replace(one, closed=replace(one.closed, opens_with=opens_with))
