"""The whole calendar as an operator reads it, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.errors import OperatorsOnly
from app.places.tables import FulfilmentNode, ServiceZone
from app.slots.queries import standing
from app.slots.rules import RuleKind
from app.slots.spelling import KINDS, read_spelling
from app.slots.tables import CalendarChange
from app.storefronts.tables import Storefront
from app.values.actor import Actor


@dataclass(frozen=True, slots=True)
class Overview:
    """Every rule that stands, by kind and key, and what rules may refer to."""

    zones: Sequence[ServiceZone]
    nodes: Sequence[FulfilmentNode]
    storefronts: Sequence[Storefront]
    rules: dict[RuleKind, list[Any]]


def overview(conn: Connection, *, actor: Actor) -> Overview:
    """The rules as they were written; raises OperatorsOnly."""
    if not actor.is_operator:
        raise OperatorsOnly
    spelling = read_spelling(conn)
    return Overview(
        zones=rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code")),
        nodes=rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)).order_by("key")),
        storefronts=rows(conn, Storefront, sa.select(table_of(Storefront)).order_by("key")),
        rules={
            kind: [spelling.draft(row, kind) for row in standing(conn, model)]
            for kind, (model, _) in KINDS.items()
        },
    )


def changes(
    conn: Connection, *, actor: Actor, key: str | None, limit: int, before: str | None
) -> list[CalendarChange]:
    """What was changed, newest first, of one rule or of all, before the change with an id.

    Raises OperatorsOnly.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    change = table_of(CalendarChange)
    query = sa.select(change).order_by(change.c.id.desc()).limit(limit)
    if key is not None:
        query = query.where(change.c.key == key)
    if before is not None:
        query = query.where(change.c.id < before)
    return rows(conn, CalendarChange, query)
