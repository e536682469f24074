"""Leave word of what became of an occurrence: an event, and the message where the customer is to be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app import events, jobs
from app.standing.tables import StandingSlotOccurrence


def leave_word(
    conn: Connection, *, now: datetime, occurrence: StandingSlotOccurrence, what: str, tell: bool = False
) -> None:
    """Record `standing.<what>`, and with `tell` ask for the message of that name, once for each window."""
    facts = {
        "standing_id": occurrence.standing_id,
        "occurrence_id": occurrence.id,
        "day": occurrence.day.isoformat(),
        "slot_id": occurrence.slot_id,
        "hold_id": occurrence.hold_id,
        "reason": occurrence.reason,
    }
    topic = f"standing:{occurrence.standing_id}"
    events.record(conn, now=now, topic=topic, kind=f"standing.{what}", payload=facts)
    if tell:
        once = occurrence.hold_id or occurrence.slot_id or occurrence.day
        key = f"standing_{what}:{occurrence.id}:{once}"
        jobs.later(conn, now=now, kind=f"engagement.standing_{what}", payload=facts, dedup_key=key)
