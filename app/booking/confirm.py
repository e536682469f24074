"""Turn a hold into a booking: from here on the window is a promise."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.claim import claim, menu_of, nearby
from app.booking.columns import served
from app.booking.compartments import kept_by_hold, lock_lockers
from app.booking.errors import (
    BasketTooLarge,
    CutoffPassed,
    HoldAlreadyConfirmed,
    HoldConflicted,
    HoldExpired,
    HoldReleased,
    OrderAlreadyBooked,
    SlotFull,
)
from app.booking.flexible import choices_of
from app.booking.kept_offers import kept
from app.booking.menu import policy_of
from app.booking.queries import locked_hold
from app.booking.release_payment import release_payment, released_payment
from app.booking.rules import MESSAGES, HoldOrigin, HoldStatus, WaitlistStatus, status_at
from app.booking.seen import fee_of
from app.booking.serve_waitlist import settle_offer
from app.booking.tables import (
    BookingPolicy,
    DeliveryBooking,
    FlexibleSlotBooking,
    PromiseChange,
    SlotHold,
)
from app.capacity.promise import promise
from app.database.idempotency import once, row_answer
from app.database.rows import add, made, row_of, table_of
from app.errors import Settled
from app.handover.queries import preference_by_id
from app.handover.rules import is_collected
from app.pricing.queries import fee_rule
from app.pricing.spend import spend_again
from app.promotions.errors import Exhausted
from app.promotions.queries import applied
from app.promotions.redeem import redeem
from app.promotions.renew import renew
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.values.actor import Actor
from app.values.money import Money

# What a booking takes over from its hold, column by column.
_KEPT = set(DeliveryBooking.model_fields) & set(SlotHold.model_fields) - {
    "id",
    "status",
    "version",
    "changed_at",
    "created_at",
}


def confirm(
    conn: Connection, *, now: datetime, actor: Actor, hold_id: str, order_reference: str, key: str
) -> DeliveryBooking:
    """Book what is held, at the held fee, and leave word for the confirmation message.

    A hold that ended while the customer paid takes its window again if it can, at the held fee. Raises
    HoldNotFound, HoldExpired (with the old and the present fee, and `alternatives`) where it cannot,
    HoldReleased, HoldConflicted, HoldAlreadyConfirmed, CutoffPassed, OrderAlreadyBooked, and the refusals
    of `once`. Where it can never become a booking any more, the payment is released: see `release_payment`.
    """
    request = {"hold": hold_id, "order": order_reference}
    try:
        return once(
            conn,
            now=now,
            scope=f"{actor.storefront_id}:confirm",
            key=key,
            request=request,
            answer=row_answer(DeliveryBooking),
            work=lambda: _confirm(conn, now, actor, hold_id, order_reference),
        )
    except Settled as settled:
        release_payment(
            conn, now=now, actor=actor, hold_id=hold_id, order_reference=order_reference, why=settled.refusal
        )
        raise


def _confirm(
    conn: Connection, now: datetime, actor: Actor, hold_id: str, order_reference: str
) -> DeliveryBooking:
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    slot = slots_by_id(conn, [held.slot_id])[0]
    policy = policy_of(conn, held.storefront_id)
    _check(now, held, policy)
    _check_order(conn, actor, order_reference)
    if released_payment(conn, actor=actor, hold_id=held.id, order_reference=order_reference):
        # Its payment is on its way back: a window that is free again now is for another payment.
        raise _expired(conn, now, held, slot)
    if status_at(held.status, held.expires_at, now) is HoldStatus.EXPIRED:
        held = _late(conn, now, actor, held, slot, policy)
    booking = made(
        DeliveryBooking,
        **{name: getattr(held, name) for name in _KEPT},
        hold_id=held.id,
        order_reference=order_reference,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        created_at=now,
        changed_at=now,
    )
    choices = choices_of(conn, [held.id])[held.id]
    if choices:
        booking.starts_at = min(slot.starts_at for slot in choices)
        booking.ends_at = max(slot.ends_at for slot in choices)
    conn.execute(_confirmed(), {"its_id": held.id, "version": held.version + 1, "changed_at": now})
    promise(conn, now=now, actor=actor.name, pool_id=held.pool_id, load=held.load, reference=booking.id)
    add(conn, booking)
    if choices:
        _decide_later(conn, now, booking)
    redeem(conn, now=now, hold_id=held.id, booking_id=booking.id)
    off = applied(conn, [held.id]).get(held.id, [])
    add(conn, _promised(now, actor, booking, fee_of(booking, off).total.minor))
    if held.origin is HoldOrigin.WAITLIST:
        settle_offer(conn, hold_id=held.id, status=WaitlistStatus.ACCEPTED)
    _leave_word(conn, now, booking)
    return booking


@cache
def _confirmed() -> sa.Update:
    table = table_of(SlotHold)
    changes: dict[str, Any] = {"version": sa.bindparam("version"), "changed_at": sa.bindparam("changed_at")}
    mine = table.c.id == sa.bindparam("its_id")
    return sa.update(table).where(mine).values(status=HoldStatus.CONFIRMED, **changes)


def _decide_later(conn: Connection, now: datetime, booking: DeliveryBooking) -> None:
    """Which of its windows it is, is known at the first of their cut-offs at the latest."""
    add(conn, FlexibleSlotBooking(booking_id=booking.id, narrow_by=booking.cutoff_at))
    jobs.later(
        conn,
        now=now,
        kind="booking.narrow",
        payload={"booking_id": booking.id},
        dedup_key=f"narrow:{booking.id}",
        run_at=booking.cutoff_at,
    )


def _check(now: datetime, held: SlotHold, policy: BookingPolicy) -> None:
    field = ("input", "holdId")
    if held.status is HoldStatus.CONFIRMED:
        raise HoldAlreadyConfirmed(field=field)
    if held.status is HoldStatus.RELEASED:
        raise HoldReleased(field=field)
    if now >= held.cutoff_at + timedelta(minutes=policy.grace_min):
        raise CutoffPassed(field=field, cutoff_at=held.cutoff_at.isoformat())
    if held.conflict is not None and status_at(held.status, held.expires_at, now) is HoldStatus.CONFLICTED:
        raise HoldConflicted(field=field, reason=MESSAGES[held.conflict])


def _late(
    conn: Connection, now: datetime, actor: Actor, held: SlotHold, slot: DeliverySlot, policy: BookingPolicy
) -> SlotHold:
    """The ended hold with its window taken again, at the held fee: nobody who has paid goes without.

    Where nobody has taken its room back yet, it still has it.
    """
    if held.conflict is not None or now >= held.expires_at + timedelta(minutes=policy.late_min):
        raise _expired(conn, now, held, slot)
    changes = _compartment_again(conn, now, held, slot)
    try:
        renew(conn, now=now, hold_id=held.id, until=now + timedelta(minutes=1))
        if held.status is HoldStatus.EXPIRED:
            changes |= _taken_again(conn, now, actor, held, slot)
            usual_minor = fee_rule(conn, now=now, storefront_id=held.storefront_id).incentive_day_minor
            if not spend_again(conn, hold_id=held.id, usual_minor=usual_minor):
                raise Exhausted
    except (SlotFull, BasketTooLarge, Exhausted) as why:
        raise _expired(conn, now, held, slot) from why
    table = table_of(SlotHold)
    if changes:
        conn.execute(sa.update(table).where(table.c.id == held.id).values(**changes))
    return row_of(SlotHold, {**held.model_dump(), **changes})


def _compartment_again(conn: Connection, now: datetime, held: SlotHold, slot: DeliverySlot) -> dict[str, Any]:
    """The columns of an ended hold that has no compartment any more: it goes to the door."""
    if not held.lockers:
        return {}
    lock_lockers(conn, held.lockers)
    found = kept_by_hold(conn, now=now, held=held, slot=slot, basket=held.basket)
    return {} if found else {"lockers": []}


def _taken_again(
    conn: Connection, now: datetime, actor: Actor, held: SlotHold, slot: DeliverySlot
) -> dict[str, Any]:
    if slot.withdrawn_at is not None:
        raise SlotFull(field=("input", "holdId"))
    preference = preference_by_id(conn, held.drop_preference_id)
    menu = menu_of(
        conn, now=now, storefront_id=held.storefront_id, slot=slot, point=held.point, basket=held.basket
    )
    reach = claim(
        conn,
        now=now,
        actor=actor,
        menu=menu,
        slot=slot,
        basket=held.basket,
        at_door_s=preference.at_door_s,
        reference=held.id,
        customer_group=held.customer_group,
        reason="paid after the hold had ended",
    )
    return {**served(reach, preference), "cutoff_at": menu.cutoff_at(slot, [reach])}


def _expired(conn: Connection, now: datetime, held: SlotHold, slot: DeliverySlot) -> HoldExpired:
    """What the window costs now beside what was held, and the nearest windows that can be had."""
    preference = preference_by_id(conn, held.drop_preference_id)
    menu = menu_of(
        conn,
        now=now,
        storefront_id=held.storefront_id,
        slot=slot,
        point=held.point,
        basket=held.basket,
        customer_id=held.customer_id,
        customer_group=held.customer_group,
        collected=is_collected(preference),
    )
    present = menu.offer(slot, held.basket)
    fee: Money | None = None
    if present.available:
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
        alternatives=kept(nearby(conn, menu, slot, held.basket, held.customer_group)),
    )


def _check_order(conn: Connection, actor: Actor, order_reference: str) -> None:
    told = {"storefront": actor.storefront_id, "reference": order_reference}
    if conn.execute(_ordered(), told).first():
        raise OrderAlreadyBooked(field=("input", "orderReference"), order_reference=order_reference)


@cache
def _ordered() -> sa.Select[str]:
    table = table_of(DeliveryBooking)
    same = table.c.order_reference == sa.bindparam("reference")
    return sa.select(table.c.id).where(table.c.storefront_id == sa.bindparam("storefront"), same)


def _promised(now: datetime, actor: Actor, booking: DeliveryBooking, fee_minor: int) -> PromiseChange:
    return made(
        PromiseChange,
        booking_id=booking.id,
        at=now,
        actor=actor.name,
        reason="booked",
        after_starts_at=booking.starts_at,
        after_ends_at=booking.ends_at,
        after_fee_minor=fee_minor,
        currency=booking.currency,
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
