"""A held window: its price, its time, and what may still be changed before it is booked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.apply_promotion import apply_promotion
from app.booking.confirm import confirm
from app.booking.errors import HoldNotFound
from app.booking.prefer import prefer
from app.booking.queries import booking_on, hold_of
from app.booking.release import release
from app.booking.remove_promotion import remove_promotion
from app.booking.rules import HoldStatus
from app.booking.seen import SeenHold, seen_holds
from app.booking.tables import DeliveryBooking
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.customers.tables import Customer
from app.database.rows import by_id
from app.errors import Invalid, Refusal
from app.handover.queries import policies
from app.handover.rules import HandoverOption, options
from app.pages.checkout import told_of, wish_of
from app.pages.render import epoch_ms, page
from app.pages.shop import Shop, check_origin, locale_of, shop_of, shopper_of, world_of

LINK_AGE_S = 24 * 3600


class EmailMissing(Invalid):
    """Give an e-mail address, so that the confirmation can reach you."""


async def show(request: Request) -> Response:
    """The hold's page, whatever became of the hold."""
    known = Refusal.known.get(request.query_params.get("problem", ""))
    problem = None
    if known:
        try:
            problem = known().message
        except KeyError:  # its sentence needs facts that a link does not carry
            problem = known.code.lower().replace("_", " ").capitalize() + "."
    return await _show(request, problem=problem)


async def _show(
    request: Request, *, problem: str | None = None, told: Mapping[str, str] | None = None
) -> Response:
    shop, hold_id = await shop_of(request), _hold_id(request)
    seen, handover, now, booking, customer = await world_of(request).db.read(
        partial(_look, shop=shop, hold_id=hold_id)
    )
    if booking is not None:
        return RedirectResponse(f"/bookings/{world_of(request).links.sign('booking', booking.id)}", 303)
    if seen.status is not HoldStatus.ACTIVE:
        return page(
            request, shop, "ended.html", hold=seen, released=seen.status is HoldStatus.RELEASED, status=410
        )
    return page(
        request,
        shop,
        "hold.html",
        hold=seen,
        token=request.path_params["token"],
        options=handover,
        problem=problem,
        told=told or {},
        preferred=told if told and told.get("do") == "prefer" else told_of(seen.drop_preference),
        customer=customer,
        now_ms=epoch_ms(now),
        ends_ms=epoch_ms(seen.expires_at),
        status=409 if problem else 200,
    )


type _Looked = tuple[SeenHold, tuple[HandoverOption, ...], datetime, DeliveryBooking | None, Customer | None]


def _look(conn: Connection, now: datetime, *, shop: Shop, hold_id: str) -> _Looked:
    found = hold_of(conn, actor=shop.actor, hold_id=hold_id)
    if found is None:
        raise HoldNotFound
    (seen,) = seen_holds(conn, now=now, holds=[found])
    return (
        seen,
        options(policies(conn), found.basket),
        now,
        booking_on(conn, hold_id=hold_id),
        by_id(conn, Customer, found.customer_id),
    )


def _hold_id(request: Request) -> str:
    token = request.path_params["token"]
    return world_of(request).links.read("hold", token, max_age_s=LINK_AGE_S)


async def act(request: Request) -> Response:
    """One of the hold's forms: `do` says which. GET shows, only POST acts."""
    check_origin(request)
    async with request.form() as form:
        told = {name: str(value) for name, value in form.items()}
    shop, hold_id = await shop_of(request), _hold_id(request)
    facts = {"shop": shop, "hold_id": hold_id, "told": told, "shopper": shopper_of(request)}
    facts["locale"] = locale_of(request, shop.storefront)
    verb = _VERBS.get(told.get("do", ""))
    try:
        result = await world_of(request).db.write(partial(verb, **facts)) if verb else None
    except Refusal as refusal:
        return await _show(request, problem=refusal.message, told=told)
    if isinstance(result, DeliveryBooking):
        return RedirectResponse(f"/bookings/{world_of(request).links.sign('booking', result.id)}", 303)
    return RedirectResponse(
        f"/holds/{request.path_params['token']}?{urlencode({'done': told.get('do', '')})}", 303
    )


def _confirm(
    conn: Connection,
    now: datetime,
    *,
    shop: Shop,
    hold_id: str,
    told: Mapping[str, str],
    locale: str,
    **_: Any,
) -> DeliveryBooking:
    """Book it for the person in the form; the hold gives the order its number."""
    held = hold_of(conn, actor=shop.actor, hold_id=hold_id)
    customer = by_id(conn, Customer, held.customer_id) if held else None
    if held is None or customer is None:
        raise HoldNotFound
    if not told.get("email", "").strip():
        raise EmailMissing
    facts = CustomerFacts(
        reference=customer.reference,
        name=told.get("name") or None,
        email=told["email"].strip(),
        locale=locale,
    )
    register(conn, now=now, actor=shop.actor, facts=facts)
    order = f"web-{hold_id}"
    return confirm(
        conn, now=now, actor=shop.actor, hold_id=hold_id, order_reference=order, key=f"confirm-{hold_id}"
    )


def _release(conn: Connection, now: datetime, *, shop: Shop, hold_id: str, **_: Any) -> None:
    release(conn, now=now, actor=shop.actor, hold_id=hold_id)


def _prefer(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    prefer(conn, now=now, actor=shop.actor, wish=wish_of(told), hold_id=hold_id)


def _apply(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    # The code is its own key here: pressing twice is asking once.
    key = f"{hold_id}-{told.get('code', '').strip().upper()}-{told.get('version', '')}"
    apply_promotion(conn, now=now, actor=shop.actor, hold_id=hold_id, code=told.get("code", ""), key=key)


def _remove(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    remove_promotion(conn, now=now, actor=shop.actor, hold_id=hold_id, code=told.get("code", ""))


_VERBS: dict[str, Callable[..., DeliveryBooking | None]] = {
    "confirm": _confirm,
    "release": _release,
    "prefer": _prefer,
    "apply": _apply,
    "remove": _remove,
}
