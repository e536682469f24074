"""Read what the tours of a node and day must know: bookings to be brought, vehicles, figures, lockers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.errors import NothingToPlan
from app.allocation.on_duty import Rostered, roster
from app.allocation.tables import PlanningFigures
from app.booking.compartments import allotted
from app.booking.flexible import choices_of
from app.booking.lockers import locker_policy
from app.booking.rules import TO_BRING, RepromiseState
from app.booking.tables import DeliveryBooking, FlexibleSlotBooking, RepromiseProposal
from app.capacity.tables import CapacityPool
from app.database.rows import by_id, rows, table_of
from app.fleet.queries import vehicle_classes
from app.fleet.tables import EmissionFactor, VehicleClass, WageRule
from app.handover.tables import DropPreference, HandoverPolicy
from app.places.closures import ClosedStreet, closed_streets
from app.places.collection_points import lockers_by_id
from app.places.tables import City, CollectionPoint, FulfilmentNode, ServiceZone, ZoneHour
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot
from app.tours.tables import Stop, Tour
from app.values.window import Window


@dataclass(frozen=True)
class TourFacts:
    """The rows a problem is made of."""

    city: City
    figures: PlanningFigures
    node: FulfilmentNode
    zones: list[ServiceZone]
    hours: dict[tuple[str, int], ZoneHour]
    classes: list[VehicleClass]
    factors: dict[str, EmissionFactor]
    wage_minor_per_h: int
    rostered: tuple[Rostered, ...]
    bookings: tuple[DeliveryBooking, ...]
    pools: dict[str, CapacityPool]
    preferences: dict[str, DropPreference]
    choices: Mapping[str, Sequence[DeliverySlot]]
    slots: dict[str, DeliverySlot]
    kept: tuple[str, ...]
    closed: list[ClosedStreet]
    lockers: Mapping[str, CollectionPoint]
    # The lockers that have a compartment for a booking, by booking.
    roomy: Mapping[str, Sequence[str]]
    locker_policy: HandoverPolicy | None


def read_facts(conn: Connection, now: datetime, node_id: str, day: date, loading: timedelta) -> TourFacts:
    """All of it; raises NothingToPlan, saying what is missing."""
    node = by_id(conn, FulfilmentNode, node_id)
    figures = rows(conn, PlanningFigures, sa.select(table_of(PlanningFigures)))
    city = by_id(conn, City, node.city_id) if node else None
    if node is None or city is None or not figures:
        raise NothingToPlan(what="There is no such node with planning figures; load a city and its seed.")
    bookings = bookings_to_bring(conn, now + loading, node_id, day, now)
    kept = tours_gone(conn, now + loading, node_id, day)
    wages = rows(conn, WageRule, sa.select(table_of(WageRule)).order_by(sa.desc("valid_from")))
    return TourFacts(
        city=city,
        figures=figures[0],
        node=node,
        zones=rows(conn, ServiceZone, sa.select(table_of(ServiceZone)).order_by("code")),
        hours={(h.zone_id, h.hour): h for h in rows(conn, ZoneHour, sa.select(table_of(ZoneHour)))},
        classes=vehicle_classes(conn),
        factors={f.id: f for f in rows(conn, EmissionFactor, sa.select(table_of(EmissionFactor)))},
        wage_minor_per_h=next((one.wage_minor_per_h for one in wages if one.valid_from <= day), 0),
        rostered=roster(conn, now=now, node_id=node_id, day=day, kept=kept),
        closed=closed_streets(conn, Window(now, now + timedelta(days=(day - now.date()).days + 2))),
        bookings=bookings,
        pools={p.id: p for p in _with(conn, CapacityPool, [b.pool_id for b in bookings])},
        preferences={p.id: p for p in _with(conn, DropPreference, [b.drop_preference_id for b in bookings])},
        choices=_open_choices(conn, bookings),
        slots={slot.id: slot for slot in slots_by_id(conn, [b.slot_id for b in bookings])},
        kept=kept,
        lockers=lockers_by_id(conn, [key for booking in bookings for key in booking.lockers]),
        roomy=allotted(conn, now=now, bookings=bookings),
        locker_policy=locker_policy(conn),
    )


def _with[M: (CapacityPool, DropPreference)](conn: Connection, model: type[M], ids: Sequence[str]) -> list[M]:
    table = table_of(model)
    return rows(conn, model, sa.select(table).where(table.c.id.in_(sorted(set(ids)))))


def bookings_to_bring(
    conn: Connection, loaded: datetime, node_id: str, day: date, now: datetime
) -> tuple[DeliveryBooking, ...]:
    """Bookings to be brought from the node that day whose window is not over and that are not loaded.

    Not those that a partner courier brings, nor those whose customers a disruption asks to choose.
    """
    asked = table_of(RepromiseProposal)
    booking, pool = table_of(DeliveryBooking), table_of(CapacityPool)
    gone = sa.select(table_of(Stop).c.booking_id).where(
        table_of(Stop).c.tour_id.in_(tours_gone(conn, loaded, node_id, day))
    )
    waiting = sa.exists(
        sa.select(asked.c.id).where(
            asked.c.booking_id == booking.c.id,
            asked.c.pool_id == booking.c.pool_id,
            asked.c.state == RepromiseState.OPEN,
            asked.c.disruption_id.is_not(None),
        )
    )
    query = (
        sa.select(booking)
        .join(pool, pool.c.id == booking.c.pool_id)
        .where(
            pool.c.node_id == node_id,
            pool.c.day == day,
            booking.c.status.in_(TO_BRING),
            booking.c.partner_courier.is_(False),
            booking.c.ends_at > now,
            sa.not_(waiting),
            booking.c.id.not_in(gone),
        )
        .order_by(booking.c.id)
    )
    return tuple(rows(conn, DeliveryBooking, query))


def tours_gone(conn: Connection, loaded: datetime, node_id: str, day: date) -> tuple[str, ...]:
    """The tours that are loaded, on the street or back."""
    tour = table_of(Tour)
    left = sa.select(tour.c.id).where(
        tour.c.node_id == node_id, tour.c.day == day, tour.c.leaves_at <= loaded
    )
    return tuple(sorted(conn.execute(left).scalars()))


def _open_choices(conn: Connection, bookings: Sequence[DeliveryBooking]) -> dict[str, list[DeliverySlot]]:
    """The windows of flexible bookings that are not narrowed yet, by booking."""
    table = table_of(FlexibleSlotBooking)
    open_ids = set(
        conn.execute(
            sa.select(table.c.booking_id).where(
                table.c.narrowed_at.is_(None), table.c.booking_id.in_([b.id for b in bookings])
            )
        ).scalars()
    )
    holds = {booking.hold_id: booking.id for booking in bookings if booking.id in open_ids}
    return {holds[hold]: slots for hold, slots in choices_of(conn, list(holds)).items()}
