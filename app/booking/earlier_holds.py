"""End what a customer holds for a cart when they hold another window for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.compartments import lock_lockers
from app.booking.end_hold import end_hold
from app.booking.rules import HoldStatus
from app.booking.tables import SlotHold, occupying
from app.capacity.lock import lock
from app.capacity.rules import Reach
from app.database.rows import rows, table_of
from app.tours.queries import locked_sheets
from app.values.actor import Actor


def give_back_earlier(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    customer_id: str,
    cart_reference: str,
    tried: Iterable[Reach],
    lockers: Sequence[str] = (),
) -> list[str]:
    """The pools that have room again; the caller serves those who wait for it, once it has its own.

    `tried` are the pools that the caller takes room from next: the room given back and the room taken
    change together, so that their locks must have an order. In it are the `lockers` that the new hold is to
    have a compartment of.
    """
    found = rows(conn, SlotHold, _earlier(), {"customer": customer_id, "cart": cart_reference})
    lock_lockers(conn, lockers)
    if found:
        pools = [*(old.pool_id for old in found), *(reach.pool_id for reach in tried)]
        lock(conn, pool_ids=pools)
        locked_sheets(conn, pool_ids=pools)
    for old in found:
        ended = HoldStatus.RELEASED if old.expires_at > now else HoldStatus.EXPIRED
        reason = "the customer holds another window for this cart"
        end_hold(conn, now=now, actor=actor.name, held=old, status=ended, reason=reason)
    return [old.pool_id for old in found]


@cache
def _earlier() -> sa.Select[*tuple[Any, ...]]:
    table = table_of(SlotHold)
    mine = sa.and_(
        table.c.customer_id == sa.bindparam("customer"), table.c.cart_reference == sa.bindparam("cart")
    )
    return sa.select(table).where(mine, occupying()).with_for_update()
