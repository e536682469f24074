"""A disruption without a stated end lasts another day: that day's pools and bookings are looked after too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events
from app.allocation.refit_tours import frozen_at, refit_tours
from app.database.rows import by_id, one_or_none, table_of
from app.disruption.affected import Affected, end_of_day, within
from app.disruption.follow import look_ahead, repair_of
from app.disruption.report import take_away
from app.disruption.rules import Incident
from app.disruption.tables import Disruption
from app.fleet.tables import Vehicle
from app.places.tables import City, Street
from app.values.window import Window


def extend_disruption(conn: Connection, *, now: datetime, disruption_id: str) -> Disruption | None:
    """Cover the next local day, and leave word for its repair; None where it is over or has a stated end."""
    table = table_of(Disruption)
    query = sa.select(table).where(table.c.id == disruption_id).with_for_update()
    disruption = one_or_none(conn, Disruption, query)
    if disruption is None or disruption.ended_at is not None or disruption.ends_at is not None:
        return None
    zone = conn.execute(sa.select(table_of(City).c.time_zone).order_by("id").limit(1)).scalar_one()
    begins = max(now, disruption.covered_until)
    span = Window(begins, end_of_day(begins, zone))
    found = _known(
        conn, disruption, within(conn, incident=incident_of(conn, disruption), span=span, zone=zone)
    )
    taken = take_away(conn, now=now, actor=disruption.actor, reason=disruption.reason, found=found)
    if disruption.node_id is not None:
        refit_tours(conn, now=now, node_id=disruption.node_id, days=found.days)
    after = disruption.model_copy(
        update={
            "overrides": {**disruption.overrides, **taken},
            "barred": [*disruption.barred, *(b.id for b in found.bookings if found.street)],
            "open_days": [*disruption.open_days, *(day.isoformat() for day in found.days)],
            "bookings": disruption.bookings + len(found.bookings),
            "covered_until": span.end,
        }
    )
    values = {name: getattr(after, name) for name in
              ("overrides", "barred", "open_days", "bookings", "covered_until")}  # fmt: skip
    conn.execute(sa.update(table).where(table.c.id == disruption.id).values(**values))
    facts = {"disruption_id": disruption.id, "covered_until": span.end.isoformat()}
    events.record(conn, now=now, topic="disruption", kind="disruption.extended", payload=facts)
    if found.days:
        repair_of(conn, now=now, disruption=after)
    look_ahead(conn, now=now, disruption=after)
    return after


def incident_of(conn: Connection, disruption: Disruption) -> Incident:
    """What was reported."""
    vehicle = by_id(conn, Vehicle, disruption.vehicle_id) if disruption.vehicle_id else None
    street = by_id(conn, Street, disruption.street_id) if disruption.street_id else None
    return Incident(
        kind=disruption.kind,
        starts_at=disruption.starts_at,
        ends_at=disruption.ends_at,
        reason=disruption.reason,
        vehicle_name=vehicle.name if vehicle else None,
        node_id=disruption.node_id,
        vehicle_kind=disruption.vehicle_kind,
        street_name=street.name if street else None,
    )


def _known(conn: Connection, disruption: Disruption, found: Affected) -> Affected:
    """What pools lose beside the plan that made them: nothing where that one did not count on it any more."""
    runs = {loss.pool.run_id for loss in found.losses}
    knew = {run_id: frozen_at(conn, run_id) if run_id else None for run_id in runs}
    losses = tuple(
        replace(
            loss, change=replace(loss.change, factor_bp=None, vehicles_out=0), after=loss.pool.loads("sell")
        )
        if (at := knew[loss.pool.run_id]) is not None and at >= disruption.created_at
        else loss
        for loss in found.losses
    )
    return replace(found, losses=losses)
