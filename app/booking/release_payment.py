"""Say once and for good that an order got no window, so that its payment is voided or refunded once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app import events
from app.booking.errors import CutoffPassed, HoldAlreadyConfirmed, HoldExpired, HoldReleased
from app.booking.queries import booking_on, locked_hold
from app.booking.seen import seen_holds
from app.booking.tables import PaymentRelease
from app.database.rows import one_or_none, rows, table_of
from app.errors import Refusal
from app.values.actor import Actor

# Refusals after which a hold can never be booked any more; after others the same payment may still do.
FINAL = (HoldExpired, CutoffPassed, HoldReleased, HoldAlreadyConfirmed)


def release_payment(
    conn: Connection, *, now: datetime, actor: Actor, hold_id: str, order_reference: str, why: Refusal
) -> None:
    """Note that this order's payment goes back, if the refusal is final; a second time changes nothing.

    The hold is locked again, for what refused it may have let go of it: where it was booked for this order
    meanwhile, nothing goes back.
    """
    if not isinstance(why, FINAL):
        return
    held = locked_hold(conn, actor=actor, hold_id=hold_id)
    booking = booking_on(conn, hold_id=held.id)
    if booking is not None and booking.order_reference == order_reference:
        return
    fee = seen_holds(conn, now=now, holds=[held], at=held.changed_at)[0].fee.total
    release = PaymentRelease(
        id=str(uuid5(UUID(held.id), order_reference)),
        storefront_id=held.storefront_id,
        hold_id=held.id,
        order_reference=order_reference,
        reason=why.code,
        fee_minor=fee.minor,
        currency=fee.currency,
        created_at=now,
    )
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    table = table_of(PaymentRelease)
    new = insert(table).values(**release.model_dump()).on_conflict_do_nothing().returning(table.c.id)
    if conn.execute(new).first():
        facts = {"release_id": release.id, "order_reference": order_reference, "reason": why.code}
        events.record(conn, now=now, topic=f"hold:{held.id}", kind="payment.released", payload=facts)


def released_payment(
    conn: Connection, *, actor: Actor, hold_id: str, order_reference: str
) -> PaymentRelease | None:
    """That the payment of this order for this hold of the caller's went back, if it did."""
    table = table_of(PaymentRelease)
    mine = sa.and_(
        table.c.storefront_id == actor.storefront_id,
        table.c.hold_id == hold_id,
        table.c.order_reference == order_reference,
    )
    return one_or_none(conn, PaymentRelease, sa.select(table).where(mine))


def released_payments(
    conn: Connection,
    *,
    actor: Actor,
    order_reference: str | None = None,
    limit: int,
    after: str | None = None,
    before: str | None = None,
    backwards: bool = False,
) -> list[PaymentRelease]:
    """A page of the caller's releases, oldest first, between two ids of releases."""
    table = table_of(PaymentRelease)
    query = sa.select(table).where(table.c.storefront_id == actor.storefront_id)
    if order_reference is not None:
        query = query.where(table.c.order_reference == order_reference)
    key = sa.tuple_(table.c.created_at, table.c.id)
    if after is not None:
        query = query.where(key > _place(conn, after))
    if before is not None:
        query = query.where(key < _place(conn, before))
    order = [column.desc() if backwards else column for column in (table.c.created_at, table.c.id)]
    found = rows(conn, PaymentRelease, query.order_by(*order).limit(limit))
    return found[::-1] if backwards else found


def _place(conn: Connection, release_id: str) -> sa.Tuple:
    """Where a release lies in the list; an unknown one lies at its end."""
    table = table_of(PaymentRelease)
    at = conn.execute(sa.select(table.c.created_at).where(table.c.id == release_id)).scalar_one_or_none()
    last = datetime.max.replace(tzinfo=UTC)
    return sa.tuple_(sa.literal(at or last, table.c.created_at.type), sa.literal(release_id))
