"""Wait for full windows: choose them, give an e-mail address, and be told when one is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.join_waitlist import MAX_WINDOWS, join_waitlist
from app.booking.menu import policy_of
from app.booking.offer import Availability, offer
from app.booking.slot_offer import SlotOffer
from app.booking.tables import WaitlistEntry
from app.customers.queries import by_reference
from app.customers.rules import CustomerFacts
from app.errors import Refusal
from app.pages.days import by_day
from app.pages.holds import EmailMissing
from app.pages.place import located
from app.pages.render import page
from app.pages.shop import Shop, check_origin, locale_of, preset, remember, shop_of, shopper_of, world_of
from app.places.rules import Place
from app.values.basket import Basket


@dataclass(frozen=True, slots=True)
class Told:
    """What the form says, or the link to it."""

    address: str
    basket: str
    slots: Sequence[str]
    email: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Full:
    """The full windows of an address, how long an offer lasts, and the address that we know already."""

    available: Availability
    offers: list[SlotOffer]
    offer_min: int
    email: str


async def show(request: Request) -> Response:
    """The full windows of an address; the one that was clicked is chosen."""
    told = request.query_params
    link = Told(told.get("address", ""), told.get("basket", "weekly"), told.getlist("slot"))
    return await _show(request, link, problem=None)


async def join(request: Request) -> Response:
    """Wait for the chosen windows, and go on to the offer or to the list of what is waited for."""
    check_origin(request)
    async with request.form() as form:
        told = Told(
            address=str(form.get("address", "")),
            basket=str(form.get("basket", "weekly")),
            slots=[str(slot) for slot in form.getlist("slot")],
            email=str(form.get("email", "")).strip(),
            key=str(form.get("key", "")),
        )
    shop, world, shopper = await shop_of(request), world_of(request), shopper_of(request)
    try:
        if not told.email:
            raise EmailMissing
        place = await located(world, told.address)
        customer = CustomerFacts(
            reference=shopper, email=told.email, locale=locale_of(request, shop.storefront)
        )
        basket = preset(told.basket, shop.basket)
        entry = await world.db.write(
            partial(_join, shop=shop, told=told, place=place, basket=basket, customer=customer)
        )
    except Refusal as refusal:
        return await _show(request, told, problem=refusal)
    if entry.hold_id:
        onward = f"/holds/{world.links.sign('hold', entry.hold_id)}"
    else:
        onward = f"/my/{world.links.sign('customer', entry.customer_id)}?done=wait"
    return remember(request, RedirectResponse(onward, 303), shopper)


def _join(
    conn: Connection,
    now: datetime,
    *,
    shop: Shop,
    told: Told,
    place: Place,
    basket: Basket,
    customer: CustomerFacts,
) -> WaitlistEntry:
    joined = join_waitlist(
        conn,
        now=now,
        actor=shop.actor,
        slot_ids=told.slots,
        place=place,
        basket=basket,
        customer=customer,
        key=told.key,
    )
    return joined.entry


async def _show(request: Request, told: Told, *, problem: Refusal | None) -> Response:
    shop, world, shopper = await shop_of(request), world_of(request), shopper_of(request)
    place = await located(world, told.address)
    basket = preset(told.basket, shop.basket)
    full = await world.db.read(partial(_look, shop=shop, place=place, basket=basket, shopper=shopper))
    response = page(
        request,
        shop,
        "waitlist.html",
        told=told,
        email=told.email or full.email,
        place=full.available.place,
        days=by_day(full.offers),
        offer_min=full.offer_min,
        limit=MAX_WINDOWS,
        problem=problem,
        status=409 if problem else 200,
    )
    return remember(request, response, shopper)


def _look(conn: Connection, now: datetime, *, shop: Shop, place: Place, basket: Basket, shopper: str) -> Full:
    available = offer(conn, now=now, actor=shop.actor, place=place, basket=basket, customer_reference=shopper)
    customer = by_reference(conn, shop.storefront.id, shopper)
    return Full(
        available,
        [one for day in available.days for one in day.offers if one.can_wait],
        policy_of(conn, shop.storefront.id).offer_min,
        (customer.email or "") if customer else "",
    )
