"""Reads of handover with more than one caller."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, rows, table_of
from app.errors import NotFound
from app.handover.tables import DropPreference, HandoverPolicy

_CHUNK = 500


def policies(conn: Connection) -> list[HandoverPolicy]:
    """The ways of handing over that this deployment offers."""
    return rows(conn, HandoverPolicy, _all())


@cache
def _all() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(table_of(HandoverPolicy))


def preferences_by_id(conn: Connection, preference_ids: Collection[str]) -> dict[str, DropPreference]:
    """What customers asked for, by id; unknown ids are left out."""
    ids = sorted(set(preference_ids))
    found: dict[str, DropPreference] = {}
    for start in range(0, len(ids), _CHUNK):
        part = rows(conn, DropPreference, _with_ids(), {"ids": ids[start : start + _CHUNK]})
        found |= {one.id: one for one in part}
    return found


@cache
def _with_ids() -> sa.Select[*tuple[Any, ...]]:
    door = table_of(DropPreference)
    return sa.select(door).where(door.c.id.in_(sa.bindparam("ids", expanding=True)))


def preference_by_id(conn: Connection, preference_id: str) -> DropPreference:
    """What the customer asked for; raises NotFound."""
    found = by_id(conn, DropPreference, preference_id)
    if found is None:
        raise NotFound
    return found
