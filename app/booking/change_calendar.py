"""Change a rule of the calendar, or see what it would do: slots, waves, and the claims it touches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from app import events, jobs
from app.booking.touched import Touched, touched_claims
from app.capacity.leave_word import may_have_opened
from app.capacity.tables import PickLoad
from app.capacity.wave_links import link_waves
from app.database.rows import rows, table_of
from app.slots.consequences import Saved
from app.slots.drafts import Draft
from app.slots.listing import SlotChange, listing
from app.slots.remove import remove
from app.slots.rules import RuleKind
from app.slots.save import save
from app.slots.tables import PickWave
from app.values.actor import Actor

# An answer names so many slots and claims; its counts are of all of them.
LISTED = 100
# Capacity for new windows is planned at the next of these, once for all changes before it.
_PLAN_EVERY = timedelta(minutes=15)
_MAKE_WINDOWS = {RuleKind.TEMPLATE, RuleKind.EXCEPTION, RuleKind.TIMETABLE, RuleKind.HOLIDAY}
_MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CalendarOutcome:
    """What a change did, or with `dry_run` would do.

    `overbooked` are the days on which a picking wave has taken more than it may now; `claims` are the
    holds and bookings on slots that close, rest or move. They stay as they are, with the cut-off that
    they were promised.
    """

    dry_run: bool
    saved: Saved
    slots: tuple[SlotChange, ...]
    claims: tuple[Touched, ...]
    overbooked: tuple[PickLoad, ...]

    @property
    def bookings(self) -> int:
        """How many bookings are touched."""
        return sum(one.booking is not None for one in self.claims)

    @property
    def holds(self) -> int:
        """How many holds are touched."""
        return len(self.claims) - self.bookings


def change_calendar(
    conn: Connection,
    *,
    now: datetime,
    actor: Actor,
    reason: str,
    draft: Draft | None = None,
    removed: tuple[RuleKind, str] | None = None,
    dry_run: bool = False,
) -> CalendarOutcome:
    """Save the draft, or remove the rule of this kind and key; with `dry_run` all of it is taken back.

    Give exactly one of `draft`, `removed`. Raises the refusals of `save` and `remove`.
    """
    attempt = conn.begin_nested()
    try:
        if draft is not None:
            saved = save(conn, now=now, actor=actor, draft=draft, reason=reason)
        else:
            kind, key = removed or (RuleKind.TEMPLATE, "")
            saved = remove(conn, now=now, actor=actor, kind=kind, key=key, reason=reason)
        overbooked: Sequence[PickLoad] = ()
        if saved.change.kind is RuleKind.PICK_WAVE:
            link_waves(conn, first=saved.first, last=saved.last)
            overbooked = _overbooked(conn, saved)
        outcome = CalendarOutcome(
            dry_run=dry_run,
            saved=saved,
            slots=tuple(listing(conn, effect=saved.effect, limit=LISTED)),
            claims=tuple(touched_claims(conn, now=now, effect=saved.effect)),
            overbooked=tuple(overbooked),
        )
        if not dry_run:
            _leave_word(conn, now, saved)
    except BaseException:
        attempt.rollback()
        raise
    if dry_run:
        attempt.rollback()
    else:
        attempt.commit()
    return outcome


def _overbooked(conn: Connection, saved: Saved) -> list[PickLoad]:
    load, wave = table_of(PickLoad), table_of(PickWave)
    query = (
        sa.select(load)
        .join(wave, wave.c.id == load.c.wave_id)
        .where(
            wave.c.key == saved.change.key,
            load.c.day.between(saved.first, saved.last),
            load.c.held_orders + load.c.booked_orders > load.c.sell_orders,
        )
    )
    return rows(conn, PickLoad, query.order_by(load.c.day))


def _leave_word(conn: Connection, now: datetime, saved: Saved) -> None:
    """Tell that the calendar changed; new windows have no capacity until a plan gives them some."""
    facts = {"kind": saved.change.kind, "key": saved.change.key, "change_id": saved.change.id}
    events.record(conn, now=now, topic="calendar", kind="calendar.changed", payload=facts)
    may_have_opened(conn, now=now, first=saved.first, last=saved.last)
    if saved.effect.opened and saved.change.kind in _MAKE_WINDOWS:
        due = _MIDNIGHT + ((now - _MIDNIGHT) // _PLAN_EVERY + 1) * _PLAN_EVERY
        jobs.later(
            conn,
            now=now,
            kind="allocation.plan",
            payload={"trigger": "calendar", "days": (saved.last - saved.first).days + 1},
            dedup_key=f"allocation.plan:calendar:{due.isoformat()}",
            run_at=due,
            max_attempts=3,
        )
