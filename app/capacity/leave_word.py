"""Leave word that windows may have opened: those who wait for them are served by the next worker."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from app import jobs


def may_have_opened(
    conn: Connection, *, now: datetime, first: date, last: date, at: datetime | None = None
) -> None:
    """Windows of the local days `first`..`last` may have opened, or may do so at an instant to come.

    For what opens many windows at once, without anybody giving their room back: a plan, a rule of the
    calendar, a quota that lets go. Freed room is offered in the transaction that frees it.
    """
    facts = {"first": first.isoformat(), "last": last.isoformat()}
    # Each plan says again until when quotas keep: of one instant, one word is enough.
    key = f"serve_waiting:{facts['first']}:{facts['last']}:{at.isoformat()}" if at else None
    jobs.later(conn, now=now, kind="booking.serve_waiting", payload=facts, dedup_key=key, run_at=at)
