"""The one place where a pool's counters change, and the entry that explains each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.sql.dml import ReturningUpdate

from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool, PickLoad
from app.database.rows import add, made, table_of
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
    shape = _shape(held, booked, audience)
    if not shape.held and not shape.booked:
        return True
    told = _told(now, pool_id, held, booked, audience)
    posted = _posted(conn, pool_id, shape, told)
    if posted is None:
        return False
    entry = made(
        CapacityEntry,
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
class _Shape:
    """Which dimensions a change touches, which of them grow, and whom it is for: what makes its statement."""

    held: tuple[str, ...]
    booked: tuple[str, ...]
    more: tuple[str, ...]
    grouped: bool
    counted: bool


def _shape(held: Load, booked: Load, audience: str | None) -> _Shape:
    more = held + booked
    return _Shape(
        held=tuple(delta(held)),
        booked=tuple(delta(booked)),
        more=tuple(d for d, change in delta(more).items() if change > 0),
        grouped=audience is not None,
        counted=audience is not None and more.orders != 0,
    )


def _told(now: datetime, pool_id: str, held: Load, booked: Load, audience: str | None) -> dict[str, Any]:
    """The parameters of `_change`."""
    by = {f"{prefix}_{d}_by": n for prefix, load in _both(held, booked) for d, n in delta(load).items()}
    more = {f"{d}_more": n for d, n in delta(held + booked).items()}
    return {**by, **more, "its_id": pool_id, "its_wave": None, "its_audience": audience, "its_now": now}


def _both(held: Load, booked: Load) -> tuple[tuple[str, Load], ...]:
    return (("held", held), ("booked", booked))


@cache
def _change(shape: _Shape, *, waved: bool) -> ReturningUpdate[Any]:
    """The conditional UPDATE of one pool, made once for each shape: making it takes longer than running it.

    The counters come back as this very UPDATE leaves them: the entry shows them without another statement.
    """
    pool = table_of(CapacityPool)
    values: dict[str, sa.ColumnElement[int]] = {
        f"{prefix}_{d}": pool.c[f"{prefix}_{d}"] + sa.bindparam(f"{prefix}_{d}_by")
        for prefix, dimensions in (("held", shape.held), ("booked", shape.booked))
        for d in dimensions
    }
    audience = sa.bindparam("its_audience", type_=sa.String())
    if shape.counted:
        counts = sa.case((pool.c.protected_group == audience, sa.bindparam("orders_more")), else_=0)
        values["protected_used"] = pool.c.protected_used + counts
    wave = pool.c.pick_load_id == sa.bindparam("its_wave") if waved else pool.c.pick_load_id.is_(None)
    return (
        sa.update(pool)
        .where(pool.c.id == sa.bindparam("its_id"), wave, *_fitting(pool, shape, audience))
        .values(**values, entries=pool.c.entries + 1)
        .returning(pool.c.entries, *(pool.c[name] for name in values))
    )


def _posted(conn: Connection, pool_id: str, shape: _Shape, told: dict[str, Any]) -> Row[Any] | None:
    """Change the pool, after its picking wave if it has one; what one of the two refuses is not done.

    The wave goes first: it is the row that many pools share, and a shopper who moves from one of them to
    another already holds it. The other way round two such shoppers wait for each other.
    """
    held, booked = told.get("held_orders_by", 0), told.get("booked_orders_by", 0)
    alone = _change(shape, waved=False)
    posted = conn.execute(alone, told).one_or_none()
    wave = None if posted else _wave_of(conn, pool_id)
    while posted is None and wave is not None:
        if not picked(conn, wave, held, booked):
            return None
        posted = conn.execute(_change(shape, waved=True), {**told, "its_wave": wave}).one_or_none()
        if posted is None:
            picked(conn, wave, -held, -booked)
            tried, wave = wave, _wave_of(conn, pool_id)
            if tried == wave:
                return None
    if posted is None and held + booked <= 0:
        # Its wave has just been unbound: what gives back goes without one.
        posted = conn.execute(alone, told).one_or_none()
    return posted


def _wave_of(conn: Connection, pool_id: str) -> str | None:
    return conn.execute(_wave(), {"its_id": pool_id}).scalar_one_or_none()


@cache
def _wave() -> sa.Select[str | None]:
    pool = table_of(CapacityPool)
    return sa.select(pool.c.pick_load_id).where(pool.c.id == sa.bindparam("its_id"))


def picked(conn: Connection, pick_load_id: str, held: int, booked: int) -> bool:
    """Count orders against the picking wave, if more of them still fit."""
    if not held and not booked:
        return True
    told = {"its_id": pick_load_id, "held_by": held, "booked_by": booked}
    return conn.execute(_picking(growing=held + booked > 0), told).rowcount == 1


@cache
def _picking(*, growing: bool) -> sa.Update:
    load = table_of(PickLoad)
    held = load.c.held_orders + sa.bindparam("held_by")
    booked = load.c.booked_orders + sa.bindparam("booked_by")
    fits = [held + booked <= load.c.sell_orders] if growing else []
    return (
        sa.update(load)
        .where(load.c.id == sa.bindparam("its_id"), *fits)
        .values(held_orders=held, booked_orders=booked)
    )


def _fitting(pool: sa.Table, shape: _Shape, audience: sa.BindParameter[str]) -> list[sa.ColumnElement[bool]]:
    """What must be true of a pool that shall take so much more."""
    fitting = [
        pool.c[f"held_{d}"] + pool.c[f"booked_{d}"] + sa.bindparam(f"{d}_more") <= pool.c[f"sell_{d}"]
        for d in shape.more
        if d != "orders"
    ]
    if "orders" in shape.more:
        open_orders = pool.c.sell_orders - _kept(pool, audience if shape.grouped else None)
        taken = pool.c.held_orders + pool.c.booked_orders + sa.bindparam("orders_more")
        fitting.append(taken <= open_orders)
    return fitting


def _kept(pool: sa.Table, audience: sa.BindParameter[str] | None) -> sa.ColumnElement[int]:
    """The orders of a pool that are kept for others than this audience, as of now.

    The group's own claims lower it and their release raises it again; at `protected_until` it is nothing,
    whether any job has run or not.
    """
    left = pool.c.protected_orders - pool.c.protected_used
    in_force = [pool.c.protected_until > sa.bindparam("its_now"), left > 0]
    if audience is not None:
        in_force.append(pool.c.protected_group != audience)
    return sa.case((sa.and_(*in_force), left), else_=0)


def delta(load: Load) -> dict[str, int]:
    """The dimensions that change, by name."""
    return {d: change for d in DIMENSIONS if (change := getattr(load, d))}
