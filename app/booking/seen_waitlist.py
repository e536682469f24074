"""Waitlist entries as their owner sees them: with the windows waited for and the offer made last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.join_waitlist import Joined
from app.booking.queries import windows_of
from app.booking.rules import HoldStatus, WaitlistStatus
from app.booking.seen import SeenHold, seen_holds
from app.booking.tables import SlotHold, WaitlistEntry
from app.database.rows import rows, table_of
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """An entry with everything that belongs to it; `status` is that of now."""

    row: WaitlistEntry
    slots: tuple[DeliverySlot, ...]
    offer: SeenHold | None

    @property
    def status(self) -> WaitlistStatus:
        """An offer past its end is expired, whoever has noticed."""
        lapsed = self.offer is not None and self.offer.status is HoldStatus.EXPIRED
        offered = self.row.status is WaitlistStatus.OFFERED
        return WaitlistStatus.EXPIRED if offered and lapsed else self.row.status

    @property
    def priority(self) -> int:
        """Higher is served first."""
        return self.row.priority

    @property
    def joined_at(self) -> datetime:
        """Among equals, who joined first is served first."""
        return self.row.joined_at


def seen_entries(conn: Connection, *, now: datetime, entries: Sequence[WaitlistEntry]) -> list[SeenEntry]:
    """The entries in their order, with a number of statements that does not grow with them."""
    hold = table_of(SlotHold)
    wanted = [entry.hold_id for entry in entries if entry.hold_id]
    holds = rows(conn, SlotHold, sa.select(hold).where(hold.c.id.in_(wanted)))
    return _seen(conn, now=now, entries=entries, holds=holds)


def joined_entry(conn: Connection, *, joined: Joined) -> SeenEntry:
    """An entry as it was when its customer joined, with the offer that came at once."""
    holds = [joined.offer] if joined.offer else []
    at = joined.entry.joined_at
    return _seen(conn, now=at, entries=[joined.entry], holds=holds, at=at)[0]


def _seen(
    conn: Connection,
    *,
    now: datetime,
    entries: Sequence[WaitlistEntry],
    holds: Sequence[SlotHold],
    at: datetime | None = None,
) -> list[SeenEntry]:
    by_entry = windows_of(conn, [entry.id for entry in entries])
    slot_ids = sorted({slot_id for ids in by_entry.values() for slot_id in ids})
    slots = {slot.id: slot for slot in slots_by_id(conn, slot_ids)}
    offers = {seen.row.id: seen for seen in seen_holds(conn, now=now, holds=holds, at=at)}
    return [
        SeenEntry(
            entry,
            tuple(slots[slot_id] for slot_id in by_entry[entry.id]),
            offers.get(entry.hold_id or ""),
        )
        for entry in entries
    ]
