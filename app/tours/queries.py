"""Reads of sheets: what this process has in memory already is not read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from app.capacity.tables import CapacityPool
from app.database.rows import table_of
from app.tours.packing import frame_from_bytes, records_from_bytes
from app.tours.rules import Frame
from app.tours.sheet import Sheet
from app.tours.tables import TourSheet

type SheetKey = tuple[str, date]

# Sheets in memory: some weeks of some nodes, with a few states of each.
_MOST = 512
# Of one node and day the states that are told to the database as known.
_RECENT = 3


@dataclass(frozen=True, slots=True)
class KnownSheet:
    """A sheet as it was read or written: `stamp` tells it from every other."""

    node_id: str
    day: date
    version: int
    stamp: str
    frame_stamp: str
    inserted: int
    sheet: Sheet

    @property
    def key(self) -> SheetKey:
        """The node and the day."""
        return self.node_id, self.day


class _Memory:
    """What this process has unpacked; a stamp is never used twice, so nothing in here can be wrong."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sheets: OrderedDict[str, KnownSheet] = OrderedDict()
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self._recent: dict[SheetKey, list[str]] = {}

    def keep(self, known: KnownSheet) -> None:
        with self._lock:
            self._sheets[known.stamp] = known
            self._frames[known.frame_stamp] = known.sheet.frame
            self._recent[known.key] = [*self._recent.get(known.key, [])[1 - _RECENT :], known.stamp]
            while len(self._sheets) > _MOST:
                _, old = self._sheets.popitem(last=False)
                if self._recent.get(old.key, [])[-1:] == [old.stamp]:
                    del self._recent[old.key]
            while len(self._frames) > _MOST:
                self._frames.popitem(last=False)

    def held(self, keys: Callable[[SheetKey], bool]) -> dict[str, KnownSheet]:
        """The recent states of some nodes and days, by stamp."""
        with self._lock:
            stamps = [stamp for key, recent in self._recent.items() if keys(key) for stamp in recent]
            return {stamp: self._sheets[stamp] for stamp in stamps if stamp in self._sheets}

    def frames(self) -> dict[str, Frame]:
        with self._lock:
            return dict(self._frames)


MEMORY = _Memory()


def read_sheets(
    conn: Connection, *, node_ids: Collection[str], first: date, last: date
) -> Mapping[SheetKey, KnownSheet]:
    """The sheets of these nodes and days, however many: one statement, and bytes only of what is new."""
    table = table_of(TourSheet)
    wanted = set(node_ids)
    held = MEMORY.held(lambda key: key[0] in wanted and first <= key[1] <= last)
    here = sa.and_(table.c.node_id.in_(sorted(wanted)), table.c.day.between(first, last))
    return _found(conn, table, held, lambda query: query.where(here))


def locked_sheets(
    conn: Connection, *, keys: Collection[SheetKey] = (), pool_ids: Collection[str] = ()
) -> Mapping[SheetKey, KnownSheet]:
    """The sheets of these nodes and days, and of these pools, locked in one order until the transaction ends.

    Sheets come after the pools in the order of locks (docs/reliability.md).
    """
    table, pool = table_of(TourSheet), table_of(CapacityPool)
    wanted: list[Any] = []
    if keys:
        wanted.append(sa.tuple_(table.c.node_id, table.c.day).in_(sorted(set(keys))))
    if pool_ids:
        of_pool = sa.and_(
            pool.c.id.in_(sorted(set(pool_ids))), pool.c.node_id == table.c.node_id, pool.c.day == table.c.day
        )
        wanted.append(sa.exists(sa.select(pool.c.id).where(of_pool)))
    if not wanted:
        return {}
    held = MEMORY.held(lambda key: bool(pool_ids) or key in keys)

    def locking(query: sa.Select[*tuple[Any, ...]]) -> sa.Select[*tuple[Any, ...]]:
        return query.where(sa.or_(*wanted)).order_by(table.c.node_id, table.c.day).with_for_update(of=table)

    return _found(conn, table, held, locking)


def _found(
    conn: Connection,
    table: sa.Table,
    held: Mapping[str, KnownSheet],
    narrowed: Callable[[sa.Select[*tuple[Any, ...]]], sa.Select[*tuple[Any, ...]]],
) -> Mapping[SheetKey, KnownSheet]:
    """The sheets that are wanted; the bytes of those that are held are not asked for."""
    frames = MEMORY.frames() if held else {}
    query = sa.select(
        table.c.node_id,
        table.c.day,
        table.c.version,
        table.c.stamp,
        table.c.frame_stamp,
        table.c.inserted,
        _unless(table.c.stamp, held, table.c.stops).label("stops"),
        _unless(table.c.frame_stamp, frames, table.c.frame).label("frame"),
    )
    found = [held.get(row.stamp) or _read(row, frames) for row in conn.execute(narrowed(query))]
    return {known.key: known for known in found}


def _unless(
    stamp: sa.ColumnElement[str], known: Collection[str], column: sa.ColumnElement[bytes]
) -> sa.ColumnElement[Any]:
    return sa.case((stamp.in_(sorted(known)), None), else_=column) if known else column


def _read(row: Row[*tuple[Any, ...]], frames: Mapping[str, Frame]) -> KnownSheet:
    frame = frames.get(row.frame_stamp) or frame_from_bytes(row.frame)
    known = KnownSheet(
        node_id=row.node_id,
        day=row.day,
        version=row.version,
        stamp=row.stamp,
        frame_stamp=row.frame_stamp,
        inserted=row.inserted,
        sheet=Sheet(frame, records_from_bytes(row.stops)),
    )
    MEMORY.keep(known)
    return known
