"""Keep a window for a customer every week."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.booking.claim import check_open, menu_of, too_much
from app.booking.columns import goods, where
from app.booking.errors import SlotNotFound
from app.booking.hold import stable
from app.booking.lockers import accepted
from app.booking.menu import Menu
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.database.idempotency import once
from app.database.rows import add, table_of
from app.handover.choose import choose
from app.handover.rules import DropWish
from app.handover.tables import DropPreference
from app.places.rules import CollectionPlace, Place
from app.places.zone_of import zone_of
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.standing.book_days import book_days
from app.standing.errors import AlreadyStanding
from app.standing.rules import steady_fee, wall_times, weekly_on
from app.standing.series import SERIES, Series, series_of
from app.standing.tables import StandingSlot
from app.values.actor import Actor
from app.values.basket import Basket

_SLOT = ("input", "slotId")


def create(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    slot_id: str,
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
    wish: DropWish | None = None,
    lockers: tuple[str, ...] = (),
    key: str,
) -> Series:
    """A standing slot in the window of this slot, from its day on, booked ahead to the horizon.

    Each week keeps a compartment in the first of the `lockers` that has one then, beside the door.
    The fee is agreed with it: the price table's, without what moves with demand. A week whose window is
    full is missed, and the customer is told. Raises SlotNotFound, OutOfZone, CutoffPassed, LeadTime,
    Blackout, BeyondHorizon, MinOrderValue, BasketTooLarge, AlreadyStanding, LockerNotHere, the refusals of
    handover and customers, and those of `once`.
    """
    request: dict[str, Any] = {
        **({"lockers": list(lockers)} if lockers else {}),
        "slot": slot_id,
        "place": asdict(place),
        "basket": stable(basket),
        "customer": asdict(customer),
        "wish": asdict(wish) if wish else None,
    }

    def work() -> Series:
        return _create(conn, now, actor, slot_id, place, basket, customer, wish, lockers)

    scope = f"{actor.storefront_id}:create_standing"
    return once(conn, now=now, scope=scope, key=key, request=request, answer=SERIES, work=work)


def _create(
    conn: Connection,
    now: datetime,
    actor: Actor,
    slot_id: str,
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
    wish: DropWish | None,
    locker_ids: tuple[str, ...],
) -> Series:
    zone = zone_of(conn, point=place.point)
    slot = next(iter(slots_by_id(conn, [slot_id])), None)
    if slot is None or slot.zone_id != zone.id or slot.withdrawn_at is not None:
        raise SlotNotFound(field=_SLOT)
    # Whoever asks for the same customer at the same time waits here.
    buyer = register(conn, now=now, actor=actor, facts=customer)
    menu = menu_of(
        conn,
        now=now,
        storefront_id=actor.storefront_id,
        slot=slot,
        point=None,
        basket=basket,
        customer_group=buyer.customer_group,
    )
    check_open(slot, menu, basket)
    collected = isinstance(place, CollectionPlace)
    preference = choose(conn, now=now, wish=wish, basket=basket, collected=collected)
    lockers = accepted(conn, zone_id=zone.id, locker_ids=locker_ids, basket=basket, collected=collected)
    starts, ends = wall_times(slot.window, slot.time_zone)
    row = StandingSlot(
        storefront_id=actor.storefront_id,
        customer_id=buyer.id,
        zone_id=zone.id,
        drop_preference_id=preference.id,
        rrule=weekly_on(slot.day),
        starts_local=starts,
        ends_local=ends,
        time_zone=slot.time_zone,
        first_day=slot.day,
        next_day=slot.day,
        created_at=now,
        lockers=lockers,
        **{**goods(basket), **where(place), **_agreed(now, menu, slot, basket, preference)},
    )
    _check_new(conn, row)
    add(conn, row)
    facts = {"standing_id": row.id, "actor": actor.name}
    events.record(conn, now=now, topic=f"standing:{row.id}", kind="standing.created", payload=facts)
    booked = book_days(conn, now=now, row=row)
    return series_of(conn, now=now, found=[booked])[0]


def _agreed(
    now: datetime, menu: Menu, slot: DeliverySlot, basket: Basket, preference: DropPreference
) -> dict[str, Any]:
    """The columns of the fee, with the grams of the vehicle that would come first."""
    reach = next(iter(menu.pools_for(slot, basket, preference.at_door_s)), None)
    if reach is None:
        raise too_much(menu, slot, basket)
    fee = steady_fee(
        menu.table,
        window=slot.window,
        zone=slot.time_zone,
        grams=reach.grams,
        handover_minor=preference.fee_minor,
    )
    return {
        "fee_rule_id": menu.table.id,
        "fee_minor": fee.total.minor,
        "fee_parts": [part.stored() for part in fee.parts],
        "currency": fee.currency,
        "fee_told_at": now,
        "grams": reach.grams,
    }


def _check_new(conn: Connection, row: StandingSlot) -> None:
    table = table_of(StandingSlot)
    same = ("customer_id", "rrule", "starts_local", "ends_local", "latitude", "longitude")
    query = sa.select(table.c.id).where(
        table.c.ended_at.is_(None), *(table.c[name] == getattr(row, name) for name in same)
    )
    if conn.execute(query).first():
        raise AlreadyStanding(field=_SLOT)
