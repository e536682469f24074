"""Cancel a booking: what it costs now, and a yes to exactly that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.booking.cancel import cancel as cancel_booking
from app.booking.errors import BookingNotFound
from app.booking.queries import booking_of
from app.booking.seen import seen_bookings
from app.errors import Refusal
from app.pages.bookings import Looked, back_to, looked, no_cancelling
from app.pages.moving import whole
from app.pages.render import page
from app.pages.shop import Shop, posted, world_of


class CancellationChanged(Refusal):
    """Cancelling now costs something else than was shown; look at it again first."""


async def ask(request: Request) -> Response:
    """What cancelling costs now, or why it is too late."""
    return await _asked(request, await looked(request), problem=None)


async def cancel(request: Request) -> Response:
    """Cancel it, if that still costs what was shown."""
    told = await posted(request)
    about = await looked(request)
    try:
        await world_of(request).db.write(
            partial(_cancel, shop=about.shop, booking_id=about.booking.row.id, told=told)
        )
    except Refusal as refusal:
        return await _asked(request, await looked(request), problem=refusal)
    return back_to(request, "cancelled")


def _cancel(conn: Connection, now: datetime, *, shop: Shop, booking_id: str, told: Mapping[str, str]) -> None:
    found = booking_of(conn, actor=shop.actor, booking_id=booking_id)
    if found is None:
        raise BookingNotFound
    # The cut-off may have passed since the page was opened: nobody pays what they were not shown.
    (seen,) = seen_bookings(conn, now=now, bookings=[found])
    owed = seen.changes.cancellation
    if owed is not None and owed.minor != whole(told, "owed"):
        raise CancellationChanged
    cancel_booking(
        conn,
        now=now,
        actor=shop.actor,
        booking_id=booking_id,
        expected_version=whole(told, "version"),
        key=told.get("key", ""),
    )


async def _asked(request: Request, about: Looked, *, problem: Refusal | None) -> Response:
    token = request.path_params["token"]
    if code := no_cancelling(about.booking):
        return page(
            request,
            about.shop,
            "stopped.html",
            heading="no_cancelling",
            booking=about.booking,
            token=token,
            code=code,
            status=409 if problem else 200,
        )
    return page(
        request,
        about.shop,
        "cancel.html",
        booking=about.booking,
        owed=about.booking.changes.cancellation,
        token=token,
        problem=problem,
        status=409 if problem else 200,
    )
