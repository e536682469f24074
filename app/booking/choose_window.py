"""Take a window that was proposed because a promise cannot be kept: free, also after the cut-off."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.change_pool import change_pool
from app.booking.claim import check_open, menu_of
from app.booking.compartments import moved as moved_compartment
from app.booking.enter_window import enter_window
from app.booking.errors import ProposalSettled, SlotNotFound
from app.booking.menu import Menu
from app.booking.queries import locked_booking
from app.booking.repromise import open_proposal_of, picked_where
from app.booking.rules import RepromiseState
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import DeliveryBooking, PromiseChange, RepromiseProposal
from app.capacity.lock import lock
from app.capacity.rules import Reach
from app.database.idempotency import once, row_answer
from app.database.rows import add, table_of
from app.handover.queries import preference_by_id
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.queries import locked_sheets
from app.values.actor import Actor

# How the line of the history begins that says why the window is another one.
CHOSEN = "chosen by the customer"


def choose_window(
    conn: Connection, *, now: datetime, actor: Actor, booking_id: str, slot_id: str, key: str
) -> DeliveryBooking:
    """The booking in a proposed window, at its old fee; it does not count as a move of the customer.

    Raises BookingNotFound, ProposalSettled where nothing is asked any more, SlotNotFound for a window that
    was not proposed or is no more, CutoffPassed, LeadTime, Blackout, BeyondHorizon, MinOrderValue,
    BasketTooLarge, LockerFull, SlotFull (with `alternatives`), and those of `once`.
    """
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:choose_window",
        key=key,
        request={"booking": booking_id, "slot": slot_id},
        answer=row_answer(DeliveryBooking),
        work=lambda: _choose(conn, now, actor, booking_id, slot_id),
    )


def _choose(conn: Connection, now: datetime, actor: Actor, booking_id: str, slot_id: str) -> DeliveryBooking:
    booking = locked_booking(conn, actor=actor, booking_id=booking_id)
    proposal = open_proposal_of(conn, booking_id=booking.id)
    if proposal is None:
        raise ProposalSettled(field=("input", "bookingId"))
    slot = next(iter(slots_by_id(conn, [slot_id])), None)
    if slot is None or slot_id not in proposal.alternatives or slot.withdrawn_at is not None:
        raise SlotNotFound(field=("input", "slotId"))
    preference = preference_by_id(conn, booking.drop_preference_id)
    moved_compartment(conn, now=now, booking=booking, window=slot.window)
    menu, reach = _taken(conn, now, actor, booking, slot, preference.at_door_s, proposal.reason)
    chosen = enter_window(
        conn, now=now, booking=booking, slot=slot, menu=menu, reach=reach, preference=preference
    )
    answered = table_of(RepromiseProposal)
    conn.execute(sa.update(answered).where(answered.c.id == proposal.id).values(state=RepromiseState.SETTLED))
    add(conn, _line(now, actor, proposal, booking, chosen))
    _leave_word(conn, now, booking, chosen)
    serve_waitlist(conn, now=now, pool_ids=[booking.pool_id])
    return chosen


def _taken(
    conn: Connection,
    now: datetime,
    actor: Actor,
    booking: DeliveryBooking,
    slot: DeliverySlot,
    at_door_s: int,
    reason: str,
) -> tuple[Menu, Reach]:
    """The pool that serves the chosen window; the old room and the old place on a tour are free again."""
    menu = menu_of(
        conn,
        now=now,
        storefront_id=booking.storefront_id,
        slot=slot,
        point=booking.point,
        basket=booking.basket,
        customer_group=booking.customer_group,
    ).of_picked(picked_where(conn, now, [booking]).get(booking.id, frozenset()))
    check_open(slot, menu, booking.basket)
    pools = [booking.pool_id, *(r.pool_id for r in menu.pools_for(slot, booking.basket, at_door_s))]
    lock(conn, pool_ids=pools)
    locked_sheets(conn, pool_ids=pools)
    menu = menu.refreshed(conn)
    reach = change_pool(
        conn,
        now=now,
        actor=actor,
        menu=menu,
        booking=booking,
        slot=slot,
        at_door_s=at_door_s,
        taken_because="chosen instead of a window that cannot be kept",
        freed_because=reason,
    )
    return menu, reach


def _line(
    now: datetime,
    actor: Actor,
    proposal: RepromiseProposal,
    before: DeliveryBooking,
    after: DeliveryBooking,
) -> PromiseChange:
    return PromiseChange(
        booking_id=before.id,
        at=now,
        actor=actor.name,
        reason=f"{CHOSEN}: {proposal.reason}",
        before_starts_at=before.starts_at,
        before_ends_at=before.ends_at,
        after_starts_at=after.starts_at,
        after_ends_at=after.ends_at,
    )


def _leave_word(conn: Connection, now: datetime, before: DeliveryBooking, after: DeliveryBooking) -> None:
    facts = {
        "booking_id": after.id,
        "version": after.version,
        "before": [before.starts_at.isoformat(), before.ends_at.isoformat()],
    }
    events.record(conn, now=now, topic=f"booking:{after.id}", kind="booking.moved", payload=facts)
    key = f"booking_moved:{after.id}:{after.version}"
    jobs.later(conn, now=now, kind="engagement.booking_moved", payload=facts, dedup_key=key)
