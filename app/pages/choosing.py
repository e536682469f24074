"""Choose one of the windows that were proposed because a promise cannot be kept, by signed link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.booking.choose_window import choose_window
from app.booking.errors import ProposalSettled
from app.booking.tables import DeliveryBooking, RepromiseProposal
from app.errors import Refusal
from app.pages.bookings import Looked, back_to, looked
from app.pages.render import page
from app.pages.shop import Shop, posted, world_of
from app.slots.queries import slots_by_id
from app.slots.tables import DeliverySlot


async def ask(request: Request) -> Response:
    """The windows to choose from, or that nothing is asked any more."""
    return await _ask(request, await looked(request), problem=None)


async def choose(request: Request) -> Response:
    """Take the window, if it is still to be had."""
    told = await posted(request)
    about = await looked(request)
    try:
        await world_of(request).db.write(
            partial(_choose, shop=about.shop, booking=about.booking.row, told=told)
        )
    except Refusal as refusal:
        return await _ask(request, await looked(request), problem=refusal)
    return back_to(request, "chosen")


def _choose(
    conn: Connection, now: datetime, *, shop: Shop, booking: DeliveryBooking, told: Mapping[str, str]
) -> DeliveryBooking:
    return choose_window(
        conn,
        now=now,
        actor=shop.actor,
        booking_id=booking.id,
        slot_id=told.get("slot", ""),
        key=told.get("key", ""),
    )


async def _ask(request: Request, about: Looked, *, problem: Refusal | None) -> Response:
    windows = await world_of(request).db.read(partial(_windows, asked=about.asked))
    if about.asked is None or not windows:
        return page(
            request,
            about.shop,
            "stopped.html",
            heading="choose_over",
            booking=about.booking,
            token=request.path_params["token"],
            code=ProposalSettled.code,
            status=409 if problem else 200,
        )
    return page(
        request,
        about.shop,
        "choose.html",
        booking=about.booking,
        windows=windows,
        answer_by=about.asked.answer_by,
        token=request.path_params["token"],
        problem=problem,
        status=409 if problem else 200,
    )


def _windows(conn: Connection, _now: datetime, *, asked: RepromiseProposal | None) -> list[DeliverySlot]:
    if asked is None:
        return []
    return sorted(slots_by_id(conn, asked.alternatives), key=lambda slot: (slot.starts_at, slot.ends_at))
