"""Reads of disruptions."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.disruption.tables import Disruption
from app.errors import OperatorsOnly
from app.values.actor import Actor


def disruptions_of(conn: Connection, *, actor: Actor, limit: int) -> Sequence[Disruption]:
    """The newest disruptions; operators only, for they name vehicles and people. Raises OperatorsOnly."""
    if not actor.is_operator:
        raise OperatorsOnly
    table = table_of(Disruption)
    return rows(conn, Disruption, sa.select(table).order_by(table.c.id.desc()).limit(limit))
