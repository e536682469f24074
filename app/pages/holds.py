"""A held window: its price, its time, and what may still be changed before it is booked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.accept_lockers import accept_lockers
from app.booking.apply_promotion import apply_promotion
from app.booking.begin_checkout import begin_checkout
from app.booking.claim import menu_of
from app.booking.columns import place_of, wanted_basket
from app.booking.confirm import confirm
from app.booking.errors import HoldNotFound
from app.booking.hold import hold
from app.booking.instead_of import instead_of
from app.booking.locker_offers import MOST_OFFERED, LockerOffer, locker_offers
from app.booking.lockers import MAX_LOCKERS
from app.booking.prefer import prefer
from app.booking.queries import booking_on, hold_of
from app.booking.release import release
from app.booking.remove_promotion import remove_promotion
from app.booking.rules import HoldStatus
from app.booking.seen import SeenHold, seen_holds
from app.booking.slot_offer import SlotOffer
from app.booking.tables import DeliveryBooking, SlotHold
from app.booking.update_hold import update_hold
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.customers.tables import Customer
from app.database.rows import by_id
from app.errors import Invalid, Refusal
from app.handover.queries import policies, preference_by_id
from app.handover.rules import HandoverMode, HandoverOption, is_collected, options, refused
from app.pages.checkout import told_of, wish_of
from app.pages.render import epoch_ms, page
from app.pages.shop import Shop, locale_of, posted, shop_of, world_of
from app.values.basket import Basket
from app.values.money import Money

LINK_AGE_S = 24 * 3600
# What stands before the id of a locker where a form names one.
LOCKER = "locker:"


class EmailMissing(Invalid):
    """Give an e-mail address, so that the confirmation can reach you."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A hold with what its page shows beside it; `instead` are the windows to take where it cannot be had."""

    shop: Shop
    now: datetime
    hold: SeenHold
    options: tuple[HandoverOption, ...]
    lockers: list[LockerOffer]
    instead: list[SlotOffer]
    booking: DeliveryBooking | None
    customer: Customer


async def show(request: Request) -> Response:
    """The hold's page, whatever became of the hold."""
    code = request.query_params.get("problem", "")
    return await _show(request, problem=code if code in Refusal.known else None)


async def _show(
    request: Request, *, problem: Refusal | str | None = None, told: Mapping[str, str] | None = None
) -> Response:
    shop, hold_id = await shop_of(request), _hold_id(request)
    about = await world_of(request).db.read(partial(_look, shop=shop, hold_id=hold_id))
    if about.booking is not None:
        return _to_booking(request, about.booking)
    held = about.hold
    show_page = partial(
        page,
        request,
        shop,
        hold=held,
        token=request.path_params["token"],
        instead=about.instead,
        problem=problem,
        now_ms=epoch_ms(about.now),
        ends_ms=epoch_ms(held.expires_at),
    )
    preferred = told if told and told.get("do") == "prefer" else told_of(held.drop_preference)
    match held.status:
        case HoldStatus.ACTIVE:
            return show_page(
                "hold.html",
                options=about.options,
                lockers=about.lockers,
                told=told or {},
                preferred=preferred,
                customer=about.customer,
                status=409 if problem else 200,
            )
        case HoldStatus.CONFLICTED:
            return show_page("conflict.html", options=about.options, preferred=preferred, status=409)
    return show_page("ended.html", released=held.status is HoldStatus.RELEASED, status=410)


def _look(conn: Connection, now: datetime, *, shop: Shop, hold_id: str) -> Looked:
    found = hold_of(conn, actor=shop.actor, hold_id=hold_id)
    customer = by_id(conn, Customer, found.customer_id) if found else None
    if found is None or customer is None:
        raise HoldNotFound
    (seen,) = seen_holds(conn, now=now, holds=[found])
    return Looked(
        shop=shop,
        now=now,
        hold=seen,
        options=options(policies(conn), seen.basket, collected=is_collected(seen.drop_preference)),
        lockers=_lockers(conn, now, seen),
        instead=_instead(conn, now, shop, seen),
        booking=booking_on(conn, hold_id=hold_id),
        customer=customer,
    )


def _lockers(conn: Connection, now: datetime, held: SeenHold) -> list[LockerOffer]:
    """The lockers near the door that the goods may go to as well; those that are accepted stay in sight."""
    if held.status is not HoldStatus.ACTIVE or is_collected(held.drop_preference):
        return []
    if refused(HandoverMode.LOCKER, held.basket) is not None:
        return []
    slots = held.candidates or (held.slot,)
    return locker_offers(
        conn,
        now=now,
        point=held.row.point,
        slot_ids=[slot.id for slot in slots],
        basket=held.basket,
        limit=MAX_LOCKERS,
        holder=held.row.id,
    )


def _instead(conn: Connection, now: datetime, shop: Shop, held: SeenHold) -> list[SlotOffer]:
    """What can be held in its place: nothing while it stands; the window itself first where it has ended."""
    if held.status in (HoldStatus.ACTIVE, HoldStatus.CONFIRMED):
        return []
    slot, basket = held.slot, held.basket
    row, collected = held.row, is_collected(held.drop_preference)
    near = instead_of(
        conn,
        now=now,
        actor=shop.actor,
        slot_id=slot.id,
        point=row.point,
        basket=basket,
        drop_preference_id=row.drop_preference_id,
    )
    if held.status is HoldStatus.CONFLICTED:
        return near
    menu = menu_of(
        conn,
        now=now,
        storefront_id=shop.storefront.id,
        slot=slot,
        point=row.point,
        basket=basket,
        collected=collected,
    )
    same = menu.offer(slot, basket)
    return [same, *near] if same.available else near


def _hold_id(request: Request) -> str:
    token = request.path_params["token"]
    return world_of(request).links.read("hold", token, max_age_s=LINK_AGE_S)


def _to_booking(request: Request, booking: DeliveryBooking) -> RedirectResponse:
    return RedirectResponse(f"/bookings/{world_of(request).links.sign('booking', booking.id)}", 303)


async def act(request: Request) -> Response:
    """One of the hold's forms: `do` says which. GET shows, only POST acts."""
    told = await posted(request)
    shop, hold_id, db = await shop_of(request), _hold_id(request), world_of(request).db
    locale = locale_of(request, shop.storefront)
    facts: dict[str, Any] = {"shop": shop, "hold_id": hold_id, "told": told, "locale": locale}
    verb = _VERBS.get(told.get("do", ""))
    if verb is _confirm:
        # A mistake in the form must not cost the window: the time to pay begins whatever comes of it.
        with suppress(Refusal):
            await db.write(partial(_begin, **facts))
    try:
        result = await db.write(partial(verb, **facts)) if verb else None
    except Refusal as refusal:
        return await _show(request, problem=refusal, told=told)
    if isinstance(result, DeliveryBooking):
        return _to_booking(request, result)
    if isinstance(result, SlotHold):
        return RedirectResponse(f"/holds/{world_of(request).links.sign('hold', result.id)}", 303)
    done = urlencode({"done": told.get("do", "")})
    return RedirectResponse(f"/holds/{request.path_params['token']}?{done}", 303)


def _begin(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    begin_checkout(conn, now=now, actor=shop.actor, hold_id=hold_id, key=told.get("key", ""))


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
    customer = _customer(conn, _own(conn, shop, hold_id))
    if not told.get("email", "").strip():
        raise EmailMissing
    facts = CustomerFacts(
        reference=customer.reference,
        name=told.get("name") or None,
        email=told["email"].strip(),
        locale=locale,
    )
    register(conn, now=now, actor=shop.actor, facts=facts)
    order, key = f"web-{hold_id[-12:]}", told.get("key", "")
    return confirm(conn, now=now, actor=shop.actor, hold_id=hold_id, order_reference=order, key=key)


def _own(conn: Connection, shop: Shop, hold_id: str) -> SlotHold:
    held = hold_of(conn, actor=shop.actor, hold_id=hold_id)
    if held is None:
        raise HoldNotFound
    return held


def _customer(conn: Connection, held: SlotHold) -> Customer:
    customer = by_id(conn, Customer, held.customer_id)
    if customer is None:
        raise HoldNotFound
    return customer


def _switch(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> SlotHold:
    """Hold another window for the same cart; what was held for it before is given back."""
    held = _own(conn, shop, hold_id)
    slot_id, _sep, expected = told.get("slot", "").partition("|")
    basket = wanted_basket(held)
    preference = preference_by_id(conn, held.drop_preference_id)
    allowed = refused(preference.mode, basket) is None
    return hold(
        conn,
        now=now,
        actor=shop.actor,
        slot_id=slot_id,
        place=place_of(held),
        basket=basket,
        customer=CustomerFacts(reference=_customer(conn, held).reference),
        wish=wish_of(told_of(preference)) if allowed else None,
        expected_fee=Money(int(expected), held.currency) if expected.isdecimal() else None,
        cart_reference=held.cart_reference,
        lockers=_still_free(conn, now, held, slot_id, basket),
        key=told.get("key", ""),
    )


def _still_free(
    conn: Connection, now: datetime, held: SlotHold, slot_id: str, basket: Basket
) -> tuple[str, ...]:
    """Those of the accepted lockers that have a compartment in another window as well."""
    if not held.lockers:
        return ()
    known = locker_offers(
        conn,
        now=now,
        point=held.point,
        slot_ids=[slot_id],
        basket=basket,
        limit=MOST_OFFERED,
        holder=held.id,
    )
    free = {one.locker.id for one in known if one.closed is None}
    return tuple(key for key in held.lockers if key in free)


def _undo(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    """Back to the goods that the hold had room for."""
    basket, key = _own(conn, shop, hold_id).basket, told.get("key", "")
    update_hold(conn, now=now, actor=shop.actor, hold_id=hold_id, basket=basket, key=key)


def _release(conn: Connection, now: datetime, *, shop: Shop, hold_id: str, **_: Any) -> None:
    release(conn, now=now, actor=shop.actor, hold_id=hold_id)


def _prefer(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    """Hand over in another way; in a conflict this may be what makes the goods fit again."""
    wish, key = wish_of(told), told.get("key", "")
    if _own(conn, shop, hold_id).conflict is None:
        prefer(conn, now=now, actor=shop.actor, wish=wish, hold_id=hold_id)
    else:
        update_hold(conn, now=now, actor=shop.actor, hold_id=hold_id, wish=wish, key=key)


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


def _accept(
    conn: Connection, now: datetime, *, shop: Shop, hold_id: str, told: Mapping[str, str], **_: Any
) -> None:
    """Which lockers are as good as the door: a field each, named by its id."""
    wanted = [name.removeprefix(LOCKER) for name in told if name.startswith(LOCKER)]
    accept_lockers(conn, now=now, actor=shop.actor, hold_id=hold_id, locker_ids=wanted)


_VERBS: dict[str, Callable[..., DeliveryBooking | SlotHold | None]] = {
    "begin": _begin,
    "confirm": _confirm,
    "switch": _switch,
    "undo": _undo,
    "release": _release,
    "prefer": _prefer,
    "lockers": _accept,
    "apply": _apply,
    "remove": _remove,
}
