"""Skip what was booked ahead in windows that have closed since: blackouts, holidays, another timetable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.menu import read_menu, span_of
from app.booking.rules import SlotClosedReason
from app.booking.serve_waitlist import serve_waitlist
from app.database.rows import rows, table_of
from app.slots.queries import slots_between, slots_by_id
from app.slots.tables import DeliverySlot
from app.standing.book_days import clerk
from app.standing.leave_word import leave_word
from app.standing.let_go import let_go
from app.standing.rules import OPEN, OccurrenceState
from app.standing.tables import StandingSlot, StandingSlotOccurrence
from app.values.basket import Basket


def skip_closed(conn: Connection, *, now: datetime, storefront_id: str, zone_id: str) -> int:
    """Give up what a storefront's standing slots hold in closed windows of a zone, and tell each customer.

    What is booked stays until somebody decides about it. Returns how many weeks were skipped.
    """
    closed = _closed(conn, now, storefront_id, zone_id)
    if not closed:
        return 0
    standing = table_of(StandingSlot)
    keepers = sa.select(standing).where(
        standing.c.storefront_id == storefront_id,
        standing.c.id.in_(sa.select(_open_in(closed).c.standing_id)),
    )
    count, freed = 0, []
    for row in rows(conn, StandingSlot, keepers.order_by(standing.c.id).with_for_update()):
        mine = _open_in(closed)
        skipped, pools = let_go(
            conn,
            now=now,
            actor=clerk(row),
            occurrences=rows(
                conn, StandingSlotOccurrence, sa.select(mine).where(mine.c.standing_id == row.id)
            ),
            reason="the window was closed",
            changes={"state": OccurrenceState.SKIPPED, "reason": SlotClosedReason.BLACKOUT, "hold_id": None},
        )
        for one in skipped:
            leave_word(conn, now=now, occurrence=one, what="closed", tell=True)
        count += len(skipped)
        freed += pools
    serve_waitlist(conn, now=now, pool_ids=freed)
    return count


def _open_in(slot_ids: Sequence[str]) -> sa.Subquery:
    """The occurrences that wait for an order in these windows."""
    table = table_of(StandingSlotOccurrence)
    return sa.select(table).where(table.c.slot_id.in_(slot_ids), table.c.state.in_(OPEN)).subquery()


def _closed(conn: Connection, now: datetime, storefront_id: str, zone_id: str) -> list[str]:
    """The coming windows with something booked ahead that the calendar no longer has, or sells no more."""
    standing, occurrence = table_of(StandingSlot), table_of(StandingSlotOccurrence)
    here = sa.and_(standing.c.storefront_id == storefront_id, standing.c.zone_id == zone_id)
    query = (
        sa.select(occurrence.c.slot_id)
        .join(standing, standing.c.id == occurrence.c.standing_id)
        .where(here, occurrence.c.state.in_(OPEN))
        .distinct()
    )
    found = slots_by_id(conn, list(conn.execute(query).scalars()))
    coming = [slot for slot in found if slot.cutoff_at > now]
    if not coming:
        return []
    days = [slot.day for slot in coming]
    stand = {slot.id for slot in slots_between(conn, zone_id=zone_id, first=min(days), last=max(days))}
    # Whether a window is sold at all is the same for every basket.
    basket = rows(conn, StandingSlot, sa.select(standing).where(here).limit(1))[0].basket
    shut = _not_sold(conn, now, storefront_id, zone_id, coming, basket)
    return [slot.id for slot in coming if slot.id not in stand or slot.id in shut]


def _not_sold(
    conn: Connection,
    now: datetime,
    storefront_id: str,
    zone_id: str,
    slots: Sequence[DeliverySlot],
    basket: Basket,
) -> set[str]:
    menu = read_menu(
        conn,
        now=now,
        storefront_id=storefront_id,
        zone_id=zone_id,
        time_zone=slots[0].time_zone,
        span=span_of(slots),
        point=None,
        basket=basket,
        customer_id=None,
    )
    closures = {slot.id: menu.offer(slot, basket).closed for slot in slots}
    return {key for key, closed in closures.items() if closed and closed.reason is SlotClosedReason.BLACKOUT}
