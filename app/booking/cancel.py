"""Cancel a booking: free before the cut-off, by the storefront's policy after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.active_hold import check_version
from app.booking.errors import BookingEnded, BookingOnItsWay, CutoffPassed
from app.booking.menu import policy_of
from app.booking.queries import locked_booking
from app.booking.rules import BookingStatus, booking_status_at, cancellation_minor
from app.booking.seen import fee_of
from app.booking.serve_waitlist import serve_waitlist
from app.booking.tables import DeliveryBooking, PromiseChange
from app.capacity.give_back import give_back
from app.database.idempotency import once, row_answer
from app.database.rows import add, row_of, table_of
from app.pricing.rules import FeePart, FeePartKind
from app.pricing.spend import give_back_spent
from app.promotions.give_back import give_back as give_back_promotion
from app.promotions.queries import applied
from app.tours.remove import remove
from app.values.actor import Actor

_FIELD = ("input", "bookingId")


def cancel(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    booking_id: str,
    reason: str | None = None,
    expected_version: int | None = None,
    key: str,
) -> DeliveryBooking:
    """The booking as CANCELLED: its room and its promotions are free again, and the waitlist is served.

    After the cut-off and before the goods leave, the policy asks a fee or refuses, and the goods go back
    into stock. Raises BookingNotFound, CutoffPassed, BookingOnItsWay, BookingEnded, VersionConflict and
    those of `once`.
    """
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:cancel",
        key=key,
        request={"booking": booking_id, "reason": reason},
        answer=row_answer(DeliveryBooking),
        work=lambda: _cancel(conn, now, actor, booking_id, reason, expected_version),
    )


def _cancel(
    conn: Connection,
    now: datetime,
    actor: Actor,
    booking_id: str,
    reason: str | None,
    expected_version: int | None,
) -> DeliveryBooking:
    booking = locked_booking(conn, actor=actor, booking_id=booking_id)
    late = _is_late(booking, now)
    check_version(booking, expected_version)
    owed = cancellation_minor(policy_of(conn, booking.storefront_id), late=late)
    if owed is None:
        raise CutoffPassed(field=_FIELD, cutoff_at=booking.cutoff_at.isoformat())
    paid = fee_of(booking, applied(conn, [booking.hold_id]).get(booking.hold_id, [])).total
    label = "Cancelled after the cut-off"
    part = FeePart(FeePartKind.CANCELLATION, label, owed, booking.currency)
    changes: dict[str, Any] = {
        "status": BookingStatus.CANCELLED,
        "fee_minor": owed,
        "fee_parts": [part.stored()] if owed else [],
        "restock": late,
        "version": booking.version + 1,
        "changed_at": now,
    }
    table = table_of(DeliveryBooking)
    conn.execute(sa.update(table).where(table.c.id == booking.id).values(**changes))
    give_back(
        conn,
        now=now,
        actor=actor.name,
        pool_id=booking.pool_id,
        booked=booking.load,
        reference=booking.id,
        reason="cancelled by the customer",
        audience=booking.customer_group,
    )
    remove(conn, now=now, pool_ids=[booking.pool_id], references=[booking.hold_id])
    give_back_spent(conn, now=now, hold_ids=[booking.hold_id])
    give_back_promotion(conn, now=now, hold_id=booking.hold_id)
    cancelled = row_of(DeliveryBooking, {**booking.model_dump(), **changes})
    add(conn, _line(now, actor, booking, reason, paid.minor, owed))
    _leave_word(conn, now, cancelled, late)
    serve_waitlist(conn, now=now, pool_ids=[booking.pool_id])
    return cancelled


def _is_late(booking: DeliveryBooking, now: datetime) -> bool:
    """Whether it is past the cut-off; raises where it has left or ended."""
    match booking_status_at(booking.status, booking.cutoff_at, now):
        case BookingStatus.CONFIRMED:
            return False
        case BookingStatus.LOCKED | BookingStatus.IN_FULFILMENT:
            return True
        case BookingStatus.OUT_FOR_DELIVERY:
            raise BookingOnItsWay(field=_FIELD)
        case status:
            raise BookingEnded(field=_FIELD, status=status.lower().replace("_", " "))


def _line(
    now: datetime, actor: Actor, booking: DeliveryBooking, reason: str | None, paid: int, owed: int
) -> PromiseChange:
    return PromiseChange(
        booking_id=booking.id,
        at=now,
        actor=actor.name,
        reason=reason or "cancelled by the customer",
        before_starts_at=booking.starts_at,
        before_ends_at=booking.ends_at,
        before_fee_minor=paid,
        after_fee_minor=owed,
        currency=booking.currency,
    )


def _leave_word(conn: Connection, now: datetime, booking: DeliveryBooking, late: bool) -> None:
    topic, facts = f"booking:{booking.id}", {"booking_id": booking.id}
    events.record(conn, now=now, topic=topic, kind="booking.cancelled", payload=facts)
    if late:
        # The goods may be picked already.
        events.record(conn, now=now, topic=topic, kind="booking.restock", payload=facts)
    key = f"booking_cancelled:{booking.id}"
    jobs.later(conn, now=now, kind="engagement.booking_cancelled", payload=facts, dedup_key=key)
