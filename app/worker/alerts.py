"""Tell operators: by mail, once per alert; and look whether plans still come."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.alerts.clear_alerts import clear_alerts
from app.alerts.queries import mailed, unmailed
from app.alerts.raise_alert import raise_alert
from app.alerts.rules import AlertKind
from app.alerts.tables import OperatorAlert
from app.allocation.queries import run_of
from app.jobs import Job
from app.storefronts.queries import storefront_by_key
from app.storefronts.tables import Storefront
from app.worker.day_alerts import forget_past_days
from app.world.mail import MailRefused, OutgoingMail
from app.world.world import World

# A plan is made every night; one that is older than this night and the two hours it may take is stale.
STALE = timedelta(hours=26)


async def alert_operators(world: World, job: Job) -> None:
    """Mail an alert to the operators' address, or to the first storefront's own where none is set.

    A second copy carries the same message id and is dropped; an address that refuses mail for good leaves
    the alert to be read through the API.
    """
    alert_id = str(job.payload["alert_id"])

    def look(conn: Connection, _now: datetime) -> tuple[OperatorAlert, Storefront] | None:
        alert = unmailed(conn, alert_id)
        return (alert, storefront_by_key(conn, world.checkout_storefront)) if alert else None

    found = await world.db.read(look)
    if found is None:
        return
    try:
        await world.mail.send(_mail(world, *found))
    except MailRefused:
        return
    await world.db.write(lambda conn, now: mailed(conn, now=now, alert_id=alert_id))


def _mail(world: World, alert: OperatorAlert, storefront: Storefront) -> OutgoingMail:
    return OutgoingMail(
        message_id=f"<alert-{alert.id}@{world.message_host}>",
        sender_name=storefront.sender_name,
        sender_address=storefront.sender_address,
        recipient=world.operators_email or storefront.sender_address,
        subject=f"{SUBJECTS[alert.kind]} ({storefront.name})",
        text=f"{alert.message}\n\nBookings go on. Acknowledge it with acknowledgeAlert; no other mail follows"
        " for as long as it lasts.\n",
        html=None,
        calendar=None,
        at=alert.raised_at,
    )


SUBJECTS = {
    AlertKind.PLAN_FAILED: "No new capacity plan: the planner failed",
    AlertKind.PLAN_REFUSED: "No new capacity plan: the data cannot work",
    AlertKind.PLAN_STALE: "No new capacity plan since yesterday",
    AlertKind.ZONE_UNREACHABLE: "Zones that nobody can reach",
    AlertKind.FORECAST_FAILED: "No new demand forecast",
    AlertKind.PRICES_STALE: "Prices do not follow the bookings",
    AlertKind.TOURS_FAILED: "No new tours: the last ones stay",
    AlertKind.BOOKINGS_LEFT_OUT: "Bookings that no tour brings",
    AlertKind.ASSIGNMENT_FAILED: "Bookings could not be assigned anew",
    AlertKind.DISRUPTION_UNREPAIRED: "A disruption is not repaired",
}


async def watch(world: World, _job: Job) -> None:
    """Alert operators when the published plan is older than a night: its planner may be killed each time."""
    await world.db.write(_watched)


def _watched(conn: Connection, now: datetime) -> None:
    forget_past_days(conn, now)
    published = run_of(conn)
    if published is None:
        return
    if published.started_at > now - STALE:
        clear_alerts(conn, now=now, kinds=[AlertKind.PLAN_STALE])
        return
    message = (
        f"The capacity plan that sells was begun at {published.started_at:%Y-%m-%d %H:%M} UTC, and none has"
        " been published since; look at the newest allocationRun, and whether a worker runs."
    )
    raise_alert(conn, now=now, kind=AlertKind.PLAN_STALE, cause="plan:stale", message=message)
