"""Reads of the calendar with more than one caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.places.tables import FulfilmentNode
from app.slots.calendar import Calendar
from app.slots.closings import Closings
from app.slots.tables import (
    Blackout,
    BookingHorizon,
    CutoffRule,
    DeliverySlot,
    HolidayRule,
    LeadTime,
    PickWave,
    Rule,
    SlotCutoff,
    SlotException,
    SlotTemplate,
    Timetable,
)
from app.values.window import Window


def slots_between(conn: Connection, *, zone_id: str, first: date, last: date) -> list[DeliverySlot]:
    """The slots of a zone on the local days `first`..`last` that stand, in order of start and end."""
    slot = table_of(DeliverySlot)
    query = (
        sa.select(slot)
        .where(slot.c.zone_id == zone_id, slot.c.day.between(first, last), slot.c.withdrawn_at.is_(None))
        .order_by(slot.c.starts_at, slot.c.ends_at)
    )
    return rows(conn, DeliverySlot, query)


def slots_by_id(conn: Connection, slot_ids: Sequence[str]) -> list[DeliverySlot]:
    """The slots with these ids, withdrawn ones too, in no promised order; unknown ids are left out."""
    slot = table_of(DeliverySlot)
    return rows(conn, DeliverySlot, sa.select(slot).where(slot.c.id.in_(slot_ids)))


def standing[R: Rule](conn: Connection, model: type[R]) -> list[R]:
    """The rules of one kind that have not been removed, by key."""
    table = table_of(model)
    return rows(conn, model, sa.select(table).where(table.c.removed_at.is_(None)).order_by(table.c.key))


def read_calendar(conn: Connection) -> Calendar:
    """Every rule that decides which windows there are and until when."""
    node = table_of(FulfilmentNode)
    nodes: dict[str, list[str]] = defaultdict(list)
    for row in conn.execute(sa.select(node.c.city_id, node.c.id).order_by(node.c.key)):
        nodes[row.city_id].append(row.id)
    return Calendar(
        templates=standing(conn, SlotTemplate),
        timetables=standing(conn, Timetable),
        exceptions=standing(conn, SlotException),
        holidays=standing(conn, HolidayRule),
        cutoffs=standing(conn, CutoffRule),
        waves=standing(conn, PickWave),
        nodes=nodes,
    )


def closings_of(conn: Connection, *, zone_id: str, span: Window) -> Closings:
    """What closes the slots of a zone within a span, node by node: three statements for all of them."""
    slot, lead, blackout = table_of(DeliverySlot), table_of(LeadTime), table_of(Blackout)
    return _closings(
        conn,
        slots=sa.and_(slot.c.zone_id == zone_id, slot.c.starts_at >= span.start, slot.c.ends_at <= span.end),
        leads=_of_zone(lead, zone_id),
        blackouts=sa.and_(
            _of_zone(blackout, zone_id), blackout.c.ends_at > span.start, blackout.c.starts_at < span.end
        ),
    )


def all_closings(conn: Connection, *, first: date, last: date) -> Closings:
    """What closes the slots of all zones on the local days `first`..`last`."""
    return _closings(
        conn,
        slots=table_of(DeliverySlot).c.day.between(first, last),
        leads=sa.true(),
        blackouts=sa.true(),
    )


def _closings(
    conn: Connection,
    *,
    slots: sa.ColumnElement[bool],
    leads: sa.ColumnElement[bool],
    blackouts: sa.ColumnElement[bool],
) -> Closings:
    cutoff, slot = table_of(SlotCutoff), table_of(DeliverySlot)
    lead, blackout = table_of(LeadTime), table_of(Blackout)
    special = sa.select(cutoff).join(slot, slot.c.id == cutoff.c.slot_id).where(slots)
    least = sa.select(lead).where(lead.c.removed_at.is_(None), leads)
    closed = sa.select(blackout).where(blackout.c.removed_at.is_(None), blackouts).order_by(blackout.c.key)
    return Closings(
        cutoffs={(one.slot_id, one.node_id): one for one in rows(conn, SlotCutoff, special)},
        lead_times=rows(conn, LeadTime, least),
        blackouts=rows(conn, Blackout, closed),
    )


def horizon_days(conn: Connection, *, storefront_id: str, customer_group: str | None) -> int | None:
    """How many days ahead a group of customers may choose, or None where nothing is said of it."""
    if customer_group is None:
        return None
    horizon = table_of(BookingHorizon)
    query = sa.select(sa.func.max(horizon.c.days)).where(
        horizon.c.storefront_id == storefront_id,
        horizon.c.customer_group == customer_group,
        horizon.c.removed_at.is_(None),
    )
    found: int | None = conn.execute(query).scalar_one()
    return found


def _of_zone(table: Any, zone_id: str) -> sa.ColumnElement[bool]:
    return sa.or_(table.c.zone_id.is_(None), table.c.zone_id == zone_id)
