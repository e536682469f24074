"""What a change does to single slots, as a list that an operator can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.places.tables import FulfilmentNode, ServiceZone
from app.slots.align import Effect
from app.slots.rules import SlotFate
from app.slots.tables import DeliverySlot


@dataclass(frozen=True, slots=True)
class SlotChange:
    """What becomes of a slot, as a whole or from one node; `before` and `after` are cut-offs that moved."""

    fate: SlotFate
    slot: DeliverySlot
    zone: str
    node: str | None = None
    before: datetime | None = None
    after: datetime | None = None


def listing(conn: Connection, *, effect: Effect, limit: int) -> list[SlotChange]:
    """The first `limit` changes in order of time and zone."""
    zone, node = table_of(ServiceZone), table_of(FulfilmentNode)
    codes = {row.id: row.code for row in conn.execute(sa.select(zone.c.id, zone.c.code))}
    keys = {row.id: row.key for row in conn.execute(sa.select(node.c.id, node.c.key))}
    found = [SlotChange(SlotFate.OPENED, slot, codes[slot.zone_id]) for slot in effect.opened]
    found += [SlotChange(SlotFate.CLOSED, slot, codes[slot.zone_id]) for slot in effect.closed]
    found += [
        SlotChange(SlotFate.CLOSED_FROM_NODE, slot, codes[slot.zone_id], keys[node_id])
        for slot, node_id in effect.rested
    ]
    found += [
        SlotChange(
            SlotFate.CUTOFF_MOVED,
            move.slot,
            codes[move.slot.zone_id],
            keys[move.node_id] if move.node_id else None,
            move.before,
            move.after,
        )
        for move in effect.moved
    ]
    found.sort(key=lambda one: (one.slot.starts_at, one.slot.ends_at, one.zone, one.fate, one.node or ""))
    return found[:limit]
