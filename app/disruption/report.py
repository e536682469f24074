"""Take in that something failed: its capacity is gone at once, the repair is a job."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from app import events, jobs
from app.booking.resized import lock_bookings
from app.capacity.override import override
from app.capacity.rules import PoolSelector, SizeChange
from app.database.idempotency import once, row_answer
from app.database.rows import add
from app.disruption.affected import Affected, affected
from app.disruption.rules import Incident
from app.disruption.tables import Disruption
from app.errors import OperatorsOnly
from app.values.actor import Actor


def preview_disruption(conn: Connection, *, now: datetime, actor: Actor, incident: Incident) -> Affected:
    """What a disruption would touch, without noting it; raises what `report_disruption` does."""
    if not actor.is_operator:
        raise OperatorsOnly
    return affected(conn, now=now, incident=incident)


def report_disruption(
    conn: Connection, *, now: datetime, actor: Actor, incident: Incident, key: str
) -> Disruption:
    """Note a disruption, stop selling what it took away, and leave word for its repair; operators only.

    Raises OperatorsOnly, InvalidDisruption, NothingDisrupted, and the refusals of `once`.
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
    lock_bookings(conn, [loss.pool.id for loss in found.losses])
    taken = {
        loss.pool.id: override(
            conn,
            now=now,
            actor=actor.name,
            which=PoolSelector(pool_id=loss.pool.id),
            to=SizeChange(factor_bp=loss.factor_bp),
            reason=incident.reason,
        ).override.id
        for loss in found.losses
    }
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
        overrides=taken,
        barred=[booking.id for booking in found.bookings] if found.street else [],
        bookings=len(found.bookings),
    )
    add(conn, noted)
    facts = {"disruption_id": noted.id, "kind": noted.kind, "reason": noted.reason, "actor": actor.name}
    events.record(conn, now=now, topic="disruption", kind="disruption.reported", payload=facts)
    told = {"disruption_id": noted.id}
    jobs.later(
        conn, now=now, kind="disruption.repair", payload=told, dedup_key=f"repair:{noted.id}", max_attempts=5
    )
    return noted
