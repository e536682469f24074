"""Reads of standing slots with more than one caller; a storefront sees only its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.menu import days_ahead
from app.customers.tables import Customer
from app.database.rows import one_or_none, rows, table_of
from app.standing.errors import StandingSlotEnded, StandingSlotNotFound
from app.standing.rules import OPEN, last_day_ahead
from app.standing.tables import StandingSlot, StandingSlotOccurrence
from app.values.actor import Actor

_FIELD = ("input", "standingSlotId")


def standing_of(conn: Connection, *, actor: Actor, standing_id: str) -> StandingSlot | None:
    """The standing slot with this id, if it is the caller's."""
    return one_or_none(conn, StandingSlot, _own(actor, standing_id))


def locked_standing(
    conn: Connection, *, actor: Actor, standing_id: str, ended_too: bool = False
) -> StandingSlot:
    """The caller's standing slot, locked until the end of the transaction: the first beat of its verbs.

    Raises StandingSlotNotFound, StandingSlotEnded.
    """
    found = one_or_none(conn, StandingSlot, _own(actor, standing_id).with_for_update())
    if found is None:
        raise StandingSlotNotFound(field=_FIELD)
    if found.ended_at is not None and not ended_too:
        raise StandingSlotEnded(field=_FIELD)
    return found


def standings_of(
    conn: Connection, *, actor: Actor, customer_reference: str, limit: int = 100
) -> list[StandingSlot]:
    """A customer's standing slots, newest first."""
    standing, customer = table_of(StandingSlot), table_of(Customer)
    query = (
        sa.select(standing)
        .join(customer, customer.c.id == standing.c.customer_id)
        .where(standing.c.storefront_id == actor.storefront_id, customer.c.reference == customer_reference)
        .order_by(standing.c.id.desc())
        .limit(limit)
    )
    return rows(conn, StandingSlot, query)


def occurrences_of(
    conn: Connection, standing_ids: Sequence[str], *, since: date | None = None
) -> list[StandingSlotOccurrence]:
    """The occurrences of these standing slots, from a day on or all, in the order of their days."""
    table = table_of(StandingSlotOccurrence)
    query = sa.select(table).where(table.c.standing_id.in_(standing_ids)).order_by(table.c.day, table.c.id)
    if since is not None:
        query = query.where(table.c.day >= since)
    return rows(conn, StandingSlotOccurrence, query)


def due_to_book(conn: Connection, *, now: datetime) -> list[str]:
    """The standing slots of which a day has entered their storefront's horizon, oldest first."""
    standing, customer = table_of(StandingSlot), table_of(Customer)
    alive = standing.c.ended_at.is_(None)
    alike = (standing.c.storefront_id, standing.c.time_zone, customer.c.customer_group)
    theirs = standing.join(customer, customer.c.id == standing.c.customer_id)
    due: list[str] = []
    for shop, time_zone, group in conn.execute(sa.select(*alike).select_from(theirs).where(alive).distinct()):
        days = days_ahead(conn, storefront_id=shop, customer_group=group)
        same = (
            column.is_not_distinct_from(value)
            for column, value in zip(alike, (shop, time_zone, group), strict=True)
        )
        reached = standing.c.next_day <= last_day_ahead(now, time_zone, days)
        due += conn.execute(
            sa.select(standing.c.id).select_from(theirs).where(alive, reached, *same)
        ).scalars()
    return sorted(due)


def places_kept(conn: Connection) -> list[tuple[str, str]]:
    """The storefronts and zones, in pairs, in which somebody waits to order for a standing slot."""
    standing, occurrence = table_of(StandingSlot), table_of(StandingSlotOccurrence)
    query = (
        sa.select(standing.c.storefront_id, standing.c.zone_id)
        .join(occurrence, occurrence.c.standing_id == standing.c.id)
        .where(occurrence.c.state.in_(OPEN))
        .distinct()
        .order_by(standing.c.storefront_id, standing.c.zone_id)
    )
    return [(row.storefront_id, row.zone_id) for row in conn.execute(query)]


def storefronts_kept(conn: Connection) -> list[str]:
    """The storefronts that have standing slots."""
    standing = table_of(StandingSlot)
    query = sa.select(standing.c.storefront_id).where(standing.c.ended_at.is_(None)).distinct()
    return sorted(conn.execute(query).scalars())


def _own(actor: Actor, standing_id: str) -> sa.Select[Any]:
    table = table_of(StandingSlot)
    return sa.select(table).where(table.c.id == standing_id, table.c.storefront_id == actor.storefront_id)
