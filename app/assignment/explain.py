"""Why a booking is served by this pool at this cost, and what the next best was: from stored rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.assignment.queries import allocation_of, moves_of
from app.assignment.tables import BookingAllocation, BookingMove
from app.booking.errors import BookingNotFound
from app.booking.queries import booking_of
from app.booking.tables import DeliveryBooking
from app.capacity.queries import reaches_of
from app.capacity.rules import Reach, inside
from app.capacity.tables import CapacityPool
from app.database.rows import by_id, rows, table_of
from app.fleet.queries import vehicle_classes
from app.fleet.rules import VehicleKind
from app.fleet.tables import VehicleClass
from app.handover.queries import preference_by_id
from app.places.tables import FulfilmentNode
from app.slots.queries import slots_by_id
from app.values.actor import Actor
from app.values.money import Money, divided
from app.values.window import Window, ZonedWindow


@dataclass(frozen=True, slots=True)
class ExplainedChoice:
    """A pool that may serve a booking: who and when, and what it costs in minor units, part by part.

    `worth_minor` is what its minutes are worth to those who still order, `scarcity_minor` the plan's own
    price of them among the bookings, `move_minor` that of leaving where it was.
    """

    pool_id: str
    vehicle_class: str
    vehicle_kind: VehicleKind
    node_name: str
    window: Window
    work_s: int
    cost_minor: int
    worth_minor: int
    scarcity_minor: int
    move_minor: int

    @property
    def total_minor(self) -> int:
        """All parts together."""
        return self.cost_minor + self.worth_minor + self.scarcity_minor + self.move_minor


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a booking is where it is, with the zone that its hours are told in.

    `chosen` is None while a partner courier brings it; `run_id` is None where no run has placed it since it
    was booked or moved.
    """

    booking: DeliveryBooking
    time_zone: str
    run_id: str | None
    at: datetime
    chosen: ExplainedChoice | None
    next_best: ExplainedChoice | None
    partner_minor: int | None
    moves: tuple[BookingMove, ...]

    @property
    def sentence(self) -> str:
        """The whole of it for people."""
        return in_words(self)


def explain(conn: Connection, *, now: datetime, actor: Actor, booking_id: str) -> Explanation:
    """The explanation of a booking of the caller, or of any for an operator; raises BookingNotFound."""
    booking = by_id(conn, DeliveryBooking, booking_id) if actor.is_operator else None
    booking = booking or booking_of(conn, actor=actor, booking_id=booking_id)
    if booking is None:
        raise BookingNotFound(field=("bookingId",))
    stored = allocation_of(conn, booking.id)
    here = None if booking.partner_courier else booking.pool_id
    moves = tuple(moves_of(conn, booking.id))
    if stored is not None and stored.pool_id == here:
        return _from_run(conn, booking, stored, moves)
    return _from_pools(conn, now, booking, moves)


def _zone(conn: Connection, booking: DeliveryBooking) -> str:
    (slot,) = slots_by_id(conn, [booking.slot_id])
    return slot.time_zone


def _from_run(
    conn: Connection, booking: DeliveryBooking, stored: BookingAllocation, moves: tuple[BookingMove, ...]
) -> Explanation:
    places = _places(conn, [choice["pool"] for choice in stored.choices])
    choices = [_stored(places, choice) for choice in stored.choices]
    chosen = next((choice for choice in choices if choice.pool_id == stored.pool_id), None)
    others = [choice for choice in choices if choice is not chosen]
    best = min(others, key=lambda choice: choice.total_minor, default=None)
    zone = _zone(conn, booking)
    return Explanation(booking, zone, stored.run_id, stored.at, chosen, best, stored.partner_minor, moves)


def _from_pools(
    conn: Connection, now: datetime, booking: DeliveryBooking, moves: tuple[BookingMove, ...]
) -> Explanation:
    """Booked or moved by its customer, and no run since: the pools as they are now, as a claim ranks them."""
    found = reaches_of(conn, now=now, zone_id=booking.zone_id, span=booking.window)
    at_door_s = preference_by_id(conn, booking.drop_preference_id).at_door_s
    fitting = [r for r in inside(found, booking.window) if r.carries(booking.basket)]
    places = _places(conn, [reach.pool_id for reach in fitting])
    choices = [_reached(places, reach, reach.drop_s(at_door_s)) for reach in fitting]
    chosen = next((choice for choice in choices if choice.pool_id == booking.pool_id), None)
    others = [choice for choice in choices if choice.pool_id != booking.pool_id]
    best = min(others, key=lambda choice: choice.total_minor, default=None)
    zone = _zone(conn, booking)
    return Explanation(booking, zone, None, booking.changed_at, chosen, best, None, moves)


def _stored(places: Mapping[str, _Place], choice: Mapping[str, Any]) -> ExplainedChoice:
    pool, kind, node = places[choice["pool"]]
    return ExplainedChoice(
        pool_id=pool.id,
        vehicle_class=kind.name,
        vehicle_kind=kind.kind,
        node_name=node,
        window=pool.window,
        work_s=choice["work_s"],
        cost_minor=choice["cost_minor"],
        worth_minor=choice["worth_minor"],
        scarcity_minor=choice["scarcity_minor"],
        move_minor=choice["move_minor"],
    )


def _reached(places: Mapping[str, _Place], reach: Reach, work_s: int) -> ExplainedChoice:
    _, kind, node = places[reach.pool_id]
    return ExplainedChoice(
        pool_id=reach.pool_id,
        vehicle_class=kind.name,
        vehicle_kind=kind.kind,
        node_name=node,
        window=reach.window,
        work_s=work_s,
        cost_minor=reach.cost_minor,
        worth_minor=divided(reach.minute_worth_micro * work_s, 60 * 1_000_000),
        scarcity_minor=0,
        move_minor=0,
    )


type _Place = tuple[CapacityPool, VehicleClass, str]


def _places(conn: Connection, pool_ids: Sequence[str]) -> dict[str, _Place]:
    """Pools with the class of their vehicles and the name of their node."""
    pool, node = table_of(CapacityPool), table_of(FulfilmentNode)
    found = rows(conn, CapacityPool, sa.select(pool).where(pool.c.id.in_(pool_ids)))
    kinds = {kind.id: kind for kind in vehicle_classes(conn)}
    names = {row.id: row.name for row in conn.execute(sa.select(node.c.id, node.c.name))}
    return {one.id: (one, kinds[one.vehicle_class_id], names[one.node_id]) for one in found}


def in_words(told: Explanation) -> str:
    """Why these vehicles, this hour and this cost, and what else there was, in plain English."""
    currency = told.booking.currency
    if told.chosen is None:
        price = f" for about {_amount(told.partner_minor, currency)}" if told.partner_minor else ""
        return f"No vehicle has room for it in its window: a partner courier brings it{price}."
    chosen = told.chosen
    promised, planned = _hours(told, told.booking.window), _hours(told, chosen.window)
    inside = " as promised" if promised == planned else f", promised between {promised}"
    text = (
        f"{chosen.vehicle_class} from {chosen.node_name} brings it between {planned}{inside}."
        f" It takes {round(chosen.work_s / 60)} minutes and costs {_amount(chosen.total_minor, currency)}"
        f"{_parts(chosen, currency)}."
    )
    best = told.next_best
    if best is None:
        return f"{text} Nothing else that can bring it serves this address in the promised window."
    more = best.total_minor - chosen.total_minor
    if told.run_id is None and told.moves and told.moves[-1].after_pool_id == chosen.pool_id:
        return f"{text} It was moved there, because of this: {told.moves[-1].reason}."
    if more >= 0:
        return f"{text} The next best, {_named(told, best)}, would cost {_amount(more, currency)} more."
    return f"{text} {_named(told, best)} would cost {_amount(-more, currency)} less and had no room."


def _named(told: Explanation, choice: ExplainedChoice) -> str:
    return f"{choice.vehicle_class} from {choice.node_name} between {_hours(told, choice.window)}"


def _hours(told: Explanation, window: Window) -> str:
    local = ZonedWindow(window, told.time_zone)
    return f"{local.starts_at:%H:%M} and {local.ends_at:%H:%M}"


def _parts(choice: ExplainedChoice, currency: str) -> str:
    """What a cost is made of, where it is more than one thing."""
    named = (
        (choice.cost_minor, "distance and carbon"),
        (choice.worth_minor, "what its minutes are worth to who still orders"),
        (choice.scarcity_minor, "the time that other bookings need there"),
        (choice.move_minor, "the change itself"),
    )
    said = [f"{_amount(minor, currency)} {what}" for minor, what in named if minor]
    return f", of that {', '.join(said)}" if len(said) > 1 else ""


def _amount(minor: int | None, currency: str) -> str:
    return f"{Money(minor or 0, currency).amount} {currency}"
