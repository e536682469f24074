"""All that a customer has with the shop: what is to come, what was, what is waited for; by signed link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.errors import WaitlistEntryNotFound
from app.booking.leave_waitlist import leave_waitlist
from app.booking.queries import bookings_ahead, bookings_behind, waitlist_entry_of, waitlist_of
from app.booking.rules import WaitlistStatus
from app.booking.seen import SeenBooking, seen_bookings
from app.booking.seen_waitlist import SeenEntry, seen_entries
from app.customers.queries import by_reference
from app.customers.tables import Customer
from app.database.rows import by_id
from app.errors import Refusal
from app.pages.render import page
from app.pages.shop import Shop, posted, shop_of, shopper_of, world_of
from app.standing.queries import standings_of
from app.standing.seen import SeenOccurrence, SeenStandingSlot, seen_series
from app.standing.series import series_of
from app.world.errors import LinkExpired, LinkInvalid

# The newest mail brings a fresh link, so an old one need not open everything for long.
LINK_AGE_S = 60 * 24 * 3600
# Kept until the browser is closed: from a booking's page the way back is open, and to nobody else.
CUSTOMER_COOKIE = "customer"
_PAST, _MOST_PAST = 10, 200
# What an entry may be in and still say something to its customer.
_TOLD = (WaitlistStatus.WAITING, WaitlistStatus.OFFERED, WaitlistStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Keeping:
    """A window that is kept every week, with the next week that has one."""

    seen: SeenStandingSlot
    next: SeenOccurrence | None


@dataclass(frozen=True, slots=True)
class Mine:
    """What a customer has, as of `now`; `older` is whether there are more past bookings than these."""

    customer: Customer
    now: datetime
    ahead: list[SeenBooking]
    waiting: list[SeenEntry]
    keeping: list[Keeping]
    behind: list[SeenBooking]
    older: bool


async def enter(request: Request) -> Response:
    """On to the bookings of whoever this browser belongs to, if it is known here."""
    shop = await shop_of(request)
    customer_id = await _known(request, shop)
    if customer_id is None:
        return page(request, shop, "my_unknown.html")
    return RedirectResponse(f"/my/{world_of(request).links.sign('customer', customer_id)}", 303)


async def _known(request: Request, shop: Shop) -> str | None:
    """The customer whose link this browser has opened, or who shops in it."""
    world = world_of(request)
    try:
        return world.links.read("customer", request.cookies.get(CUSTOMER_COOKIE, ""), max_age_s=LINK_AGE_S)
    except (LinkInvalid, LinkExpired):
        shopper = shopper_of(request)
        found = await world.db.read(lambda conn, _: by_reference(conn, shop.storefront.id, shopper))
        return found.id if found else None


async def show(request: Request) -> Response:
    """The list."""
    return await _show(request, problem=None)


async def _show(request: Request, *, problem: Refusal | None) -> Response:
    shop, customer_id = await shop_of(request), _customer_id(request)
    past = request.query_params.get("past", "")
    limit = min(int(past), _MOST_PAST) if past.isdecimal() and len(past) < 9 else _PAST
    mine = await world_of(request).db.read(
        partial(_look, shop=shop, customer_id=customer_id, limit=max(limit, _PAST))
    )
    sign = world_of(request).links.sign
    response = page(
        request,
        shop,
        "my.html",
        mine=mine,
        booking_path=lambda booking: f"/bookings/{sign('booking', booking.row.id)}",
        hold_path=lambda held: f"/holds/{sign('hold', held.row.id)}",
        standing_path=lambda seen: f"/standing/{sign('standing', seen.row.id)}",
        past=len(mine.behind) + _PAST,
        done=request.query_params.get("done"),
        problem=problem,
        status=409 if problem else 200,
    )
    response.set_cookie(
        CUSTOMER_COOKIE,
        request.path_params["token"],
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _customer_id(request: Request) -> str:
    token = request.path_params["token"]
    return world_of(request).links.read("customer", token, max_age_s=LINK_AGE_S)


def _look(conn: Connection, now: datetime, *, shop: Shop, customer_id: str, limit: int) -> Mine:
    customer = _customer(conn, shop, customer_id)
    ahead = bookings_ahead(conn, actor=shop.actor, customer_id=customer.id, now=now)
    behind = bookings_behind(conn, actor=shop.actor, customer_id=customer.id, now=now, limit=limit + 1)
    entries = waitlist_of(conn, actor=shop.actor, customer_reference=customer.reference)
    told = [entry for entry in entries if entry.status in _TOLD]
    return Mine(
        customer=customer,
        now=now,
        ahead=seen_bookings(conn, now=now, bookings=ahead),
        keeping=_keeping(conn, now, shop, customer),
        waiting=[one for one in seen_entries(conn, now=now, entries=told) if _still(one, now)],
        behind=seen_bookings(conn, now=now, bookings=behind[:limit]),
        older=len(behind) > limit,
    )


def _customer(conn: Connection, shop: Shop, customer_id: str) -> Customer:
    found = by_id(conn, Customer, customer_id)
    if found is None or found.storefront_id != shop.storefront.id:
        raise LinkInvalid
    return found


def _keeping(conn: Connection, now: datetime, shop: Shop, customer: Customer) -> list[Keeping]:
    """What is kept every week and not given up."""
    found = [
        row
        for row in standings_of(conn, actor=shop.actor, customer_reference=customer.reference)
        if row.ended_at is None
    ]
    seen = seen_series(conn, at=now, series=series_of(conn, now=now, found=found))
    return [Keeping(one, next((w for w in one.occurrences if w.submit_by), None)) for one in seen]


def _still(entry: SeenEntry, now: datetime) -> bool:
    """Whether any of its windows can still be ordered."""
    return any(now < slot.cutoff_at for slot in entry.slots)


async def act(request: Request) -> Response:
    """One of the list's forms: `do` says which."""
    told = await posted(request)
    shop, customer_id = await shop_of(request), _customer_id(request)
    verb = _VERBS.get(told.get("do", ""))
    try:
        if verb:
            await world_of(request).db.write(partial(verb, shop=shop, customer_id=customer_id, told=told))
    except Refusal as refusal:
        return await _show(request, problem=refusal)
    return RedirectResponse(f"/my/{request.path_params['token']}?done={told['do'] if verb else ''}", 303)


def _leave(conn: Connection, now: datetime, *, shop: Shop, customer_id: str, told: Mapping[str, str]) -> None:
    """Stop waiting; whose entry it is, is asked of the entry and not of the form."""
    entry = waitlist_entry_of(conn, actor=shop.actor, entry_id=told.get("entry", ""))
    if entry is None or entry.customer_id != customer_id:
        raise WaitlistEntryNotFound
    leave_waitlist(conn, now=now, actor=shop.actor, entry_id=entry.id)


_VERBS: dict[str, Callable[..., Any]] = {"leave": _leave}
