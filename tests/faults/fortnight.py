"""A fortnight of Tuesday and Friday evenings: its shop, its pools, and what operators may write for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.booking.cancel import cancel
from app.booking.change_calendar import CalendarOutcome, change_calendar
from app.booking.change_capacity import change_capacity
from app.booking.choose_window import choose_window
from app.booking.confirm import confirm
from app.booking.hold import hold
from app.booking.join_waitlist import join_waitlist
from app.booking.lift_override import lift_override
from app.booking.overcommitment import preview_change
from app.booking.release import release
from app.booking.reschedule import reschedule
from app.booking.serve_waitlist import serve_waitlist, waited_pools
from app.capacity.rules import PoolPlan, SizeChange
from app.database.rows import table_of
from app.jobs import Job, JobState
from app.places.tables import FulfilmentNode
from app.slots.drafts import (
    BlackoutDraft,
    CutoffDraft,
    Draft,
    ExceptionDraft,
    HolidayDraft,
    TemplateDraft,
    TimetableDraft,
)
from app.slots.open_days import open_days
from app.slots.rules import CutoffKind, RuleKind
from app.slots.tables import SlotTemplate
from app.standing.book_ahead import book_ahead
from app.standing.create import create
from app.standing.end import end
from app.standing.move import move
from app.standing.pause import pause
from app.standing.queries import due_to_book, places_kept, storefronts_kept
from app.standing.remind import remind
from app.standing.resume import resume
from app.standing.series import Series as SeenSeries
from app.standing.settle import settle
from app.standing.skip import skip
from app.standing.skip_closed import skip_closed
from app.values.actor import Actor, Role
from app.values.load import Load
from tests.factories import NOW, Shop, make_basket, make_pools, make_shop, make_vehicle_class, pool_plan
from tests.faults.agenda import (
    span,
    today,
)

OPERATOR = Actor("house", Role.OPERATOR, "Olga")
DAYS = tuple(date(2026, 11, 24) + timedelta(days=n) for n in (0, 3, 7, 10, 14))
# One drop in each pool, so that the third who wants a window waits; two where an operator says so.
_ROOM = Load(1, 8_000, 400_000, 200_000, 60_000, 30_000)
BASKETS = (make_basket(), make_basket(chilled_ml=25_000))
SIZES = tuple(SizeChange(sell_orders=n) for n in range(4)) + tuple(
    SizeChange(factor_bp=bp) for bp in (0, 5_000, 15_000)
)
_BEGIN, _LONG_AGO = date(2026, 11, 1), date(2026, 1, 5)


def _template(key: str, rrule: str, starts: str, ends: str, **told: Any) -> TemplateDraft:
    return TemplateDraft(key, key.capitalize(), rrule, starts, ends, "usual", _BEGIN, DAYS[-1], **told)


_WEEKLY = "FREQ=WEEKLY;BYDAY=TU,FR"
EARLY, LATE_ON = _template("early", _WEEKLY, "18:00", "19:00"), _template("late", _WEEKLY, "19:00", "20:00")
_NEVER = TimetableDraft("feast", "Feast", "FREQ=DAILY", _LONG_AGO, _LONG_AGO)
OPENING: tuple[Draft, ...] = (
    CutoffDraft("usual", CutoffKind.ELAPSED, elapsed_min=120),
    _NEVER,
    EARLY,
    LATE_ON,
    _template("gala", "FREQ=DAILY", "18:00", "20:00", timetable="feast"),
)


def no_early(day: date, _node: str) -> Draft:
    """The early window is left out that day."""
    return ExceptionDraft(f"x-{day}", "early", day)


def parade(day: date, _node: str) -> Draft:
    """Nothing new is sold in the first hour of the evening."""
    return _blackout(day, reason="a parade")


# What an operator may write for a day and a node; a key that is there already becomes what is written.
DRAFTS: tuple[Callable[[date, str], Draft], ...] = (
    no_early,
    lambda day, _: ExceptionDraft(f"x-{day}", "early", day, starts_local="18:00", ends_local="20:00"),
    lambda day, _: replace(_NEVER, valid_from=day, valid_until=day),
    lambda _day, _: _NEVER,
    lambda _day, _: _template("late", "FREQ=WEEKLY;BYDAY=FR", "19:00", "20:00"),
    lambda _day, _: LATE_ON,
    lambda _day, node: HolidayDraft("rest", "PT", node=node),
    lambda _day, _: HolidayDraft("rest", "PT"),
    lambda _day, node: HolidayDraft("rest", "CH", region="LU", node=node),
    lambda _day, node: HolidayDraft("rest", "CH", region="ZH", node=node),
    parade,
    lambda day, node: _blackout(day, node=node, reason="no power"),
    lambda day, _: _blackout(day, template="late", reason="a football match"),
    lambda _day, _: CutoffDraft("wave", CutoffKind.WAVE, days_before=1, at_local="18:00", weekdays="2"),
)
REMOVED = (RuleKind.EXCEPTION, RuleKind.HOLIDAY, RuleKind.BLACKOUT, RuleKind.CUTOFF)


def _blackout(day: date, **told: Any) -> BlackoutDraft:
    hours = span(day, (18, 19))
    return BlackoutDraft(f"b-{day}", hours.start.astimezone(UTC), hours.end.astimezone(UTC), **told)


def tend(conn: Connection, *, now: datetime, verbs: Verbs) -> None:
    """The round of the worker, as app/worker/standing.py has it."""
    while verbs.settle(conn, now=now):
        pass
    for storefront_id, zone_id in places_kept(conn):
        verbs.skip_closed(conn, now=now, storefront_id=storefront_id, zone_id=zone_id)
    for standing_id in due_to_book(conn, now=now):
        verbs.book_ahead(conn, now=now, standing_id=standing_id)
    for storefront_id in storefronts_kept(conn):
        while verbs.remind(conn, now=now, storefront_id=storefront_id):
            pass


def serve_waiting(conn: Connection, *, now: datetime, verbs: Verbs) -> None:
    """What the worker does about word that windows may have opened, as app/worker/tasks.py has it."""
    job = table_of(Job)
    due = sa.and_(job.c.kind == "booking.serve_waiting", job.c.state == JobState.READY, job.c.run_at <= now)
    for payload in conn.scalars(sa.select(job.c.payload).where(due)).all():
        first, last = (date.fromisoformat(payload[end]) for end in ("first", "last"))
        for pool_id in verbs.waited_pools(conn, now=now, first=first, last=last):
            serve_waitlist(conn, now=now, pool_ids=[pool_id])
    conn.execute(sa.update(job).where(due).values(state=JobState.DONE))


@dataclass(frozen=True)
class Verbs:
    """The verbs under test; a test that plants a bug replaces one."""

    hold: Callable[..., Any] = hold
    confirm: Callable[..., Any] = confirm
    release: Callable[..., Any] = release
    reschedule: Callable[..., Any] = reschedule
    cancel: Callable[..., Any] = cancel
    join_waitlist: Callable[..., Any] = join_waitlist
    change_calendar: Callable[..., CalendarOutcome] = change_calendar
    preview_change: Callable[..., Any] = preview_change
    change_capacity: Callable[..., Any] = change_capacity
    choose_window: Callable[..., Any] = choose_window
    lift_override: Callable[..., Any] = lift_override
    create: Callable[..., SeenSeries] = create
    skip: Callable[..., SeenSeries] = skip
    move: Callable[..., SeenSeries] = move
    pause: Callable[..., SeenSeries] = pause
    resume: Callable[..., SeenSeries] = resume
    end: Callable[..., SeenSeries] = end
    settle: Callable[..., int] = settle
    skip_closed: Callable[..., int] = skip_closed
    book_ahead: Callable[..., Any] = book_ahead
    remind: Callable[..., int] = remind
    waited_pools: Callable[..., list[str]] = waited_pools


@dataclass(frozen=True)
class Fortnight:
    """A shop with two nodes, and the pools of each evening's two hours."""

    shop: Shop
    nodes: dict[str, str]
    plans: tuple[PoolPlan, ...]


def make_fortnight(conn: Connection) -> Fortnight:
    """Committed once; each history is rolled back to it."""
    shop = make_shop(conn)
    conn.execute(sa.delete(table_of(SlotTemplate)))
    node = table_of(FulfilmentNode)
    first = conn.execute(sa.select(node)).one()
    conn.execute(sa.insert(node).values({**first._mapping, "id": "other-node", "key": "other-node"}))
    van = make_vehicle_class(conn, name="Van", volume_ml=3_000_000, weight_g=600_000).id
    plans = [
        pool_plan(
            shop, span(day, hours), sell=room, node_id=node_id, vehicle_class_id=class_id, cost_minor=cost
        )
        for day in DAYS
        for hours in ((18, 19), (19, 20))
        for node_id, class_id, room, cost in (
            (shop.node_id, shop.class_id, _ROOM, 40),
            ("other-node", van, _ROOM, 90),
        )
    ]
    make_pools(conn, *plans)
    for draft in OPENING:
        change_calendar(conn, now=NOW, actor=OPERATOR, reason="to begin with", draft=draft)
    open_days(conn, now=NOW, first=today(NOW), days=(DAYS[-1] - today(NOW)).days + 1)
    return Fortnight(shop, {shop.node_id: first.key, "other-node": "other-node"}, tuple(plans))


def plain(answer: Any) -> Any:
    if isinstance(answer, SQLModel):
        return answer.model_dump()
    if is_dataclass(answer):
        return {one.name: plain(getattr(answer, one.name)) for one in fields(answer)}
    return [plain(one) for one in answer] if isinstance(answer, list | tuple) else answer


def told_of(outcome: CalendarOutcome) -> Any:
    slots = sorted((one.fate, one.slot.starts_at, one.slot.ends_at) for one in outcome.slots)
    return slots, [one.claim.id for one in outcome.claims], outcome.bookings, outcome.holds
