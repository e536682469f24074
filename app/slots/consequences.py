"""What a changed rule does to the slots that are open: the frame around saving and removing one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, rows, table_of
from app.places.tables import FulfilmentNode, ServiceZone
from app.slots.align import Effect, align, lock_calendar
from app.slots.drafts import Draft
from app.slots.errors import InvalidText
from app.slots.queries import all_closings
from app.slots.rules import RuleKind
from app.slots.spelling import as_text
from app.slots.tables import CalendarChange, DeliverySlot
from app.values.actor import Actor
from app.values.window import local_day

# How far slots are opened where none are open yet.
FIRST_DAYS = 14
# Rules that close open slots when those are read, and make none; a horizon does not even that.
_GATES = {RuleKind.BLACKOUT, RuleKind.LEAD_TIME}


@dataclass(frozen=True, slots=True)
class Saved:
    """A change of the calendar as it was written, and what it did on the days `first`..`last`."""

    change: CalendarChange
    effect: Effect
    first: date
    last: date


@dataclass
class Change:
    """A change while it is being made: the rule before and after, and at the end what came of it."""

    before: Draft | None = None
    after: Draft | None = None
    done: list[Saved] = field(default_factory=list)

    @property
    def saved(self) -> Saved:
        """The finished change."""
        return self.done[0]


@contextmanager
def following(
    conn: Connection, *, now: datetime, actor: Actor, kind: RuleKind, key: str, reason: str
) -> Iterator[Change]:
    """Around the writing of a rule: before it nobody else changes the calendar, after it the slots follow.

    Every change is written down with actor, reason, and the rule before and after. Raises InvalidText
    for a reason that says nothing.
    """
    if not 1 <= len(reason.strip()) <= 200 or not reason.isprintable():
        raise InvalidText(field=("input", "because"), most=200)
    lock_calendar(conn)
    first, last = _open_days(conn, now)
    gates = kind in _GATES
    before = _open_nodes(conn, now, first, last) if gates else {}
    change = Change()
    yield change
    if gates or kind is RuleKind.HORIZON:
        effect = _gated(conn, before, _open_nodes(conn, now, first, last) if gates else {})
    else:
        effect = _with_passed(align(conn, now=now, first=first, last=last), now)
    row = CalendarChange(
        at=now,
        actor=actor.name,
        reason=reason.strip(),
        kind=kind,
        key=key,
        before=as_text(change.before),
        after=as_text(change.after),
        opened=len(effect.opened),
        closed=len(effect.closed),
        moved=len(effect.moved),
    )
    add(conn, row)
    change.done.append(Saved(row, effect, first, last))


def _open_days(conn: Connection, now: datetime) -> tuple[date, date]:
    """From today to the last day that has slots, or a fortnight where none has."""
    slot, zone = table_of(DeliverySlot), table_of(ServiceZone)
    zones = conn.execute(sa.select(zone.c.time_zone).distinct()).scalars()
    first = min((local_day(now, name) for name in zones), default=now.date())
    last: date | None = conn.execute(sa.select(sa.func.max(slot.c.day))).scalar_one()
    return first, last if last and last >= first else first + timedelta(days=FIRST_DAYS - 1)


def _open_nodes(conn: Connection, now: datetime, first: date, last: date) -> dict[str, frozenset[str]]:
    """The nodes from which each slot can be ordered now, by slot."""
    slot, node, zone = table_of(DeliverySlot), table_of(FulfilmentNode), table_of(ServiceZone)
    nodes: dict[str, list[str]] = {}
    query = sa.select(zone.c.id.label("zone"), node.c.id).join(node, node.c.city_id == zone.c.city_id)
    for row in conn.execute(query):
        nodes.setdefault(row.zone, []).append(row.id)
    closings = all_closings(conn, first=first, last=last)
    ahead = sa.select(slot).where(
        slot.c.day.between(first, last), slot.c.starts_at > now, slot.c.withdrawn_at.is_(None)
    )
    return {
        one.id: frozenset(
            n for n in nodes.get(one.zone_id, []) if closings.gate(one, n, one.window, now) is None
        )
        for one in rows(conn, DeliverySlot, ahead)
    }


def _gated(
    conn: Connection, before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]]
) -> Effect:
    """The slots that lead times and blackouts open or close, wholly or from one node."""
    differing = [key for key in before if before[key] != after[key]]
    slots = {slot.id: slot for slot in _slots(conn, differing)}
    return Effect(
        opened=tuple(slots[key] for key in differing if not before[key]),
        closed=tuple(slots[key] for key in differing if not after[key]),
        rested=tuple(
            (slots[key], node) for key in differing if after[key] for node in sorted(before[key] - after[key])
        ),
    )


def _with_passed(effect: Effect, now: datetime) -> Effect:
    """Add the slots that close because their cut-off moved into the past, or open because it left it."""
    closed = [move for move in effect.moved if move.after <= now < move.before]
    opened = [move for move in effect.moved if move.before <= now < move.after]
    whole = {move.slot.id for move in closed if move.node_id is None}
    fewer = tuple((m.slot, m.node_id) for m in closed if m.node_id and m.slot.id not in whole)
    return replace(
        effect,
        opened=(*effect.opened, *(move.slot for move in opened if move.node_id is None)),
        closed=(*effect.closed, *(move.slot for move in closed if move.node_id is None)),
        rested=(*effect.rested, *fewer),
    )


def _slots(conn: Connection, slot_ids: list[str]) -> list[DeliverySlot]:
    slot = table_of(DeliverySlot)
    found: list[DeliverySlot] = []
    for start in range(0, len(slot_ids), 500):
        few = slot.c.id.in_(slot_ids[start : start + 500])
        found += rows(conn, DeliverySlot, sa.select(slot).where(few))
    return found
