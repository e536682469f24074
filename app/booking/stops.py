"""What holds and bookings put on the tours: the rows that sheets can be made anew from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import OCCUPYING, TO_BRING
from app.booking.tables import DeliveryBooking, SlotHold
from app.capacity.rules import Reach
from app.capacity.tables import CapacityPool
from app.database.rows import table_of
from app.handover.tables import DropPreference
from app.slots.tables import DeliverySlot
from app.tours.queries import SheetKey
from app.tours.rules import TourStop
from app.values.basket import Basket
from app.values.load import Load
from app.values.point import Point
from app.values.window import Window

# Bookings that are still to be brought.


def stop_of(
    *, reference: str, slot: DeliverySlot, point: Point, reach: Reach, basket: Basket, at_door_s: int
) -> TourStop:
    """The stop of a basket that a pool takes within a slot; `reference` is the hold's id."""
    return TourStop(
        reference=reference,
        class_id=reach.class_id,
        zone_id=slot.zone_id,
        point=point,
        window=slot.window,
        at_door_s=at_door_s,
        load=_goods(basket.load(0)),
    )


def stops_between(
    conn: Connection, *, first: date, last: date, node_id: str | None = None
) -> Mapping[SheetKey, list[TourStop]]:
    """The stops of open holds and of bookings still to be brought, by node and local day, oldest first.

    A flexible one has the window that is planned for it now.
    """
    found: dict[SheetKey, list[TourStop]] = defaultdict(list)
    pool = table_of(CapacityPool)
    here: list[sa.ColumnElement[bool]] = [pool.c.day.between(first, last)]
    if node_id is not None:
        here.append(pool.c.node_id == node_id)
    hold, booking = table_of(SlotHold), table_of(DeliveryBooking)
    ours = sa.and_(booking.c.status.in_(TO_BRING), booking.c.partner_courier.is_(False))
    for claim, reference, live in (
        (hold, hold.c.id, hold.c.status.in_(OCCUPYING)),
        (booking, booking.c.hold_id, ours),
    ):
        for row in conn.execute(_query(claim, reference).where(live, *here).order_by(claim.c.id)):
            found[row.node_id, row.day].append(_stop(row))
    return found


def _query(claim: sa.Table, reference: sa.ColumnElement[str]) -> sa.Select[*tuple[Any, ...]]:
    pool, slot, door = table_of(CapacityPool), table_of(DeliverySlot), table_of(DropPreference)
    return (
        sa.select(
            reference.label("reference"),
            pool.c.node_id,
            pool.c.day,
            pool.c.vehicle_class_id,
            claim.c.zone_id,
            claim.c.latitude,
            claim.c.longitude,
            slot.c.starts_at,
            slot.c.ends_at,
            door.c.at_door_s,
            (claim.c.ambient_ml + claim.c.chilled_ml + claim.c.frozen_ml).label("volume_ml"),
            claim.c.weight_g,
            claim.c.chilled_ml,
            claim.c.frozen_ml,
        )
        .join(pool, pool.c.id == claim.c.pool_id)
        .join(slot, slot.c.id == claim.c.slot_id)
        .join(door, door.c.id == claim.c.drop_preference_id)
    )


def _stop(row: Any) -> TourStop:
    return TourStop(
        reference=row.reference,
        class_id=row.vehicle_class_id,
        zone_id=row.zone_id,
        point=Point(row.latitude, row.longitude),
        window=Window(row.starts_at, row.ends_at),
        at_door_s=row.at_door_s,
        load=Load(0, 0, row.volume_ml, row.weight_g, row.chilled_ml, row.frozen_ml),
    )


def _goods(load: Load) -> Load:
    return Load(0, 0, load.volume_ml, load.weight_g, load.chilled_ml, load.frozen_ml)
