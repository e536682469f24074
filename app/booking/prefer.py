"""Change how a held or booked drop is handed over."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.active_hold import active_hold, check_version
from app.booking.columns import with_handover
from app.booking.errors import CutoffPassed, HandoverCostsMore, HoldConflicted, SlotFull
from app.booking.open_booking import open_booking
from app.booking.rules import MESSAGES
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.adjust import adjust
from app.capacity.ledger import NOTHING
from app.capacity.rules import drop_s
from app.database.rows import row_of, table_of
from app.handover.choose import choose
from app.handover.queries import preference_by_id
from app.handover.rules import DropWish, is_collected
from app.handover.tables import DropPreference
from app.values.actor import Actor
from app.values.load import Load


def prefer(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    wish: DropWish,
    hold_id: str | None = None,
    booking_id: str | None = None,
    expected_version: int | None = None,
) -> SlotHold | DeliveryBooking:
    """Hand over as wished from now on; the minutes at the door are taken from or given back to the pool.

    Give exactly one of `hold_id`, `booking_id`. Raises HoldNotFound, HoldEnded, HoldReleased,
    HoldAlreadyConfirmed, HoldConflicted, BookingNotFound, BookingOnItsWay, BookingEnded, VersionConflict,
    CutoffPassed, SlotFull when the extra minutes
    have no room, HandoverCostsMore for a booking that is paid for, and the refusals of handover.
    """
    if hold_id is not None:
        field = ("input", "target", "holdId")
        held = active_hold(conn, now=now, actor=actor, hold_id=hold_id, field=field)
        return _changed(conn, now, actor, held, wish, expected_version)
    field = ("input", "target", "bookingId")
    booking = open_booking(conn, now=now, actor=actor, booking_id=booking_id or "", field=field)
    return _changed(conn, now, actor, booking, wish, expected_version)


def _changed[C: (SlotHold, DeliveryBooking)](
    conn: Connection, now: datetime, actor: Actor, claim: C, wish: DropWish, expected_version: int | None
) -> C:
    check_version(claim, expected_version)
    if isinstance(claim, SlotHold) and claim.conflict is not None:
        raise HoldConflicted(field=("input", "target", "holdId"), reason=MESSAGES[claim.conflict])
    if now >= claim.cutoff_at:
        raise CutoffPassed(field=("input", "target"), cutoff_at=claim.cutoff_at.isoformat())
    # Who collects goes on collecting: another address is another hold.
    collected = is_collected(preference_by_id(conn, claim.drop_preference_id))
    preference = choose(conn, now=now, wish=wish, basket=claim.basket, collected=collected)
    changes = _priced(claim, preference)
    work_s = drop_s(claim.reach_work_s, claim.handover_bp, preference.at_door_s)
    more = Load(work_s=work_s - claim.work_s)
    held, booked = (more, NOTHING) if isinstance(claim, SlotHold) else (NOTHING, more)
    fits = adjust(
        conn,
        now=now,
        actor=actor.name,
        pool_id=claim.pool_id,
        held=held,
        booked=booked,
        reference=claim.id,
        reason=f"handed over as {preference.mode}",
    )
    if not fits:
        raise SlotFull(field=("input", "preference"), alternatives=[])
    changes |= {"drop_preference_id": preference.id, "work_s": work_s, "version": claim.version + 1}
    changes["changed_at"] = now
    table = table_of(type(claim))
    conn.execute(sa.update(table).where(table.c.id == claim.id).values(**changes))
    return row_of(type(claim), {**claim.model_dump(), **changes})


def _priced(claim: SlotHold | DeliveryBooking, preference: DropPreference) -> dict[str, object]:
    """The fee with the handover part of the new wish; what was paid already neither grows nor shrinks."""
    changes = with_handover(claim, preference)
    if not isinstance(claim, DeliveryBooking):
        return changes
    if changes and changes["fee_minor"] > claim.fee_minor:
        raise HandoverCostsMore(field=("input", "preference"))
    return {}
