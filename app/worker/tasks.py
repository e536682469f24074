"""What each kind of job does: a transaction, the outside, a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from app.alerts.clear_alerts import clear_alerts
from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.allocation.learn import learn
from app.allocation.problem import Limits
from app.allocation.rules import RunStatus
from app.allocation.snapshot import plan_days
from app.assignment.queries import days_cut_off
from app.assignment.rules import AssignmentTrigger
from app.booking.errors import BookingNotFlexible, SlotNotFound
from app.booking.narrow import narrow
from app.booking.reclaim import reclaim
from app.booking.serve_waitlist import serve_waitlist, waited_pools
from app.capacity.zone_costs import forget_zone_costs
from app.database.idempotency import IdempotencyKey
from app.database.rows import table_of
from app.demand.errors import BrokenForecast
from app.engagement.letters import LETTERS
from app.engagement.mark import mark
from app.engagement.notify import notify
from app.engagement.rules import NotificationStatus
from app.engagement.tables import Notification
from app.jobs import Job, JobState
from app.storefronts.tables import Storefront
from app.tours.published import planned_stops
from app.tours.run_status import TourRunStatus
from app.values.actor import Actor, Role
from app.worker.alerts import alert_operators, watch
from app.worker.assign import assign
from app.worker.demand import ForecastFailed, forecast
from app.worker.improve import improve
from app.worker.mend import mend_tours
from app.worker.plan import plan
from app.worker.prices import follow_bookings
from app.worker.reassign import reassign
from app.worker.repair import extend, repair, settle
from app.worker.router import Router
from app.worker.standing import tend_standing
from app.worker.tours import TourPlanner, booked_days, due_days
from app.world.mail import MailRefused, OutgoingMail
from app.world.world import World

KEEP_JOBS = timedelta(days=14)
BATCH = 1_000

type Task = Callable[[World, Job], Awaitable[None]]


class PlanFailed(Exception):
    """The planner has no plan to publish; the run says why."""


async def tell(world: World, job: Job) -> None:
    """Send a customer the message that the job names: written once, sent until it is taken, marked once."""
    writer = LETTERS[job.kind.removeprefix("engagement.")]

    def write(conn: Connection, now: datetime) -> tuple[Notification, Storefront]:
        letter = writer(conn, now, job.payload, world)
        notification = notify(conn, now=now, letter=letter, message_host=world.message_host)
        return notification, letter.storefront

    notification, storefront = await world.db.write(write)
    if notification.status is not NotificationStatus.PENDING:
        return
    status, reason = NotificationStatus.SENT, None
    try:
        await world.mail.send(_mail(notification, storefront))
    except MailRefused as why:
        status, reason = NotificationStatus.FAILED, str(why)
    await world.db.write(
        lambda conn, now: mark(conn, now=now, notification_id=notification.id, status=status, reason=reason)
    )


def _mail(notification: Notification, storefront: Storefront) -> OutgoingMail:
    return OutgoingMail(
        message_id=notification.message_id,
        sender_name=storefront.sender_name,
        sender_address=storefront.sender_address,
        recipient=notification.recipient,
        subject=notification.subject or "",
        text=notification.text,
        html=notification.html,
        calendar=notification.calendar,
        at=notification.created_at,
    )


async def plan_capacity(world: World, job: Job) -> None:
    """Plan the coming days and publish; the run tells what became of it."""
    limits = Limits(**job.payload.get("limits", {}))
    days = int(job.payload.get("days", 14))
    run = await asyncio.to_thread(
        partial(
            plan,
            world.db,
            trigger=job.payload.get("trigger", "schedule"),
            streets=world.streets,
            days=days,
            limits=limits,
        )
    )
    if run.status is not RunStatus.PUBLISHED:
        raise PlanFailed(run.message)


async def forecast_demand(world: World, job: Job) -> None:
    """Observe the days that are over and forecast the coming ones, for the plan of the same night."""
    try:
        await asyncio.to_thread(partial(forecast, world.db, days=int(job.payload.get("days", 14))))
    except (ForecastFailed, BrokenForecast) as why:
        message = f"{why} The last forecast stays."
        await world.db.write(
            lambda conn, now: raise_alert(
                conn, now=now, kind=AlertKind.FORECAST_FAILED, cause="forecast", message=message
            )
        )
        raise
    await world.db.write(lambda conn, now: clear_alerts(conn, now=now, kinds=[AlertKind.FORECAST_FAILED]))


async def plan_tours(world: World, job: Job) -> None:
    """Search for the tours whose cut-off has passed, or of all that is booked for the coming hours."""
    hours = job.payload.get("ahead_h")

    def wanted(conn: Connection, now: datetime) -> list[tuple[str, date]]:
        return due_days(conn, now) if hours is None else booked_days(conn, now, ahead=timedelta(hours=hours))

    days = await world.db.read(wanted)
    planner = TourPlanner(world.db, world.streets, world.tour_limits)
    trigger = "cut-off" if hours is None else "night"
    runs = await asyncio.to_thread(partial(planner.plan, days, trigger=trigger)) if days else []
    bad = [run for run in runs if run.status is not TourRunStatus.PUBLISHED]
    if bad:
        raise PlanFailed("; ".join(run.message or run.status for run in bad))


async def learn_from_tours(world: World, _job: Job) -> None:
    """Fit minutes per drop and the travel law to the tours of the last weeks."""
    await world.db.write(lambda conn, now: learn(conn, now=now))


async def assign_tomorrow(world: World, _job: Job) -> None:
    """Find better vehicles for tomorrow's bookings; where that fails each stays where it is."""

    def work() -> None:
        today = world.db.read_now(lambda conn, now: plan_days(conn, now=now))
        _assigned(world, today + timedelta(days=1), AssignmentTrigger.HOUR)

    await asyncio.to_thread(work)


async def assign_cut_off(world: World, _job: Job) -> None:
    """Place the bookings whose cut-off has just passed, and narrow the flexible ones among them."""

    def work() -> None:
        for day in world.db.read_now(lambda conn, now: days_cut_off(conn, now=now)):
            _assigned(world, day, AssignmentTrigger.CUTOFF)

    await asyncio.to_thread(work)


def _assigned(world: World, day: date, trigger: AssignmentTrigger) -> None:
    run = assign(world.db, day=day, trigger=trigger)
    if run.status is not RunStatus.PUBLISHED:
        raise PlanFailed(run.message)


async def take_back(world: World, job: Job) -> None:
    """End holds past their time, in the job's pool or anywhere, and serve those who wait for the room."""
    pool_id = job.payload.get("pool_id")
    await world.db.write(lambda conn, now: reclaim(conn, now=now, pool_ids=[pool_id] if pool_id else None))


async def serve_waiting(world: World, job: Job) -> None:
    """Offer what has opened on the job's days to those who wait for it, pool by pool."""
    first, last = date.fromisoformat(job.payload["first"]), date.fromisoformat(job.payload["last"])
    pools = await world.db.read(lambda conn, now: waited_pools(conn, now=now, first=first, last=last))
    for pool_id in pools:
        await world.db.write(partial(_serve_one, pool_id=pool_id))


def _serve_one(conn: Connection, now: datetime, *, pool_id: str) -> None:
    serve_waitlist(conn, now=now, pool_ids=[pool_id])


async def decide_window(world: World, job: Job) -> None:
    """Narrow a flexible booking to the window that its tour keeps, or to one that its vehicles serve.

    One that was moved or cancelled is let be.
    """
    booking_id = str(job.payload["booking_id"])

    def work(conn: Connection, now: datetime) -> None:
        stop = planned_stops(conn, [booking_id]).get(booking_id)
        with suppress(BookingNotFlexible):
            try:
                narrow(
                    conn,
                    now=now,
                    actor=_HOUSE,
                    booking_id=booking_id,
                    slot_id=stop.row.slot_id if stop else None,
                )
            except SlotNotFound:  # it was moved since the tours were made
                narrow(conn, now=now, actor=_HOUSE, booking_id=booking_id)

    await world.db.write(work)


async def improve_tours(world: World, job: Job) -> None:
    """Look for better tentative tours of the job's node and day."""
    node_id, day = str(job.payload["node_id"]), date.fromisoformat(job.payload["day"])

    def search() -> None:
        with Router() as router:
            improve(world.db, router, node_id=node_id, day=day)

    await asyncio.to_thread(search)


async def keep_house(world: World, _job: Job) -> None:
    """Throw away what nobody needs: old answers, finished jobs, the level of costs of days that are over."""
    await world.db.write(_prune)


def _prune(conn: Connection, now: datetime) -> None:
    key, job = table_of(IdempotencyKey), table_of(Job)
    old_keys = sa.select(key.c.scope, key.c.key).where(key.c.expires_at <= now).limit(BATCH)
    conn.execute(sa.delete(key).where(sa.tuple_(key.c.scope, key.c.key).in_(old_keys)))
    done = sa.and_(job.c.state == JobState.DONE, job.c.created_at <= now - KEEP_JOBS)
    conn.execute(sa.delete(job).where(job.c.id.in_(sa.select(job.c.id).where(done).limit(BATCH))))
    forget_zone_costs(conn, now=now)


# Who acts when nobody asks: the house's own clock.
_HOUSE = Actor("", Role.OPERATOR, "clock")

TASKS: dict[str, Task] = {
    **{f"engagement.{name}": tell for name in LETTERS},
    "demand.forecast": forecast_demand,
    "allocation.plan": plan_capacity,
    "allocation.prices": follow_bookings,
    "operators.alert": alert_operators,
    "operators.watch": watch,
    "assignment.hour": assign_tomorrow,
    "assignment.cutoff": assign_cut_off,
    "assignment.unable": reassign,
    "disruption.repair": repair,
    "disruption.settle": settle,
    "disruption.extend": extend,
    "booking.reclaim": take_back,
    "booking.serve_waiting": serve_waiting,
    "booking.narrow": decide_window,
    "standing.tend": tend_standing,
    "tours.improve": improve_tours,
    "tours.plan": plan_tours,
    "tours.mend": mend_tours,
    "tours.learn": learn_from_tours,
    "housekeeping": keep_house,
}
