"""From an address to a held window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.booking.apply_promotion import apply_promotion
from app.booking.collect import NEAR_M
from app.booking.hold import hold
from app.booking.menu import days_ahead, policy_of
from app.booking.offer import Availability, offer
from app.booking.tables import SlotHold
from app.customers.rules import CustomerFacts
from app.errors import Refusal
from app.handover.rules import DropWish, HandoverMode
from app.handover.tables import DropPreference
from app.pages.days import WEEK, by_day, day_of
from app.pages.place import COLLECT, located
from app.pages.render import page
from app.pages.shop import (
    PRESETS,
    Shop,
    posted,
    preset,
    remember,
    shop_of,
    shopper_of,
    world_of,
)
from app.places.collection_points import collection_points_near
from app.places.find_address import find_address
from app.places.rules import CollectionPlace, Place, is_house
from app.places.tables import Address, CollectionPoint
from app.places.zone_of import zone_of
from app.values.basket import Basket
from app.values.money import Money
from app.values.point import distance_m
from app.values.window import local_day


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days of windows as one read found them, and where the days before and after begin."""

    found: Availability
    today: date
    hold_min: int
    earlier: date | None
    later: date | None
    # Where the goods could be fetched instead: the names of the addresses for a form, the nearest first.
    collect: tuple[tuple[str, CollectionPoint, int], ...] = ()


async def start(request: Request) -> Response:
    """The first page: address and basket."""
    shop = await shop_of(request)
    wanted = request.query_params.get("basket", "")
    chosen = wanted if wanted in PRESETS else PRESETS[0]
    return page(
        request, shop, "start.html", presets=PRESETS, chosen=chosen, text="", found=None, problem=None
    )


async def suggest(request: Request) -> Response:
    """Type-ahead for the address field."""
    text = request.query_params.get("q", "")[:200]
    found = await world_of(request).db.read(partial(_find, text=text))
    return JSONResponse([{"id": address.id, "label": address.label} for address in found])


def _find(conn: Connection, _now: datetime, *, text: str) -> list[Address]:
    return find_address(conn, text=text, limit=8)


async def windows(request: Request) -> Response:
    """All windows of an address and a basket."""
    return await _windows(request, {**request.query_params}, None)


async def _windows(request: Request, told: Mapping[str, str], refusal: Refusal | None) -> Response:
    shop = await shop_of(request)
    chosen = told.get("basket", "weekly")
    text = told.get("text", "").strip()
    address_id = told.get("address", "")
    start_page = partial(page, request, shop, "start.html", presets=PRESETS, chosen=chosen, text=text)
    world = world_of(request)
    try:
        if not address_id:
            found = await world.db.read(partial(_find, text=text))
            meant = _meant(found, text)
            if meant is None:
                return start_page(found=found, problem=None if found or not text else "not_known")
            address_id = meant.id
        place = await located(world, address_id)
        shopper = shopper_of(request)
        basket = preset(chosen, shop.basket)
        week = await world.db.read(
            partial(
                _week,
                shop=shop,
                place=place,
                basket=basket,
                shopper=shopper,
                wanted=day_of(told.get("from", "")),
            )
        )
    except Refusal as why:
        return start_page(found=None, problem=why, status=422)
    offers = [one for day in week.found.days for one in day.offers]
    response = page(
        request,
        shop,
        "windows.html",
        place=place,
        address_id=address_id,
        basket=chosen,
        week=week,
        days=by_day(offers),
        options=offers[0].handover_options if offers else (),
        told=told,
        refusal=refusal,
        status=409 if refusal else 200,
    )
    return remember(request, response, shopper)


def _week(
    conn: Connection,
    now: datetime,
    *,
    shop: Shop,
    place: Place,
    basket: Basket,
    shopper: str,
    wanted: date | None,
) -> Week:
    """The windows of seven days from the wanted one on, no earlier than today, no later than are sold."""
    today = local_day(now, zone_of(conn, point=place.point).time_zone)
    storefront = shop.storefront.id
    last = today + timedelta(days=days_ahead(conn, storefront_id=storefront, customer_group=None) - 1)
    begin = max(today, min(wanted or today, last))
    found = offer(
        conn,
        now=now,
        actor=shop.actor,
        place=place,
        basket=basket,
        first=begin,
        last=begin + WEEK - timedelta(days=1),
        customer_reference=shopper,
    )
    return Week(
        found,
        today,
        policy_of(conn, storefront).hold_min,
        earlier=max(today, begin - WEEK) if begin > today else None,
        later=begin + WEEK if begin + WEEK <= last else None,
        collect=_collect(conn, place),
    )


def _collect(conn: Connection, place: Place) -> tuple[tuple[str, CollectionPoint, int], ...]:
    """The collection points near an address, with the metres to each; none where goods are collected."""
    if isinstance(place, CollectionPlace):
        return ()
    near = collection_points_near(conn, point=place.point, within_m=NEAR_M, limit=3)
    return tuple((f"{COLLECT}{one.id}", one, distance_m(place.point, one.point)) for one in near)


def _meant(found: Sequence[Address], text: str) -> Address | None:
    """The one address that these words can only mean; None where the shopper has to say which."""
    picked = [one for one in found if one.label.lower() == text.lower()]
    named = picked or [one for one in found if is_house(text, one.house_number)]
    return named[0] if len(named) == 1 else None


async def hold_window(request: Request) -> Response:
    """Hold the chosen window, reserve the code if one was given, and go on to the hold's page."""
    told = await posted(request)
    shop = await shop_of(request)
    world = world_of(request)
    shopper = shopper_of(request)
    try:
        place = await located(world, told.get("address", ""))
        held = await world.db.write(partial(_hold, shop=shop, shopper=shopper, place=place, told=told))
    except Refusal as refusal:
        return await _windows(request, told, refusal)
    problem = ""
    if code := told.get("code", "").strip():
        try:
            await world.db.write(
                lambda conn, now: apply_promotion(
                    conn, now=now, actor=shop.actor, hold_id=held.id, code=code, key=f"{told['key']}-code"
                )
            )
        except Refusal as refusal:
            problem = f"?problem={refusal.code}"
    token = world.links.sign("hold", held.id)
    return remember(request, RedirectResponse(f"/holds/{token}{problem}", 303), shopper)


def _hold(
    conn: Connection, now: datetime, *, shop: Shop, shopper: str, place: Place, told: Mapping[str, str]
) -> SlotHold:
    slot_id, _, expected = told.get("slot", "").partition("|")
    return hold(
        conn,
        now=now,
        actor=shop.actor,
        slot_id=slot_id,
        place=replace(place, line2=told.get("line2", "").strip() or None),
        basket=preset(told.get("basket", "weekly"), shop.basket),
        customer=CustomerFacts(reference=shopper),
        wish=wish_of(told),
        expected_fee=Money(int(expected), shop.storefront.currency) if expected.isdigit() else None,
        key=told.get("key", ""),
    )


def wish_of(told: Mapping[str, str]) -> DropWish:
    """The handover that a form asks for; in person where it says nothing that we know."""
    try:
        mode = HandoverMode(told.get("mode", "ATTENDED"))
    except ValueError:
        mode = HandoverMode.ATTENDED
    extra = told.get("extra_min", "")

    def text(name: str) -> str | None:
        return told.get(name, "").strip() or None

    return DropWish(
        mode=mode,
        place=text("place") if mode is HandoverMode.SAFE_PLACE else None,
        neighbour=text("neighbour") if mode is HandoverMode.NEIGHBOUR else None,
        neighbour_line1=text("neighbour_line1") if mode is HandoverMode.NEIGHBOUR else None,
        note=text("note"),
        contact_free=mode is HandoverMode.ATTENDED and "contact_free" in told,
        extra_min=int(extra) if extra.isdigit() else 0,
    )


def told_of(preference: DropPreference) -> dict[str, str]:
    """A handover as a form would have told it."""
    told = {
        "mode": preference.mode.value,
        "place": preference.place or "",
        "neighbour": preference.neighbour or "",
        "neighbour_line1": preference.neighbour_line1 or "",
        "note": preference.note or "",
        "extra_min": str(preference.extra_min),
    }
    return {**told, "contact_free": "on"} if preference.contact_free else told
