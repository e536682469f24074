"""Move a booking to another window: the new one is secured before the old one is freed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from app import events, jobs
from app.booking.active_hold import check_version
from app.booking.change_pool import change_pool
from app.booking.claim import check_open, menu_of
from app.booking.columns import priced
from app.booking.compartments import moved as moved_compartment
from app.booking.difference import Move, MoveFee, move_of
from app.booking.enter_window import enter_window
from app.booking.errors import FeeDifferenceChanged, MoveLimitReached, SameWindow, SlotNotFound
from app.booking.flexible import flexible_of
from app.booking.menu import Menu, policy_of
from app.booking.open_booking import open_booking
from app.booking.serve_waitlist import serve_waitlist
from app.booking.stops import stop_of
from app.booking.tables import DeliveryBooking, PromiseChange
from app.capacity.adjust import adjust
from app.capacity.lock import lock
from app.capacity.rules import Reach
from app.customers.tables import Customer
from app.database.idempotency import once, row_answer
from app.database.rows import add, by_id
from app.pricing.rules import FeePartKind
from app.pricing.spend import Spending, give_back_spent, spend
from app.promotions.keep import keep
from app.promotions.pass_uses import keep_use
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.place import place
from app.tours.queries import locked_sheets
from app.values.actor import Actor
from app.values.money import Money


def reschedule(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    booking_id: str,
    slot_id: str,
    expected_difference: Money | None = None,
    expected_version: int | None = None,
    reason: str | None = None,
    key: str,
) -> DeliveryBooking:
    """The booking in another window of its address, at that window's fee of now.

    Both pools are locked in one order, the new room is taken, then the old is freed and offered to those
    who wait for it. Raises BookingNotFound, CutoffPassed (of either window), BookingOnItsWay,
    BookingEnded, VersionConflict, MoveLimitReached, SameWindow, SlotNotFound, LeadTime, Blackout,
    BeyondHorizon, MinOrderValue, BasketTooLarge, SlotFull (with `alternatives`), FeeDifferenceChanged and
    those of `once`.
    """
    request = {
        "booking": booking_id,
        "slot": slot_id,
        "difference": asdict(expected_difference) if expected_difference else None,
    }
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:reschedule",
        key=key,
        request=request,
        answer=row_answer(DeliveryBooking),
        work=lambda: _reschedule(
            conn, now, actor, booking_id, slot_id, expected_difference, expected_version, reason
        ),
    )


def _reschedule(
    conn: Connection,
    now: datetime,
    actor: Actor,
    booking_id: str,
    slot_id: str,
    expected_difference: Money | None,
    expected_version: int | None,
    reason: str | None,
) -> DeliveryBooking:
    booking = open_booking(conn, now=now, actor=actor, booking_id=booking_id)
    check_version(booking, expected_version)
    slot, menu = _open_slot(conn, now, booking, slot_id)
    move = move_of(conn, booking)
    moved_compartment(conn, now=now, booking=booking, window=slot.window)
    reach = _taken(conn, now, actor, move, slot, menu)
    fee = _counted_fee(conn, now, move, menu, slot, reach)
    if expected_difference is not None and expected_difference != fee.difference:
        raise _changed(expected_difference, fee.difference)
    keep(conn, now=now, discounts=fee.discounts)
    prepaid = -sum(part.minor for part in fee.quote.parts if part.kind is FeePartKind.PASS)
    keep_use(conn, now=now, hold_id=booking.hold_id, covered_minor=prepaid)
    moved = enter_window(
        conn,
        now=now,
        booking=booking,
        slot=slot,
        menu=menu,
        reach=reach,
        preference=move.preference,
        moves=booking.moves + 1,
        **priced(fee.quote),
    )
    add(conn, _line(now, actor, booking, moved, fee, reason))
    _leave_word(conn, now, booking, moved)
    serve_waitlist(conn, now=now, pool_ids=[booking.pool_id])
    return moved


def _counted_fee(
    conn: Connection, now: datetime, move: Move, menu: Menu, slot: DeliverySlot, reach: Reach
) -> MoveFee:
    """The fee of the move; what it takes off to steer demand is counted in place of what was before."""
    booking, table = move.booking, menu.table
    fee = move.fee(menu, slot, reach)
    give_back_spent(conn, now=now, hold_ids=[booking.hold_id])
    uses = ((booking.hold_id, fee.quote.incentive_minor),)
    spending = Spending(booking.storefront_id, slot.day, table.incentive_day_minor, uses)
    if spend(conn, now=now, spending=spending):
        return fee
    return move.fee(menu.unsteered(), slot, reach)


def _open_slot(
    conn: Connection, now: datetime, booking: DeliveryBooking, slot_id: str
) -> tuple[DeliverySlot, Menu]:
    policy = policy_of(conn, booking.storefront_id)
    if booking.moves >= policy.move_limit:
        raise MoveLimitReached(field=("input", "bookingId"), moves=booking.moves)
    flexible = flexible_of(conn, [booking.id]).get(booking.id)
    # Of several windows the one that is planned now may be chosen like any other.
    undecided = flexible is not None and flexible.narrowed_at is None
    if slot_id == booking.slot_id and not undecided:
        raise SameWindow(field=("input", "slotId"))
    slot = next(iter(slots_by_id(conn, [slot_id])), None)
    if slot is None or slot.zone_id != booking.zone_id or slot.withdrawn_at is not None:
        raise SlotNotFound(field=("input", "slotId"))
    customer = by_id(conn, Customer, booking.customer_id)
    menu = menu_of(
        conn,
        now=now,
        storefront_id=booking.storefront_id,
        slot=slot,
        point=booking.point,
        basket=booking.basket,
        customer_group=customer.customer_group if customer else None,
    )
    check_open(slot, menu, booking.basket)
    return slot, menu


def _taken(
    conn: Connection,
    now: datetime,
    actor: Actor,
    move: Move,
    slot: DeliverySlot,
    menu: Menu,
) -> Reach:
    """The pool that serves the new window; the old room, and the old place on a tour, are free again.

    A pool that lies in both windows needs no new room: the drop stays where it is, on a tour that comes by
    in the new window.
    """
    booking, at_door_s = move.booking, move.preference.at_door_s
    reaches = menu.pools_for(slot, booking.basket, at_door_s)
    pools = [booking.pool_id, *(reach.pool_id for reach in reaches)]
    lock(conn, pool_ids=pools)
    locked_sheets(conn, pool_ids=pools)
    menu = menu.refreshed(conn)
    here = move.own_pool(reaches)
    if here is not None and _stays(conn, now, actor, move, slot, menu, here):
        return here
    return change_pool(
        conn,
        now=now,
        actor=actor,
        menu=menu,
        booking=booking,
        slot=slot,
        at_door_s=at_door_s,
        taken_because="moved by the customer",
        freed_because="moved to another window",
    )


def _stays(
    conn: Connection, now: datetime, actor: Actor, move: Move, slot: DeliverySlot, menu: Menu, here: Reach
) -> bool:
    booking, at_door_s = move.booking, move.preference.at_door_s
    stop = stop_of(
        reference=booking.hold_id,
        slot=slot,
        point=booking.point,
        reach=here,
        basket=booking.basket,
        at_door_s=at_door_s,
    )
    known = menu.firm_tours.sheets.get((here.node_id, here.day))
    planned = known.sheet.with_stop(stop) if known else None
    if known is not None and planned is None:
        return False
    fits = adjust(
        conn,
        now=now,
        actor=actor.name,
        pool_id=booking.pool_id,
        booked=booking.basket.load(here.drop_s(at_door_s)) - booking.load,
        reference=booking.id,
        reason="moved to a window that the same vehicles serve",
    )
    if fits and known and planned:
        # The sheet is locked: it is as it was read.
        place(conn, now=now, known=known, stop=stop, planned=planned)
    return fits


def _changed(expected: Money, present: Money) -> FeeDifferenceChanged:
    return FeeDifferenceChanged(
        field=("input", "expectedDifference"),
        expected_amount=str(expected.amount),
        now_amount=str(present.amount),
        now_minor=present.minor,
        currency=present.currency,
    )


def _line(
    now: datetime,
    actor: Actor,
    before: DeliveryBooking,
    after: DeliveryBooking,
    fee: MoveFee,
    reason: str | None,
) -> PromiseChange:
    return PromiseChange(
        booking_id=before.id,
        at=now,
        actor=actor.name,
        reason=reason or "moved by the customer",
        before_starts_at=before.starts_at,
        before_ends_at=before.ends_at,
        after_starts_at=after.starts_at,
        after_ends_at=after.ends_at,
        before_fee_minor=fee.before.minor,
        after_fee_minor=fee.after.minor,
        currency=fee.after.currency,
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
