"""Every window an address and a basket could have, open or closed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import Connection

from app.booking.collect import with_collection
from app.booking.errors import TooManyDays
from app.booking.menu import read_menu, span_of
from app.booking.opened import with_openings
from app.booking.slot_offer import SlotOffer
from app.customers.queries import by_reference
from app.places.rules import CollectionPlace, Place
from app.places.tables import ServiceZone
from app.places.zone_of import zone_of
from app.slots.queries import slots_between
from app.values.actor import Actor
from app.values.basket import Basket
from app.values.window import local_day

MAX_DAYS = 14
DEFAULT_DAYS = 7
# An offer may be shown this long before it is asked for again.
FRESH = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class DayOffers:
    """The windows of one local day, in order of start and length."""

    day: date
    offers: tuple[SlotOffer, ...]


@dataclass(frozen=True, slots=True)
class Availability:
    """The answer to an address and a basket; `inventory_version` changes whenever the answer does."""

    place: Place
    zone: ServiceZone
    days: tuple[DayOffers, ...]
    inventory_version: str
    valid_until: datetime


def offer(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    place: Place,
    basket: Basket,
    first: date | None = None,
    last: date | None = None,
    customer_reference: str | None = None,
) -> Availability:
    """The windows of local days `first`..`last` (default today and six more, at most 14 days).

    Raises OutOfZone for a place that nobody serves, TooManyDays for a range that cannot be shown.
    """
    zone = zone_of(conn, point=place.point)
    begin = first or local_day(now, zone.time_zone)
    end = last or begin + timedelta(days=DEFAULT_DAYS - 1)
    if not begin <= end < begin + timedelta(days=MAX_DAYS):
        raise TooManyDays(field=("to",), limit=MAX_DAYS)
    slots = slots_between(conn, zone_id=zone.id, first=begin, last=end)
    customer = by_reference(conn, actor.storefront_id, customer_reference) if customer_reference else None
    offers: list[SlotOffer] = []
    if slots:
        menu = read_menu(
            conn,
            now=now,
            storefront_id=actor.storefront_id,
            zone_id=zone.id,
            time_zone=zone.time_zone,
            span=span_of(slots),
            point=place.point,
            basket=basket,
            customer_id=customer.id if customer else None,
            customer_group=customer.customer_group if customer else None,
            collected=isinstance(place, CollectionPlace),
        )
        offers = with_collection(
            conn,
            now=now,
            storefront_id=actor.storefront_id,
            zone_id=zone.id,
            point=place.point,
            offers=with_openings(menu, menu.offers(slots, basket), basket),
            first=begin,
            last=end,
            basket=basket,
            customer=customer,
        )
    return Availability(
        place=place,
        zone=zone,
        days=_by_day(offers),
        inventory_version=_version(offers),
        valid_until=_valid_until(now, offers),
    )


def _by_day(offers: Sequence[SlotOffer]) -> tuple[DayOffers, ...]:
    ordered = sorted(offers, key=lambda o: (o.slot.day, o.slot.starts_at, o.slot.ends_at))
    return tuple(DayOffers(day, tuple(same)) for day, same in groupby(ordered, lambda o: o.slot.day))


def _version(offers: Sequence[SlotOffer]) -> str:
    digest = hashlib.sha256()
    for one in offers:
        fee = one.quote.total.minor if one.quote else None
        grams = one.emissions.grams if one.emissions else None
        closed = one.closed.reason if one.closed else None
        digest.update(repr((one.slot.id, one.held_by_customer, fee, grams, closed, one.labels)).encode())
    return digest.hexdigest()[:16]


def _valid_until(now: datetime, offers: Sequence[SlotOffer]) -> datetime:
    return min([now + FRESH, *(one.slot.cutoff_at for one in offers if one.available)])
