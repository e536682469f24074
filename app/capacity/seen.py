"""Pools and their ledger as an operator sees them, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.overrides import in_force_between, planned_of
from app.capacity.rules import in_force
from app.capacity.tables import CapacityEntry, CapacityOverride, CapacityPool, CapacityReach
from app.database.rows import AsRow, one_or_none, row_of, rows, table_of
from app.fleet.rules import VehicleKind
from app.fleet.tables import VehicleClass
from app.places.tables import City, FulfilmentNode
from app.values.load import DIMENSIONS, Load
from app.values.window import ZonedWindow


class CapacityCounter(StrEnum):
    """The figures of a pool in each dimension; PROTECTED is what of the orders is kept for a group."""

    CAP = "CAP"
    SELL = "SELL"
    HELD = "HELD"
    BOOKED = "BOOKED"
    PROTECTED = "PROTECTED"


class CapacityDimension(StrEnum):
    """What is counted: drops, seconds of work, millilitres and grams."""

    ORDERS = "ORDERS"
    WORK_S = "WORK_S"
    VOLUME_ML = "VOLUME_ML"
    WEIGHT_G = "WEIGHT_G"
    CHILLED_ML = "CHILLED_ML"
    FROZEN_ML = "FROZEN_ML"


@dataclass(frozen=True, slots=True)
class KeptPart:
    """What of a pool is kept for a group, and how much of it is left."""

    audience: str
    orders: int
    left: int
    until: datetime


@dataclass(frozen=True, slots=True)
class SeenPool:
    """A pool with the names of what it is made of and the override that counts for it."""

    row: Annotated[CapacityPool, AsRow()]
    node_name: str
    time_zone: str
    vehicle_kind: VehicleKind
    vehicle_class: str
    override: Annotated[CapacityOverride, AsRow()] | None
    # All that is in force about it, newest first; `override` is the first of them.
    overrides: tuple[Annotated[CapacityOverride, AsRow()], ...] = ()

    @property
    def time_window(self) -> ZonedWindow:
        """The bucket on the city's wall clock."""
        return ZonedWindow(self.row.window, self.time_zone)

    @property
    def kept(self) -> KeptPart | None:
        """What is kept for a group of customers, also after its time has come."""
        pool = self.row
        if pool.protected_group is None or pool.protected_until is None:
            return None
        left = max(0, pool.protected_orders - pool.protected_used)
        return KeptPart(pool.protected_group, pool.protected_orders, left, pool.protected_until)

    @property
    def cap(self) -> Load:
        """What exists."""
        return self.row.loads("cap")

    @property
    def sell(self) -> Load:
        """What may be sold."""
        return self.row.loads("sell")

    @property
    def planned(self) -> Load:
        """What the plan would sell."""
        return planned_of(self.row)

    @property
    def held(self) -> Load:
        """What holds have claimed."""
        return self.row.loads("held")

    @property
    def booked(self) -> Load:
        """What is promised."""
        return self.row.loads("booked")


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """One figure of a pool before and after an entry."""

    counter: CapacityCounter
    dimension: CapacityDimension
    before: int
    after: int


def pools_between(
    conn: Connection,
    *,
    first: date,
    last: date,
    node_id: str | None = None,
    zone_id: str | None = None,
    limit: int,
    after: str | None = None,
    before: str | None = None,
    backwards: bool = False,
) -> list[SeenPool]:
    """A page of the pools of these local days by start, between two ids of pools; by zone: that reach it."""
    pool, reach = table_of(CapacityPool), table_of(CapacityReach)
    key = sa.tuple_(pool.c.starts_at, pool.c.id)
    query = _named().where(pool.c.day.between(first, last))
    if node_id is not None:
        query = query.where(pool.c.node_id == node_id)
    if zone_id is not None:
        query = query.where(pool.c.id.in_(sa.select(reach.c.pool_id).where(reach.c.zone_id == zone_id)))
    if after is not None:
        query = query.where(key > _place(conn, after))
    if before is not None:
        query = query.where(key < _place(conn, before))
    order = [column.desc() if backwards else column for column in (pool.c.starts_at, pool.c.id)]
    found = _seen(conn, query.order_by(*order).limit(limit))
    return found[::-1] if backwards else found


def pools_by_id(conn: Connection, pool_ids: Sequence[str]) -> dict[str, SeenPool]:
    """The pools with these ids."""
    pool = table_of(CapacityPool)
    return {seen.row.id: seen for seen in _seen(conn, _named().where(pool.c.id.in_(pool_ids)))}


def ledger_of(
    conn: Connection,
    *,
    pool_id: str,
    limit: int,
    after: int | None = None,
    before: int | None = None,
    backwards: bool = False,
) -> list[CapacityEntry]:
    """A page of a pool's entries in the order of their numbers, between two numbers."""
    entry = table_of(CapacityEntry)
    query = sa.select(entry).where(entry.c.pool_id == pool_id)
    if after is not None:
        query = query.where(entry.c.number > after)
    if before is not None:
        query = query.where(entry.c.number < before)
    order = entry.c.number.desc() if backwards else entry.c.number
    found = rows(conn, CapacityEntry, query.order_by(order).limit(limit))
    return found[::-1] if backwards else found


def changes_of(entry: CapacityEntry) -> list[LedgerChange]:
    """The figures that an entry changed, each before and after."""
    found = []
    for counter, deltas, after in (
        (CapacityCounter.HELD, entry.held_delta, entry.held_after),
        (CapacityCounter.BOOKED, entry.booked_delta, entry.booked_after),
    ):
        for name, by in deltas.items():
            found.append(LedgerChange(counter, _dimension(name), after[name] - by, after[name]))
    if entry.sizes:
        earlier, later = entry.sizes["before"] or {}, entry.sizes["after"]
        for counter in (CapacityCounter.CAP, CapacityCounter.SELL):
            was, is_now = earlier.get(counter.lower(), {}), later[counter.lower()]
            found += [
                LedgerChange(counter, _dimension(name), was.get(name, 0), is_now[name])
                for name in DIMENSIONS
                if was.get(name, 0) != is_now[name]
            ]
        kept = [side.get("protected", {}).get("orders", 0) for side in (earlier, later)]
        if kept[0] != kept[1]:
            found.append(LedgerChange(CapacityCounter.PROTECTED, CapacityDimension.ORDERS, *kept))
    return found


def overrides_between(conn: Connection, *, first: date, last: date) -> list[CapacityOverride]:
    """What operators said about these local days, lifted or not, newest first."""
    override = table_of(CapacityOverride)
    query = sa.select(override).where(override.c.day.between(first, last)).order_by(override.c.id.desc())
    return rows(conn, CapacityOverride, query)


def override_by_id(conn: Connection, override_id: str) -> CapacityOverride | None:
    """The override with this id, lifted or not."""
    override = table_of(CapacityOverride)
    return one_or_none(conn, CapacityOverride, sa.select(override).where(override.c.id == override_id))


def _dimension(name: str) -> CapacityDimension:
    return CapacityDimension(name.upper())


def _place(conn: Connection, pool_id: str) -> sa.Tuple:
    """Where a pool lies in the list; an unknown one lies at its end."""
    pool = table_of(CapacityPool)
    starts_at = conn.execute(sa.select(pool.c.starts_at).where(pool.c.id == pool_id)).scalar_one_or_none()
    last = datetime.max.replace(tzinfo=UTC)
    return sa.tuple_(sa.literal(starts_at or last, pool.c.starts_at.type), sa.literal(pool_id))


def _named() -> sa.Select[tuple[object, ...]]:
    pool, node = table_of(CapacityPool), table_of(FulfilmentNode)
    kind, city = table_of(VehicleClass), table_of(City)
    return (
        sa.select(
            pool,
            node.c.name.label("node_name"),
            city.c.time_zone,
            kind.c.kind.label("vehicle_kind"),
            kind.c.name.label("vehicle_class"),
        )
        .join(node, node.c.id == pool.c.node_id)
        .join(city, city.c.id == node.c.city_id)
        .join(kind, kind.c.id == pool.c.vehicle_class_id)
    )


def _seen(conn: Connection, query: sa.Select[tuple[object, ...]]) -> list[SeenPool]:
    names = [column.name for column in table_of(CapacityPool).columns]
    found = conn.execute(query).all()
    if not found:
        return []
    days = [row.day for row in found]
    overrides = in_force_between(conn, min(days), max(days))
    seen = []
    for row in found:
        pool = row_of(CapacityPool, {name: row._mapping[name] for name in names})
        said = in_force(overrides, pool, row.vehicle_kind)
        seen.append(
            SeenPool(
                row=pool,
                node_name=row.node_name,
                time_zone=row.time_zone,
                vehicle_kind=row.vehicle_kind,
                vehicle_class=row.vehicle_class,
                override=said[0] if said else None,
                overrides=tuple(said),
            )
        )
    return seen
