"""Turn a hold into a booking: from here on the window is a promise."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.errors import (
    CutoffPassed,
    HoldAlreadyConfirmed,
    HoldExpired,
    HoldReleased,
    OrderAlreadyBooked,
)
from app.booking.menu import alternatives, policy_of, read_menu, span_of
from app.booking.queries import locked_hold
from app.booking.rules import HoldStatus, status_at
from app.booking.tables import DeliveryBooking, PromiseChange, SlotHold
from app.capacity.promise import promise
from app.database.idempotency import once, row_answer
from app.database.rows import add, table_of
from app.handover.queries import preference_by_id
from app.promotions.redeem import redeem
from app.slots.queries import slots_between, slots_by_id
from app.slots.tables import DeliverySlot
from app.values.actor import Actor
from app.values.money import Money

# What a booking takes over from its hold, column by column.
_KEPT = set(DeliveryBooking.model_fields) & set(SlotHold.model_fields) - {
    "id",
    "status",
    "version",
    "created_at",
}


def confirm(
    conn: Connection, *, now: datetime, actor: Actor, hold_id: str, order_reference: str, key: str
) -> DeliveryBooking:
    """Book what is held, at the held fee, and leave word for the confirmation message.

    Raises HoldNotFound, HoldExpired (with the old and the present fee, and `alternatives`), HoldReleased,
    HoldAlreadyConfirmed, CutoffPassed, OrderAlreadyBooked, and the refusals of `once`.
    """
    request = {"hold": hold_id, "order": order_reference}
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:confirm",
        key=key,
        request=request,
        answer=row_answer(DeliveryBooking),
        work=lambda: _confirm(conn, now, actor, hold_id, order_reference),
    )


def _confirm(
    conn: Connection, now: datetime, actor: Actor, hold_id: str, order_reference: str
) -> DeliveryBooking:
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    slot = slots_by_id(conn, [held.slot_id])[0]
    _check(conn, now, held, slot)
    _check_order(conn, actor, order_reference)
    booking = DeliveryBooking(
        **{name: getattr(held, name) for name in _KEPT},
        hold_id=held.id,
        order_reference=order_reference,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        created_at=now,
    )
    table = table_of(SlotHold)
    conn.execute(
        sa.update(table)
        .where(table.c.id == held.id)
        .values(status=HoldStatus.CONFIRMED, version=held.version + 1)
    )
    promise(conn, now=now, actor=actor.name, pool_id=held.pool_id, load=held.load, reference=booking.id)
    add(conn, booking)
    add(conn, _promised(now, actor, booking))
    redeem(conn, now=now, hold_id=held.id, booking_id=booking.id)
    _leave_word(conn, now, booking)
    return booking


def _check(conn: Connection, now: datetime, held: SlotHold, slot: DeliverySlot) -> None:
    field = ("input", "holdId")
    match status_at(held.status, held.expires_at, now):
        case HoldStatus.CONFIRMED:
            raise HoldAlreadyConfirmed(field=field)
        case HoldStatus.RELEASED:
            raise HoldReleased(field=field)
        case HoldStatus.EXPIRED:
            raise _expired(conn, now, held, slot)
    if now >= held.cutoff_at and now >= held.cutoff_at + _grace(conn, held):
        raise CutoffPassed(field=field, cutoff_at=held.cutoff_at.isoformat())


def _grace(conn: Connection, held: SlotHold) -> timedelta:
    """How long after the cut-off what was held before it may still be confirmed."""
    return timedelta(minutes=policy_of(conn, held.storefront_id).confirm_grace_min)


def _expired(conn: Connection, now: datetime, held: SlotHold, slot: DeliverySlot) -> HoldExpired:
    """What the window costs now beside what was held, and the nearest windows that can be had."""
    day = slots_between(conn, zone_id=slot.zone_id, first=slot.day, last=slot.day)
    menu = read_menu(
        conn,
        now=now,
        storefront_id=held.storefront_id,
        zone_id=slot.zone_id,
        time_zone=slot.time_zone,
        span=span_of(day),
        basket=held.basket,
        customer_id=None,
    )
    present = menu.offer(slot, held.basket)
    fee: Money | None = None
    if present.available:
        preference = preference_by_id(conn, held.drop_preference_id)
        reach = menu.pools_for(slot, held.basket, preference.at_door_s)[0]
        fee = menu.quote(slot, reach, preference.at_door_s, preference.fee_minor).total
    return HoldExpired(
        field=("input", "holdId"),
        expired_at=held.expires_at.isoformat(),
        held_amount=str(held.fee.amount),
        held_minor=held.fee_minor,
        now_minor=fee.minor if fee else None,
        now_text=f"{fee.amount} {fee.currency}" if fee else "taken",
        currency=held.currency,
        alternatives=alternatives(menu, day, held.basket, slot),
    )


def _check_order(conn: Connection, actor: Actor, order_reference: str) -> None:
    table = table_of(DeliveryBooking)
    taken = conn.execute(
        sa.select(table.c.id).where(
            table.c.storefront_id == actor.storefront_id, table.c.order_reference == order_reference
        )
    ).first()
    if taken:
        raise OrderAlreadyBooked(field=("input", "orderReference"), order_reference=order_reference)


def _promised(now: datetime, actor: Actor, booking: DeliveryBooking) -> PromiseChange:
    return PromiseChange(
        booking_id=booking.id,
        at=now,
        actor=actor.name,
        reason="booked",
        after_starts_at=booking.starts_at,
        after_ends_at=booking.ends_at,
    )


def _leave_word(conn: Connection, now: datetime, booking: DeliveryBooking) -> None:
    facts = {"booking_id": booking.id}
    events.record(conn, now=now, topic=f"booking:{booking.id}", kind="booking.confirmed", payload=facts)
    jobs.later(
        conn,
        now=now,
        kind="engagement.booking_confirmed",
        payload=facts,
        dedup_key=f"booking_confirmed:{booking.id}",
    )
