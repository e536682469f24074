"""Make a booking's window one that is kept every week, by the link of the booking."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import Refusal
from app.pages.bookings import looked, shown
from app.pages.shop import posted, world_of
from app.standing.keep import keep
from app.standing.series import Series
from app.values.actor import Actor


async def every_week(request: Request) -> Response:
    """Keep it, and go on to the page of what is kept; a GET of it does not exist."""
    told = await posted(request)
    about = await looked(request)
    world = world_of(request)
    work = partial(_keep, actor=about.shop.actor, booking_id=about.booking.row.id, key=told.get("key", ""))
    try:
        series = await world.db.write(work)
    except Refusal as refusal:
        return await shown(request, await looked(request), problem=refusal)
    return RedirectResponse(f"/standing/{world.links.sign('standing', series.row.id)}?done=keep", 303)


def _keep(conn: Connection, now: datetime, *, actor: Actor, booking_id: str, key: str) -> Series:
    return keep(conn, now=now, actor=actor, booking_id=booking_id, key=key)
