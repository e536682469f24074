"""What follows a disruption while it lasts: repairs, the coming days, plans that do not count on it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app import jobs
from app.disruption.rules import LOOKING_AHEAD, DisruptionKind
from app.disruption.tables import Disruption


def repair_of(conn: Connection, *, now: datetime, disruption: Disruption) -> None:
    """Leave word that the bookings of its open days need a plan."""
    if disruption.open_days:
        told = {"disruption_id": disruption.id}
        key = f"repair:{disruption.id}:{disruption.open_days[-1]}"
        jobs.later(conn, now=now, kind="disruption.repair", payload=told, dedup_key=key, max_attempts=5)


def look_ahead(conn: Connection, *, now: datetime, disruption: Disruption) -> None:
    """Leave word that one without a stated end is to be looked at again before what is covered is over."""
    if disruption.ends_at is None:
        told = {"disruption_id": disruption.id}
        at = max(now, disruption.covered_until - LOOKING_AHEAD)
        key = f"extend:{disruption.id}:{disruption.covered_until.isoformat()}"
        jobs.later(conn, now=now, kind="disruption.extend", payload=told, dedup_key=key, run_at=at)


def plan_without(conn: Connection, *, now: datetime, disruption: Disruption, why: str = "begun") -> None:
    """Ask for a capacity plan that does not count on vehicles which are out on another day too."""
    longer = disruption.ends_at is None or disruption.ends_at.date() > disruption.starts_at.date()
    if disruption.kind is not DisruptionKind.STREET and longer:
        jobs.later(
            conn,
            now=now,
            kind="allocation.plan",
            payload={"trigger": "disruption", "days": 14},
            dedup_key=f"plan:{disruption.id}:{why}",
            max_attempts=3,
        )
