"""Hold a window for a standing customer until its submit deadline, days ahead of the order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.booking.claim import check_open, claim, menu_of
from app.booking.columns import new_hold
from app.booking.compartments import kept_again, lock_lockers
from app.booking.end_hold import end_hold
from app.booking.errors import CutoffPassed
from app.booking.menu import Menu, policy_of
from app.booking.queries import locked_hold
from app.booking.rules import HoldOrigin, HoldStatus, submit_by
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import SlotHold
from app.capacity.lock import lock
from app.capacity.rules import Reach
from app.customers.queries import group_of
from app.database.rows import add
from app.handover.tables import DropPreference
from app.places.rules import Place
from app.pricing.rules import Quote
from app.slots.tables import DeliverySlot
from app.tours.queries import locked_sheets
from app.values.actor import Actor
from app.values.basket import Basket
from app.values.ids import new_id
from app.values.point import Point


def hold_ahead(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    customer_id: str,
    cart_reference: str,
    slot: DeliverySlot,
    place: Place,
    basket: Basket,
    preference: DropPreference,
    fee: Quote,
    instead_of: str | None = None,
    lockers: Sequence[str] = (),
) -> SlotHold:
    """A hold at the fee that was agreed, until the storefront's submit deadline for the window.

    It keeps a compartment in the first of the `lockers` that has one; where none has, it goes to the door.
    The open hold `instead_of` is given up for it, and its room offered to those who wait; a refusal gives
    nothing up once the caller's transaction is taken back. Raises CutoffPassed (also past the deadline),
    LeadTime, Blackout, BeyondHorizon, MinOrderValue, BasketTooLarge, SlotFull (with `alternatives`).
    """
    submit_min = policy_of(conn, actor.storefront_id).standing_submit_min
    group = group_of(conn, customer_id)
    menu = _menu(conn, now, actor, group, slot, place.point, basket, submit_min)
    lock_lockers(conn, lockers)
    freed = _given_up(conn, now, actor, instead_of, [reach.pool_id for reach in menu.reaches])
    if freed:
        menu = menu.refreshed(conn)
    hold_id = new_id()
    reach = _claimed(conn, now, actor, menu, slot, basket, preference.at_door_s, hold_id, group)
    held = new_hold(
        now=now,
        hold_id=hold_id,
        storefront_id=actor.storefront_id,
        customer_id=customer_id,
        customer_group=group,
        cart_reference=cart_reference,
        place=place,
        basket=basket,
        slot=slot,
        reach=reach,
        preference=preference,
        fee=fee,
        cutoff_at=menu.cutoff_at(slot, [reach]),
        expires_at=submit_by(menu.cutoff_at(slot, [reach]), submit_min),
        origin=HoldOrigin.STANDING,
        lockers=lockers,
    )
    add(conn, held)
    _compartment(conn, now, held, slot)
    serve_waitlist(conn, now=now, pool_ids=freed)
    return held


def _claimed(
    conn: Connection,
    now: datetime,
    actor: Actor,
    menu: Menu,
    slot: DeliverySlot,
    basket: Basket,
    at_door_s: int,
    hold_id: str,
    customer_group: str | None,
) -> Reach:
    return claim(
        conn,
        now=now,
        actor=actor,
        menu=menu,
        slot=slot,
        basket=basket,
        at_door_s=at_door_s,
        reference=hold_id,
        customer_group=customer_group,
        reason="held for a standing slot",
    )


def _compartment(conn: Connection, now: datetime, held: SlotHold, slot: DeliverySlot) -> None:
    """The hold keeps one where there is one."""
    if held.lockers:
        kept_again(
            conn,
            now=now,
            hold_id=held.id,
            locker_ids=held.lockers,
            basket=held.basket,
            window=slot.window,
        )


def _menu(
    conn: Connection,
    now: datetime,
    actor: Actor,
    customer_group: str | None,
    slot: DeliverySlot,
    point: Point,
    basket: Basket,
    submit_min: int,
) -> Menu:
    """What the window can be had from, without the pools whose node closes too soon to order in time."""
    menu = menu_of(
        conn,
        now=now,
        storefront_id=actor.storefront_id,
        slot=slot,
        point=point,
        basket=basket,
        customer_group=customer_group,
    )
    check_open(slot, menu, basket)
    deadline = submit_by(menu.cutoff_at(slot, menu.open_reaches(slot)), submit_min)
    if now >= deadline:
        raise CutoffPassed(field=("input", "slotId"), cutoff_at=deadline.isoformat())
    for reach in menu.open_reaches(slot):
        if now >= submit_by(menu.cutoff_at(slot, [reach]), submit_min):
            menu = menu.without(reach.pool_id)
    return menu


def _given_up(
    conn: Connection, now: datetime, actor: Actor, hold_id: str | None, pool_ids: list[str]
) -> list[str]:
    """The pool of the hold that is given up; all pools that change are locked in their order first.

    Its room is freed before the new one is taken, because one pool may serve both windows; nobody else
    can take it meanwhile, and a refusal takes both back.
    """
    if hold_id is None:
        return []
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    lock(conn, pool_ids=[held.pool_id, *pool_ids])
    locked_sheets(conn, pool_ids=[held.pool_id, *pool_ids])
    status = HoldStatus.EXPIRED if held.expires_at <= now else HoldStatus.RELEASED
    reason = "moved to another window"
    end_hold(conn, now=now, actor=actor.name, held=held, status=status, reason=reason)
    return [held.pool_id]
