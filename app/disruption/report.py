"""Take in that something failed: its capacity is gone at once, the repair is a job."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.allocation.refit_tours import refit_tours
from app.booking.resized import lock_bookings
from app.capacity.override import override
from app.capacity.rules import PoolSelector
from app.database.idempotency import once, row_answer
from app.database.rows import add, rows, table_of
from app.disruption.affected import Affected, affected
from app.disruption.follow import look_ahead, plan_without, repair_of
from app.disruption.published import call_back
from app.disruption.rules import DisruptionKind, Incident
from app.disruption.tables import Disruption
from app.errors import OperatorsOnly
from app.fleet.tables import Vehicle, VehicleClass, VehicleOutage
from app.places.tables import StreetClosure
from app.values.actor import Actor


def preview_disruption(conn: Connection, *, now: datetime, actor: Actor, incident: Incident) -> Affected:
    """What a disruption would touch, without noting it; raises what `report_disruption` does."""
    if not actor.is_operator:
        raise OperatorsOnly
    return affected(conn, now=now, incident=incident)


def report_disruption(
    conn: Connection, *, now: datetime, actor: Actor, incident: Incident, key: str
) -> Disruption:
    """Note a disruption, stop counting on what it took away, and leave word for its repair; operators only.

    It lasts until its stated end, or until `end_disruption`. Raises OperatorsOnly, InvalidDisruption,
    NothingDisrupted, and the refusals of `once`.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:report_disruption",
        key=key,
        request=asdict(incident),
        answer=row_answer(Disruption),
        work=lambda: _report(conn, now, actor, incident),
    )


def _report(conn: Connection, now: datetime, actor: Actor, incident: Incident) -> Disruption:
    found = affected(conn, now=now, incident=incident)
    noted = Disruption(
        kind=incident.kind,
        reason=incident.reason,
        actor=actor.name,
        vehicle_id=found.vehicle.id if found.vehicle else None,
        node_id=found.vehicle.node_id if found.vehicle else incident.node_id,
        vehicle_kind=incident.vehicle_kind,
        street_id=found.street.id if found.street else None,
        day=found.day,
        starts_at=incident.starts_at,
        ends_at=incident.ends_at,
        created_at=now,
        barred=[booking.id for booking in found.bookings] if found.street else [],
        open_days=[day.isoformat() for day in found.days],
        bookings=len(found.bookings),
        covered_until=found.span.end,
    )
    # Bookings before pools, as everywhere.
    call_back(conn, now=now, disruption=noted, found=found)
    noted.overrides = take_away(conn, now=now, actor=actor.name, reason=incident.reason, found=found)
    add(conn, noted)
    add(conn, *_outages(conn, now, noted, found))
    if noted.node_id is not None:
        refit_tours(conn, now=now, node_id=noted.node_id, days=found.days)
    facts = {"disruption_id": noted.id, "kind": noted.kind, "reason": noted.reason, "actor": actor.name}
    events.record(conn, now=now, topic="disruption", kind="disruption.reported", payload=facts)
    repair_of(conn, now=now, disruption=noted)
    look_ahead(conn, now=now, disruption=noted)
    plan_without(conn, now=now, disruption=noted)
    return noted


def take_away(conn: Connection, *, now: datetime, actor: str, reason: str, found: Affected) -> dict[str, str]:
    """Have the pools sell only what is left of them; returns the overrides by pool."""
    lock_bookings(conn, [loss.pool.id for loss in found.losses])
    return {
        loss.pool.id: override(
            conn,
            now=now,
            actor=actor,
            which=PoolSelector(pool_id=loss.pool.id),
            to=loss.change,
            reason=reason,
            for_outage=True,
        ).override.id
        for loss in found.losses
    }


def _outages(
    conn: Connection, now: datetime, noted: Disruption, found: Affected
) -> list[VehicleOutage | StreetClosure]:
    """What plans, tours and offers do not count on while it lasts."""
    if found.street is not None:
        return [
            StreetClosure(
                disruption_id=noted.id,
                street_id=found.street.id,
                starts_at=noted.starts_at,
                ends_at=noted.ends_at,
            )
        ]
    classes: list[str | None] = [None]
    if found.vehicle is not None:
        classes = [found.vehicle.vehicle_class_id]
    elif noted.kind is DisruptionKind.COURIER:
        classes = list(_classes_of(conn, noted))
    return [
        VehicleOutage(
            disruption_id=noted.id,
            node_id=noted.node_id or "",
            vehicle_class_id=class_id,
            vehicle_id=noted.vehicle_id,
            vehicles=None if noted.kind is DisruptionKind.NODE else 1,
            starts_at=noted.starts_at,
            ends_at=noted.ends_at,
            created_at=now,
        )
        for class_id in classes
    ]


def _classes_of(conn: Connection, noted: Disruption) -> list[str]:
    """The classes of a kind that a node has vehicles of, or pools."""
    kind, vehicle = table_of(VehicleClass), table_of(Vehicle)
    there = sa.select(vehicle.c.vehicle_class_id).where(vehicle.c.node_id == noted.node_id)
    mine = sa.select(kind).where(kind.c.kind == noted.vehicle_kind).order_by(kind.c.key)
    every = [one.id for one in rows(conn, VehicleClass, mine)]
    owned = set(conn.execute(there).scalars())
    return [one for one in every if one in owned] or every
