"""Write a place where customers may collect what they ordered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, one_or_none, row_of, rows, table_of
from app.errors import OperatorsOnly
from app.places.errors import InvalidCollectionPoint, InvalidLocker
from app.places.rules import CompartmentSize
from app.places.tables import CollectionPoint, LockerCompartment
from app.places.zone_of import zone_of
from app.values.actor import Actor
from app.values.point import Point

_MOST = 120
# A locker has so many sizes of compartments, so many of one size, and keeps goods so long.
_MOST_SIZES, _MOST_ALIKE, _MOST_HOURS = 8, 1_000, 168


def save_collection_point(
    conn: Connection,
    *,
    actor: Actor,
    key: str,
    name: str,
    address_label: str,
    point: Point,
    locker: bool = False,
    compartments: Sequence[CompartmentSize] | None = None,
    kept_h: int | None = None,
) -> CollectionPoint:
    """Make the collection point with this key, or change it; it is offered at once.

    It is served like any other address of the zone that it lies in. A locker says how many `compartments`
    of which size it has; None leaves those that are known. Sizes that are not named any more are offered no
    more, and what is in them stays. Raises OperatorsOnly, InvalidCollectionPoint, InvalidLocker, OutOfZone.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    told = {"key": key.strip(), "name": name.strip(), "address_label": address_label.strip()}
    for field, text in told.items():
        if not 1 <= len(text) <= _MOST or not text.isprintable():
            raise InvalidCollectionPoint(field=("input", _NAMES[field]), most=_MOST)
    zone_of(conn, point=point)
    _check_locker(locker, compartments, kept_h)
    table = table_of(CollectionPoint)
    values: dict[str, Any] = {
        **told,
        "latitude": point.latitude,
        "longitude": point.longitude,
        "locker": locker,
        "removed": False,
    }
    if kept_h is not None:
        values["kept_h"] = kept_h
    mine = sa.select(table).where(table.c.key == told["key"])
    known = one_or_none(conn, CollectionPoint, mine.with_for_update())
    if locker and compartments is None and not (known and known.locker):
        raise _invalid("compartments")
    if known is None:
        saved = CollectionPoint(**values)
        add(conn, saved)
    else:
        conn.execute(sa.update(table).where(table.c.id == known.id).values(**values))
        saved = row_of(CollectionPoint, {**known.model_dump(), **values})
    if locker and compartments is not None:
        _write(conn, saved.id, {size.volume_ml: size.count for size in compartments})
    return saved


def _check_locker(locker: bool, compartments: Sequence[CompartmentSize] | None, kept_h: int | None) -> None:
    if kept_h is not None and (not locker or not 1 <= kept_h <= _MOST_HOURS):
        raise _invalid("keptHours")
    if compartments is None:
        return
    sizes = [size.volume_ml for size in compartments]
    alike = len(set(sizes)) != len(sizes)
    counts = all(size.volume_ml > 0 and 0 <= size.count <= _MOST_ALIKE for size in compartments)
    if not locker or not 1 <= len(sizes) <= _MOST_SIZES or alike or not counts:
        raise _invalid("compartments")


def _invalid(field: str) -> InvalidLocker:
    return InvalidLocker(field=("input", field), sizes=_MOST_SIZES, count=_MOST_ALIKE, hours=_MOST_HOURS)


def _write(conn: Connection, locker_id: str, wanted: dict[int, int]) -> None:
    """The sizes as they are told; goods keep the compartment that they have."""
    table = table_of(LockerCompartment)
    mine = table.c.locker_id == locker_id
    known = {one.volume_ml: one for one in rows(conn, LockerCompartment, sa.select(table).where(mine))}
    for volume_ml, one in known.items():
        count = wanted.get(volume_ml, 0)
        conn.execute(sa.update(table).where(table.c.id == one.id).values(count=count))
    fresh = [(volume_ml, count) for volume_ml, count in wanted.items() if volume_ml not in known]
    add(conn, *(LockerCompartment(locker_id=locker_id, volume_ml=v, count=n) for v, n in fresh))


_NAMES = {"key": "key", "name": "name", "address_label": "address"}
