"""Take one unit of work from the cheapest pool that has room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.capacity.ledger import NOTHING, post
from app.capacity.rules import EntryKind, Reach
from app.values.basket import Basket


def take(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    reaches: Sequence[Reach],
    basket: Basket,
    at_door_s: int,
    reference: str,
    audience: str | None,
    reason: str = "held for a shopper",
    booked: bool = False,
) -> Reach | None:
    """Hold (or book) the basket's load in the first of `reaches` that can take it; None when none can.

    The caller gives the pools in the order of preference; what they have free may be outdated, the
    claim itself decides. `audience` is the customer's group: what is kept for it counts as room.
    """
    for reach in reaches:
        load = basket.load(reach.drop_s(at_door_s))
        if post(
            conn,
            now=now,
            actor=actor,
            kind=EntryKind.BOOKING if booked else EntryKind.HOLD,
            pool_id=reach.pool_id,
            held=NOTHING if booked else load,
            booked=load if booked else NOTHING,
            reference=reference,
            reason=reason,
            audience=audience,
        ):
            return reach
    return None
