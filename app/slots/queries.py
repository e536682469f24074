"""Reads of the calendar with more than one caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import Told, rows, table_of
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
    return rows(conn, DeliverySlot, _with_ids(), {"ids": slot_ids})


@cache
def _with_ids() -> sa.Select[*tuple[Any, ...]]:
    slot = table_of(DeliverySlot)
    return sa.select(slot).where(slot.c.id.in_(sa.bindparam("ids", expanding=True)))


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
    return _closings(conn, _closing_a_zone(), {"zone": zone_id, "start": span.start, "end": span.end})


def all_closings(conn: Connection, *, first: date, last: date) -> Closings:
    """What closes the slots of all zones on the local days `first`..`last`."""
    return _closings(conn, _closing_days(), {"first": first, "last": last})


@dataclass(frozen=True, slots=True)
class _Closing:
    """The statements that read cut-offs, lead times and blackouts, made once."""

    cutoffs: sa.Select[*tuple[Any, ...]]
    lead_times: sa.Select[*tuple[Any, ...]]
    blackouts: sa.Select[*tuple[Any, ...]]


@cache
def _closing_a_zone() -> _Closing:
    slot, lead, blackout = table_of(DeliverySlot), table_of(LeadTime), table_of(Blackout)
    zone: sa.BindParameter[str] = sa.bindparam("zone")
    start: sa.BindParameter[datetime] = sa.bindparam("start")
    end: sa.BindParameter[datetime] = sa.bindparam("end")

    def here(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.or_(table.c.zone_id.is_(None), table.c.zone_id == zone)

    return _closing(
        slots=sa.and_(slot.c.zone_id == zone, slot.c.starts_at >= start, slot.c.ends_at <= end),
        leads=here(lead),
        blackouts=sa.and_(here(blackout), blackout.c.ends_at > start, blackout.c.starts_at < end),
    )


@cache
def _closing_days() -> _Closing:
    days = table_of(DeliverySlot).c.day.between(sa.bindparam("first"), sa.bindparam("last"))
    return _closing(slots=days, leads=sa.true(), blackouts=sa.true())


def _closing(
    *, slots: sa.ColumnElement[bool], leads: sa.ColumnElement[bool], blackouts: sa.ColumnElement[bool]
) -> _Closing:
    cutoff, slot = table_of(SlotCutoff), table_of(DeliverySlot)
    lead, blackout = table_of(LeadTime), table_of(Blackout)
    return _Closing(
        cutoffs=sa.select(cutoff).join(slot, slot.c.id == cutoff.c.slot_id).where(slots),
        lead_times=sa.select(lead).where(lead.c.removed_at.is_(None), leads),
        blackouts=sa.select(blackout)
        .where(blackout.c.removed_at.is_(None), blackouts)
        .order_by(blackout.c.key),
    )


def _closings(conn: Connection, closing: _Closing, told: Told) -> Closings:
    return Closings(
        cutoffs={(one.slot_id, one.node_id): one for one in rows(conn, SlotCutoff, closing.cutoffs, told)},
        lead_times=rows(conn, LeadTime, closing.lead_times, told),
        blackouts=rows(conn, Blackout, closing.blackouts, told),
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
