"""What happens again and again: each tick is a job whose dedup key makes it happen once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.jobs import later


@dataclass(frozen=True, slots=True)
class Repeating:
    """A kind of job that is due every `every`, counted from midnight UTC plus `offset`."""

    kind: str
    every: timedelta
    offset: timedelta
    payload: Mapping[str, Any]


SCHEDULE = (
    Repeating("demand.forecast", timedelta(days=1), timedelta(hours=1, minutes=30), {"days": 14}),
    Repeating("allocation.plan", timedelta(days=1), timedelta(hours=2), {"trigger": "night", "days": 14}),
    Repeating("assignment.hour", timedelta(hours=1), timedelta(minutes=20), {}),
    Repeating("assignment.cutoff", timedelta(minutes=5), timedelta(), {}),
    Repeating("booking.reclaim", timedelta(minutes=1), timedelta(), {}),
    Repeating("standing.tend", timedelta(minutes=10), timedelta(), {}),
    Repeating("allocation.prices", timedelta(seconds=15), timedelta(), {}),
    Repeating("operators.watch", timedelta(minutes=10), timedelta(), {}),
    Repeating("tours.plan", timedelta(days=1), timedelta(hours=4), {"ahead_h": 30}),
    Repeating("tours.plan", timedelta(minutes=5), timedelta(minutes=1), {}),
    Repeating("tours.learn", timedelta(days=7), timedelta(hours=1), {}),
    Repeating("housekeeping", timedelta(minutes=10), timedelta(), {}),
)
_MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def next_due(repeating: Repeating, now: datetime) -> datetime:
    """The first tick after now."""
    begin = _MIDNIGHT + repeating.offset
    return begin + ((now - begin) // repeating.every + 1) * repeating.every


def ensure_ticks(conn: Connection, now: datetime) -> int:
    """Ask for the next tick of everything that repeats; however many workers do, it is asked for once."""
    asked = 0
    for repeating in SCHEDULE:
        due = next_due(repeating, now)
        asked += later(
            conn,
            now=now,
            kind=repeating.kind,
            payload=repeating.payload,
            dedup_key=f"{repeating.kind}:{due.isoformat()}",
            run_at=due,
            max_attempts=3,
        )
    return asked
