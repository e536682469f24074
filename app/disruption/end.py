"""Say that a disruption is over: what it took away is counted on again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.alerts.clear_alerts import clear_alerts
from app.alerts.rules import AlertKind
from app.allocation.refit_tours import refit_tours
from app.booking.repromise import withdraw
from app.booking.resized import lock_bookings, settle
from app.capacity.errors import OverrideNotFound
from app.capacity.lift import lift
from app.capacity.rules import OvercommitChoice
from app.capacity.tables import CapacityPool
from app.database.idempotency import once, row_answer
from app.database.rows import one_or_none, row_of, rows, table_of
from app.disruption.errors import DisruptionNotFound, InvalidDisruption
from app.disruption.follow import plan_without
from app.disruption.rules import alert_cause, is_over
from app.disruption.tables import Disruption
from app.errors import OperatorsOnly
from app.fleet.tables import VehicleOutage
from app.places.tables import StreetClosure
from app.values.actor import Actor


def end_disruption(
    conn: Connection, *, now: datetime, actor: Actor, disruption_id: str, reason: str, key: str
) -> Disruption:
    """Its pools sell what the plan wants again, its vehicles are rostered again, its proposals are withdrawn.

    Bookings that were moved stay where they are. One that is over already is given back as it is. Raises
    OperatorsOnly, DisruptionNotFound, InvalidDisruption without a reason, and the refusals of `once`.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    if not 1 <= len(reason.strip()) <= 500:
        raise InvalidDisruption(
            field=("input", "reason"),
            what="Say why it is over, in 1 to 500 characters; the history keeps it.",
        )
    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:end_disruption",
        key=key,
        request={"disruption": disruption_id, "reason": reason},
        answer=row_answer(Disruption),
        work=lambda: _end(conn, now, actor, disruption_id, reason),
    )


def _end(conn: Connection, now: datetime, actor: Actor, disruption_id: str, reason: str) -> Disruption:
    table = table_of(Disruption)
    query = sa.select(table).where(table.c.id == disruption_id).with_for_update()
    disruption = one_or_none(conn, Disruption, query)
    if disruption is None:
        raise DisruptionNotFound(field=("input", "disruptionId"))
    if is_over(disruption.ends_at, disruption.ended_at, now):
        return disruption
    ended = {"ended_at": now, "ended_by": actor.name, "end_reason": reason, "open_days": []}
    conn.execute(sa.update(table).where(table.c.id == disruption.id).values(**ended))
    for gone in (table_of(VehicleOutage), table_of(StreetClosure)):
        conn.execute(sa.update(gone).where(gone.c.disruption_id == disruption.id).values(ends_at=now))
    pools = _given_back(conn, now, actor.name, disruption, reason)
    if disruption.node_id is not None:
        refit_tours(conn, now=now, node_id=disruption.node_id, days=sorted({pool.day for pool in pools}))
    clear_alerts(conn, now=now, kinds=[AlertKind.DISRUPTION_UNREPAIRED], causes=[alert_cause(disruption.id)])
    for node_id, day in sorted({(pool.node_id, pool.day) for pool in pools}):
        told = {"node_id": node_id, "day": day.isoformat()}
        key = f"tours.mend:{node_id}:{day}:{disruption.id}:ended"
        jobs.later(conn, now=now, kind="tours.mend", payload=told, dedup_key=key, max_attempts=3)
    facts = {"disruption_id": disruption.id, "reason": reason, "actor": actor.name}
    events.record(conn, now=now, topic="disruption", kind="disruption.ended", payload=facts)
    after = row_of(Disruption, {**disruption.model_dump(), **ended})
    plan_without(conn, now=now, disruption=after, why="ended")
    return after


def _given_back(
    conn: Connection, now: datetime, actor: str, disruption: Disruption, reason: str
) -> list[CapacityPool]:
    """Lift what it took from pools whose hours are not over, and ask nobody any more; returns those pools."""
    pool = table_of(CapacityPool)
    ahead = sa.and_(pool.c.id.in_(list(disruption.overrides)), pool.c.ends_at > now)
    pools = rows(conn, CapacityPool, sa.select(pool).where(ahead).order_by(pool.c.id))
    lock_bookings(conn, [one.id for one in pools])
    withdraw(conn, disruption_id=disruption.id)
    for one in pools:
        override_id = disruption.overrides[one.id]
        try:
            change = lift(conn, now=now, actor=actor, override_id=override_id, reason=reason)
        except OverrideNotFound:  # a plan that knew of it is published, or an operator has lifted it
            continue
        settle(
            conn,
            now=now,
            actor=actor,
            change=change,
            choice=OvercommitChoice.KEEP_OVERBOOKED,
            reason=reason,
        )
    return pools
