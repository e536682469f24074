"""Reads of handover with more than one caller."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import by_id, rows, table_of
from app.errors import NotFound
from app.handover.tables import DropPreference, HandoverPolicy


def policies(conn: Connection) -> list[HandoverPolicy]:
    """The ways of handing over that this deployment offers."""
    return rows(conn, HandoverPolicy, _all())


@cache
def _all() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(table_of(HandoverPolicy))


def preference_by_id(conn: Connection, preference_id: str) -> DropPreference:
    """What the customer asked for; raises NotFound."""
    found = by_id(conn, DropPreference, preference_id)
    if found is None:
        raise NotFound
    return found
