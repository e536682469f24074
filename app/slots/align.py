"""Make the stored slots agree with the calendar: the step that opening days and changing rules share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, rows, table_of
from app.places.tables import City, ServiceZone
from app.slots.calendar import Planned
from app.slots.queries import read_calendar
from app.slots.tables import DeliverySlot, SlotCutoff
from app.values.window import Window

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Moved:
    """A slot whose cut-off moved, as a whole or (with `node_id`) from one node."""

    slot: DeliverySlot
    node_id: str | None
    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of the slots: opened, closed by the calendar, closed from one node, moved cut-offs.

    `skipped` has a sentence for each window that the clocks do not allow.
    """

    opened: tuple[DeliverySlot, ...] = ()
    closed: tuple[DeliverySlot, ...] = ()
    rested: tuple[tuple[DeliverySlot, str], ...] = ()
    moved: tuple[Moved, ...] = ()
    skipped: tuple[str, ...] = ()


type _Key = tuple[str, Window]
type _Special = dict[str, SlotCutoff]


def align(conn: Connection, *, now: datetime, first: date, last: date) -> Effect:
    """Open, withdraw and re-time the slots of the local days `first`..`last` that have not begun.

    A withdrawn slot stays for those who hold or booked it; holds and bookings keep the cut-off that
    they were given.
    """
    lock_calendar(conn)
    zones = rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code"))
    wanted, skipped = _wanted(conn, zones, now, first, last)
    known = _known(conn, now, first, last)
    special = _special(conn, now, first, last)
    time_zones = {zone.id: zone.time_zone for zone in zones}
    fresh = [_slot(key, planned, time_zones) for key, planned in wanted.items() if key not in known]
    add(conn, *fresh)
    back = [known[key] for key in wanted if key in known and known[key].withdrawn_at is not None]
    gone = [slot for key, slot in known.items() if key not in wanted and slot.withdrawn_at is None]
    _withdraw(conn, now, gone)
    kept = {known[key].id: (known[key], planned) for key, planned in wanted.items() if key in known}
    moved = _retimed(conn, kept.values())
    slots = known | {(slot.zone_id, slot.window): slot for slot in fresh}
    rested, moved_nodes = _by_node(conn, wanted, slots, special)
    old = {slot.id for slot, _ in kept.values() if slot.withdrawn_at is None}
    return Effect(
        opened=(*fresh, *back),
        closed=tuple(gone),
        rested=tuple((slot, node) for slot, node in rested if slot.id in old),
        moved=tuple(move for move in (*moved, *moved_nodes) if move.slot.id in old),
        skipped=tuple(dict.fromkeys(skipped)),
    )


def lock_calendar(conn: Connection) -> None:
    """The calendar is one thing: whoever changes it waits for the others."""
    city = table_of(City)
    conn.execute(sa.select(city.c.id).order_by(city.c.id).with_for_update())


def _wanted(
    conn: Connection, zones: Sequence[ServiceZone], now: datetime, first: date, last: date
) -> tuple[dict[_Key, Planned], list[str]]:
    calendar = read_calendar(conn)
    wanted: dict[_Key, Planned] = {}
    skipped: list[str] = []
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        for zone in zones:
            planned, sentences = calendar.day(zone, day)
            skipped += sentences
            wanted |= {(zone.id, one.window): one for one in planned if one.window.start > now}
    return wanted, skipped


def _ahead(now: datetime, first: date, last: date) -> sa.ColumnElement[bool]:
    slot = table_of(DeliverySlot)
    return sa.and_(slot.c.day.between(first, last), slot.c.starts_at > now)


def _known(conn: Connection, now: datetime, first: date, last: date) -> dict[_Key, DeliverySlot]:
    query = sa.select(table_of(DeliverySlot)).where(_ahead(now, first, last))
    return {(slot.zone_id, slot.window): slot for slot in rows(conn, DeliverySlot, query)}


def _special(conn: Connection, now: datetime, first: date, last: date) -> dict[str, _Special]:
    cutoff, slot = table_of(SlotCutoff), table_of(DeliverySlot)
    query = sa.select(cutoff).join(slot, slot.c.id == cutoff.c.slot_id).where(_ahead(now, first, last))
    found: dict[str, _Special] = {}
    for one in rows(conn, SlotCutoff, query):
        found.setdefault(one.slot_id, {})[one.node_id] = one
    return found


def _slot(key: _Key, planned: Planned, time_zones: Mapping[str, str]) -> DeliverySlot:
    return DeliverySlot(
        zone_id=key[0],
        template_id=planned.template_id,
        day=planned.day,
        starts_at=planned.window.start,
        ends_at=planned.window.end,
        time_zone=time_zones[key[0]],
        cutoff_at=planned.cutoff_at,
    )


def _withdraw(conn: Connection, now: datetime, gone: Sequence[DeliverySlot]) -> None:
    table = table_of(DeliverySlot)
    ids = [slot.id for slot in gone]
    for start in range(0, len(ids), _CHUNK):
        few = table.c.id.in_(ids[start : start + _CHUNK])
        conn.execute(sa.update(table).where(few).values(withdrawn_at=now))


def _retimed(conn: Connection, kept: Iterable[tuple[DeliverySlot, Planned]]) -> list[Moved]:
    """Give slots the cut-off and template of the calendar, and bring withdrawn ones back."""
    moved: list[Moved] = []
    changes: list[dict[str, Any]] = []
    for slot, planned in kept:
        after = (planned.cutoff_at, planned.template_id, None)
        if (slot.cutoff_at, slot.template_id, slot.withdrawn_at) == after:
            continue
        changes.append({"slot": slot.id, "cutoff": after[0], "template": after[1]})
        if slot.cutoff_at != planned.cutoff_at:
            moved.append(Moved(slot, None, slot.cutoff_at, planned.cutoff_at))
    table = table_of(DeliverySlot)
    if changes:
        conn.execute(
            sa.update(table)
            .where(table.c.id == sa.bindparam("slot"))
            .values(
                cutoff_at=sa.bindparam("cutoff"), template_id=sa.bindparam("template"), withdrawn_at=None
            ),
            changes,
        )
    return moved


def _by_node(
    conn: Connection,
    wanted: Mapping[_Key, Planned],
    slots: Mapping[_Key, DeliverySlot],
    special: Mapping[str, _Special],
) -> tuple[list[tuple[DeliverySlot, str]], list[Moved]]:
    """Write what single nodes have otherwise; tells where a node newly rests, and whose cut-off moved."""
    fresh: list[SlotCutoff] = []
    stale: list[str] = []
    rested: list[tuple[DeliverySlot, str]] = []
    moved: list[Moved] = []
    for key, planned in wanted.items():
        slot, before = slots[key], special.get(slots[key].id, {})
        after = _otherwise(slot.id, planned)
        if _same(before, after):
            continue
        stale += [slot.id] if before else []
        fresh += after.values()
        for node in sorted({*before, *after}):
            was, now_is = before.get(node), after.get(node)
            if now_is and now_is.closed and not (was and was.closed):
                rested.append((slot, node))
            then = was.cutoff_at if was else slot.cutoff_at
            since = now_is.cutoff_at if now_is else planned.cutoff_at
            if then != since:
                moved.append(Moved(slot, node, then, since))
    table = table_of(SlotCutoff)
    for start in range(0, len(stale), _CHUNK):
        conn.execute(sa.delete(table).where(table.c.slot_id.in_(stale[start : start + _CHUNK])))
    add(conn, *fresh)
    return rested, moved


def _otherwise(slot_id: str, planned: Planned) -> _Special:
    return {
        node: SlotCutoff(slot_id=slot_id, node_id=node, cutoff_at=serving.cutoff_at, closed=serving.closed)
        for node, serving in planned.nodes.items()
        if node is not None and (serving.closed or serving.cutoff_at != planned.cutoff_at)
    }


def _same(before: _Special, after: _Special) -> bool:
    return {n: (c.cutoff_at, c.closed) for n, c in before.items()} == {
        n: (c.cutoff_at, c.closed) for n, c in after.items()
    }
