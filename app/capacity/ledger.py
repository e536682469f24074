"""The one place where a pool's counters change, and the entry that explains each change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.sql.dml import ReturningUpdate

from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool, PickLoad
from app.database.rows import add, table_of
from app.values.load import DIMENSIONS, Load

NOTHING = Load()


def post(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    kind: EntryKind,
    pool_id: str,
    held: Load = NOTHING,
    booked: Load = NOTHING,
    reference: str,
    reason: str,
    audience: str | None = None,
) -> bool:
    """Change a pool's use by these amounts if what grows still fits what may be sold.

    One conditional UPDATE, so concurrent callers can never take the same unit, and before it one of the
    picking wave where the pool counts against one. False when it does not fit; then nothing is written.
    `audience` is the group of the customer who takes or gives back: what is kept for other groups until
    later than `now` is not there for them.
    """
    pool = table_of(CapacityPool)
    changes = _changes(pool, held, booked, audience)
    if not changes:
        return True
    # The counters as this very UPDATE leaves them: the entry shows them without another statement.
    change = (
        sa.update(pool)
        .where(pool.c.id == pool_id, *_fitting(pool, held + booked, audience, now))
        .values(**changes, entries=pool.c.entries + 1)
        .returning(pool.c.entries, *(pool.c[name] for name in changes))
    )
    posted = _posted(conn, pool_id, change, held, booked)
    if posted is None:
        return False
    entry = CapacityEntry(
        pool_id=pool_id,
        number=posted.entries,
        kind=kind,
        at=now,
        actor=actor,
        reason=reason,
        reference=reference,
        audience=audience,
        held_delta=delta(held),
        booked_delta=delta(booked),
        held_after={d: posted._mapping[f"held_{d}"] for d in delta(held)},
        booked_after={d: posted._mapping[f"booked_{d}"] for d in delta(booked)},
    )
    add(conn, entry)
    return True


@dataclass(frozen=True, slots=True)
class Claim:
    """A load that somebody wants to hold in a pool."""

    pool_id: str
    load: Load
    reference: str
    actor: str
    reason: str
    audience: str | None


def post_many(conn: Connection, *, now: datetime, claims: Sequence[Claim]) -> set[str]:
    """Hold many loads at once; the references of those that are held.

    Pools are locked in the order of their ids and take all that is claimed of them or nothing: what was
    refused here may still fit alone. Pools that a picking wave bounds take nothing here.
    """
    pool = table_of(CapacityPool)
    by_pool: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_pool[claim.pool_id].append(claim)
    entries: list[CapacityEntry] = []
    for pool_id in sorted(by_pool):
        mine = by_pool[pool_id]
        total = sum((claim.load for claim in mine), NOTHING)
        # As for a customer in no group: what is kept for somebody may still be had alone.
        fits = _fitting(pool, total, None, now)
        values = {f"held_{d}": pool.c[f"held_{d}"] + change for d, change in delta(total).items()}
        groups = Counter(claim.audience for claim in mine if claim.audience is not None)
        used = [_counts(pool, audience, orders) for audience, orders in groups.items()]
        posted = conn.execute(
            sa.update(pool)
            .where(pool.c.id == pool_id, pool.c.pick_load_id.is_(None), *fits)
            .values(
                **values, entries=pool.c.entries + len(mine), protected_used=sum(used, pool.c.protected_used)
            )
            .returning(pool.c.entries, *(pool.c[name] for name in values))
        ).one_or_none()
        if posted is not None:
            after = {d: posted._mapping[f"held_{d}"] - change for d, change in delta(total).items()}
            entries += _in_turn(now, mine, posted.entries - len(mine), after)
    add(conn, *entries)
    return {str(entry.reference) for entry in entries}


def _in_turn(
    now: datetime, claims: Sequence[Claim], number: int, held: dict[str, int]
) -> list[CapacityEntry]:
    """The entries of claims that one UPDATE counted together, as if one had come after the other."""
    made = []
    for place, claim in enumerate(claims, start=1):
        change = delta(claim.load)
        held = {d: before + change.get(d, 0) for d, before in held.items()}
        made.append(
            CapacityEntry(
                pool_id=claim.pool_id,
                number=number + place,
                kind=EntryKind.HOLD,
                at=now,
                actor=claim.actor,
                reason=claim.reason,
                reference=claim.reference,
                audience=claim.audience,
                held_delta=change,
                held_after={d: held[d] for d in change},
            )
        )
    return made


def _posted(
    conn: Connection, pool_id: str, change: ReturningUpdate[Any], held: Load, booked: Load
) -> Row[Any] | None:
    """Change the pool, after its picking wave if it has one; what one of the two refuses is not done.

    The wave goes first: it is the row that many pools share, and a shopper who moves from one of them to
    another already holds it. The other way round two such shoppers wait for each other.
    """
    pool = table_of(CapacityPool)
    alone = change.where(pool.c.pick_load_id.is_(None))
    posted = conn.execute(alone).one_or_none()
    wave = None if posted else _wave_of(conn, pool_id)
    while posted is None and wave is not None:
        if not _picked(conn, wave, held.orders, booked.orders):
            return None
        posted = conn.execute(change.where(pool.c.pick_load_id == wave)).one_or_none()
        if posted is None:
            _picked(conn, wave, -held.orders, -booked.orders)
            tried, wave = wave, _wave_of(conn, pool_id)
            if tried == wave:
                return None
    if posted is None and held.orders + booked.orders <= 0:
        # Its wave has just been unbound: what gives back goes without one.
        posted = conn.execute(alone).one_or_none()
    return posted


def _wave_of(conn: Connection, pool_id: str) -> str | None:
    pool = table_of(CapacityPool)
    query = sa.select(pool.c.pick_load_id).where(pool.c.id == pool_id)
    found: str | None = conn.execute(query).scalar_one_or_none()
    return found


def _picked(conn: Connection, pick_load_id: str, held: int, booked: int) -> bool:
    """Count orders against the picking wave, if more of them still fit."""
    if not held and not booked:
        return True
    load = table_of(PickLoad)
    fits = [load.c.held_orders + load.c.booked_orders + held + booked <= load.c.sell_orders]
    counted = conn.execute(
        sa.update(load)
        .where(load.c.id == pick_load_id, *(fits if held + booked > 0 else []))
        .values(held_orders=load.c.held_orders + held, booked_orders=load.c.booked_orders + booked)
    )
    return counted.rowcount == 1


def _fitting(pool: sa.Table, more: Load, audience: str | None, now: datetime) -> list[sa.ColumnElement[bool]]:
    """What must be true of a pool that shall take so much more."""
    fitting = [
        pool.c[f"held_{d}"] + pool.c[f"booked_{d}"] + getattr(more, d) <= pool.c[f"sell_{d}"]
        for d in DIMENSIONS
        if d != "orders" and getattr(more, d) > 0
    ]
    if more.orders > 0:
        open_orders = pool.c.sell_orders - _kept(pool, audience, now)
        fitting.append(pool.c.held_orders + pool.c.booked_orders + more.orders <= open_orders)
    return fitting


def _changes(
    pool: sa.Table, held: Load, booked: Load, audience: str | None
) -> dict[str, sa.ColumnElement[int]]:
    """The columns that change, each with its new value."""
    changes: dict[str, sa.ColumnElement[int]] = {
        f"{prefix}_{d}": pool.c[f"{prefix}_{d}"] + getattr(load, d)
        for prefix, load in (("held", held), ("booked", booked))
        for d in DIMENSIONS
        if getattr(load, d)
    }
    orders = held.orders + booked.orders
    if audience is not None and orders:
        changes["protected_used"] = pool.c.protected_used + _counts(pool, audience, orders)
    return changes


def _counts(pool: sa.Table, audience: str, orders: int) -> sa.ColumnElement[int]:
    """How many of these orders count against what the pool keeps for their audience."""
    return sa.case((pool.c.protected_group == audience, orders), else_=0)


def _kept(pool: sa.Table, audience: str | None, now: datetime) -> sa.ColumnElement[int]:
    """The orders of a pool that are kept for others than this audience, as of now.

    The group's own claims lower it and their release raises it again; at `protected_until` it is nothing,
    whether any job has run or not.
    """
    left = pool.c.protected_orders - pool.c.protected_used
    in_force = [pool.c.protected_until > now, left > 0]
    if audience is not None:
        in_force.append(pool.c.protected_group != audience)
    return sa.case((sa.and_(*in_force), left), else_=0)


def delta(load: Load) -> dict[str, int]:
    """The dimensions that change, by name."""
    return {d: getattr(load, d) for d in DIMENSIONS if getattr(load, d)}
