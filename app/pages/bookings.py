"""A booked delivery: its page and its calendar entry, by signed link."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.booking.errors import BookingNotFound
from app.booking.queries import booking_of
from app.booking.seen import SeenBooking, seen_bookings
from app.engagement.calendar import calendar_entry
from app.engagement.confirmation import Confirmation, confirmation_of
from app.pages.render import page
from app.pages.shop import Shop, shop_of, world_of

LINK_AGE_S = 120 * 24 * 3600


async def show(request: Request) -> Response:
    """The confirmation."""
    shop, seen = await _seen(request)
    return page(request, shop, "booking.html", booking=seen, token=request.path_params["token"])


async def calendar(request: Request) -> Response:
    """The delivery as an iCalendar file."""
    shop, seen = await _seen(request)
    url = world_of(request).booking_url(seen.row.id)

    def look(conn: Connection, now: datetime) -> Confirmation:
        return confirmation_of(conn, now=now, booking_id=seen.row.id, booking_url=url)

    confirmation = await world_of(request).db.read(look)
    name = f'attachment; filename="{shop.storefront.key}-{seen.code}.ics"'
    return Response(
        calendar_entry(confirmation.entry), media_type="text/calendar", headers={"Content-Disposition": name}
    )


async def _seen(request: Request) -> tuple[Shop, SeenBooking]:
    shop = await shop_of(request)
    token = request.path_params["token"]
    booking_id = world_of(request).links.read("booking", token, max_age_s=LINK_AGE_S)
    return shop, await world_of(request).db.read(partial(_look, shop=shop, booking_id=booking_id))


def _look(conn: Connection, now: datetime, *, shop: Shop, booking_id: str) -> SeenBooking:
    found = booking_of(conn, actor=shop.actor, booking_id=booking_id)
    if found is None:
        raise BookingNotFound
    return seen_bookings(conn, now=now, bookings=[found])[0]
