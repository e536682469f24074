"""Give up the holds of some occurrences: the step by which weeks are paused, closed and ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.booking.end_hold import end_hold
from app.booking.queries import locked_hold
from app.booking.rules import OCCUPYING, HoldStatus
from app.standing.rules import OPEN
from app.standing.tables import StandingSlotOccurrence
from app.standing.write_occurrence import write_occurrence
from app.values.actor import Actor


def let_go(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    occurrences: Sequence[StandingSlotOccurrence],
    reason: str,
    changes: Mapping[str, Any],
) -> tuple[list[StandingSlotOccurrence], list[str]]:
    """Those of the occurrences that were open, with these changes, and the pools that have room again.

    The caller has locked their standing slot, and serves those who wait for the room. What is booked
    stays, and so does what has ended by itself.
    """
    open_ones = [one for one in occurrences if one.state in OPEN and one.hold_id]
    gone, pools = [], []
    for occurrence in open_ones:
        held = locked_hold(conn, actor=actor, hold_id=occurrence.hold_id or "")
        if held.status not in OCCUPYING or held.expires_at <= now:
            continue
        end_hold(conn, now=now, actor=actor.name, held=held, status=HoldStatus.RELEASED, reason=reason)
        pools.append(held.pool_id)
        gone.append(
            write_occurrence(
                conn,
                now=now,
                standing_id=occurrence.standing_id,
                day=occurrence.day,
                known=occurrence,
                **changes,
            )
        )
    return gone, pools
