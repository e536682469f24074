"""A booked delivery: its page and its calendar entry, by signed link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.errors import BookingNotFound
from app.booking.prefer import prefer
from app.booking.queries import booking_of
from app.booking.seen import SeenBooking, seen_bookings
from app.engagement.calendar import calendar_entry
from app.engagement.letters import entry_of
from app.errors import Refusal
from app.handover.queries import policies
from app.handover.rules import options
from app.pages.checkout import told_of, wish_of
from app.pages.render import page
from app.pages.shop import Shop, check_origin, shop_of, world_of

LINK_AGE_S = 120 * 24 * 3600


async def show(request: Request) -> Response:
    """The confirmation."""
    return await _show(request, None, {})


async def _show(request: Request, problem: str | None, told: Mapping[str, str]) -> Response:
    shop, seen = await _seen(request)
    offered = await world_of(request).db.read(lambda conn, _: options(policies(conn), seen.row.basket))
    return page(
        request,
        shop,
        "booking.html",
        booking=seen,
        token=request.path_params["token"],
        options=offered,
        told=told or told_of(seen.drop_preference),
        problem=problem,
        status=409 if problem else 200,
    )


async def change(request: Request) -> Response:
    """Hand over in another way, until the cut-off."""
    check_origin(request)
    async with request.form() as form:
        told = {name: str(value) for name, value in form.items()}
    shop, seen = await _seen(request)
    try:
        await world_of(request).db.write(
            lambda conn, now: prefer(
                conn, now=now, actor=shop.actor, wish=wish_of(told), booking_id=seen.row.id
            )
        )
    except Refusal as refusal:
        return await _show(request, refusal.message, told)
    return RedirectResponse(request.url.path, 303)


async def calendar(request: Request) -> Response:
    """The delivery as an iCalendar file."""
    shop, seen = await _seen(request)
    world = world_of(request)
    entry = await world.db.read(lambda conn, now: entry_of(conn, now=now, booking_id=seen.row.id, urls=world))
    name = f'attachment; filename="{shop.storefront.key}-{seen.code}.ics"'
    return Response(calendar_entry(entry), media_type="text/calendar", headers={"Content-Disposition": name})


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
