"""Take room for a basket in a pool and on a tour: both or neither, decided on the present state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.booking.menu import Menu
from app.booking.stops import stop_of
from app.capacity.give_back import give_back
from app.capacity.rules import Reach
from app.capacity.take import take
from app.slots.tables import DeliverySlot
from app.tours.place import place
from app.values.basket import Basket
from app.values.load import Load


def take_place(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    menu: Menu,
    slot: DeliverySlot,
    reaches: Sequence[Reach],
    basket: Basket,
    at_door_s: int,
    reference: str,
    stop_reference: str,
    audience: str | None,
    reason: str,
    booked: bool = False,
) -> Reach | None:
    """The first of the pools that has room and a tour that can come by within the slot; None when none has.

    Pools are counted before tours, in the one order of locks. Where the last place on the tours went to
    somebody else in between, what the pool gave is given back, and the ledger says so. `stop_reference` is
    the id of the hold, `reference` what the ledger calls the claim. A stop that is on a tour of the same
    node and day already is moved there.
    """
    for reach in reaches:
        stop = stop_of(
            reference=stop_reference,
            slot=slot,
            point=menu.tours.point,
            reach=reach,
            basket=basket,
            at_door_s=at_door_s,
        )
        known = menu.firm_tours.sheets.get((reach.node_id, reach.day))
        planned = known.sheet.with_stop(stop) if known else None
        if known is not None and planned is None:
            continue
        taken = take(
            conn,
            now=now,
            actor=actor,
            reaches=[reach],
            basket=basket,
            at_door_s=at_door_s,
            reference=reference,
            audience=audience,
            reason=reason,
            booked=booked,
        )
        if taken is None:
            continue
        if known is None or planned is None or place(conn, now=now, known=known, stop=stop, planned=planned):
            return reach
        _undo(conn, now, actor, reach, basket.load(reach.drop_s(at_door_s)), reference, audience, booked)
    return None


def _undo(
    conn: Connection,
    now: datetime,
    actor: str,
    reach: Reach,
    load: Load,
    reference: str,
    audience: str | None,
    booked: bool,
) -> None:
    give_back(
        conn,
        now=now,
        actor=actor,
        pool_id=reach.pool_id,
        held=Load() if booked else load,
        booked=load if booked else Load(),
        reference=reference,
        reason="no tour had time left for it",
        audience=audience,
    )
