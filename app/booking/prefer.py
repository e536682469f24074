"""Change how a held or booked drop is handed over."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.active_hold import active_hold
from app.booking.errors import CutoffPassed, HandoverCostsMore, SlotFull, VersionConflict
from app.booking.queries import locked_booking
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.adjust import adjust
from app.capacity.ledger import NOTHING
from app.capacity.rules import drop_s
from app.database.rows import row_of, table_of
from app.handover.choose import choose
from app.handover.rules import DropWish
from app.handover.tables import DropPreference
from app.pricing.rules import FeePart, FeePartKind
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
    HoldAlreadyConfirmed, BookingNotFound, VersionConflict, CutoffPassed, SlotFull when the extra minutes
    have no room, HandoverCostsMore for a booking that is paid for, and the refusals of handover.
    """
    if hold_id is not None:
        field = ("input", "target", "holdId")
        held = active_hold(conn, now=now, actor=actor, hold_id=hold_id, field=field)
        return _changed(conn, now, actor, held, wish, expected_version)
    booking = locked_booking(conn, actor=actor, booking_id=booking_id or "")
    return _changed(conn, now, actor, booking, wish, expected_version)


def _changed[C: (SlotHold, DeliveryBooking)](
    conn: Connection, now: datetime, actor: Actor, claim: C, wish: DropWish, expected_version: int | None
) -> C:
    if expected_version is not None and expected_version != claim.version:
        raise VersionConflict(
            field=("input", "expectedVersion"), expected=expected_version, current=claim.version
        )
    if now >= claim.cutoff_at:
        raise CutoffPassed(field=("input", "target"), cutoff_at=claim.cutoff_at.isoformat())
    preference = choose(conn, now=now, wish=wish, basket=claim.basket)
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
    table = table_of(type(claim))
    conn.execute(sa.update(table).where(table.c.id == claim.id).values(**changes))
    return row_of(type(claim), {**claim.model_dump(), **changes})


def _priced(claim: SlotHold | DeliveryBooking, preference: DropPreference) -> dict[str, object]:
    """The fee with the handover part of the new wish, or a refusal where it was paid already."""
    before = sum(part["minor"] for part in claim.fee_parts if part["kind"] == FeePartKind.HANDOVER)
    if before == preference.fee_minor:
        return {}
    if isinstance(claim, DeliveryBooking) and preference.fee_minor > before:
        raise HandoverCostsMore(field=("input", "preference"))
    if isinstance(claim, DeliveryBooking):
        return {}
    parts = [part for part in claim.fee_parts if part["kind"] != FeePartKind.HANDOVER]
    if preference.fee_minor:
        label = "Handover"
        part = FeePart(FeePartKind.HANDOVER, label, preference.fee_minor, claim.currency)
        parts.append(asdict(part))
    return {"fee_parts": parts, "fee_minor": claim.fee_minor - before + preference.fee_minor}
