"""Whom the pages sell for, who looks at them, and in which language."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from babel import Locale, UnknownLocaleError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.database.rows import rows, table_of
from app.errors import NotAllowed
from app.places.tables import City
from app.storefronts.queries import average_basket, storefront_by_key
from app.storefronts.tables import Storefront
from app.values.actor import Actor, Role
from app.values.basket import Basket, GoodsTrait
from app.values.money import Money
from app.values.wording import language
from app.world.errors import LinkInvalid
from app.world.world import World

SHOPPER_COOKIE = "shopper"
SHOPPER_AGE_S = 180 * 24 * 3600
# The name under which histories show what customers did on these pages.
PAGES = "checkout page"


class FromElsewhere(NotAllowed):
    """This form was sent from another site; open the page here and send it again."""


@dataclass(frozen=True, slots=True)
class Shop:
    """The storefront of the pages, its average basket, its city's clock, and the notice of its map data."""

    storefront: Storefront
    basket: Basket
    time_zone: str
    attribution: str | None

    @property
    def actor(self) -> Actor:
        """In whose name the pages act."""
        return Actor(self.storefront.id, Role.STOREFRONT, PAGES)


def world_of(request: Request) -> World:
    """The World of this deployment."""
    world: World = request.state.world
    return world


async def shop_of(request: Request) -> Shop:
    """The storefront that these pages sell for; raises StorefrontNotFound."""
    world = world_of(request)

    def look(conn: Connection, _now: datetime) -> Shop:
        storefront = storefront_by_key(conn, world.checkout_storefront)
        cities = rows(conn, City, sa.select(table_of(City)).limit(1))
        time_zone, attribution = (cities[0].time_zone, cities[0].attribution) if cities else ("UTC", None)
        return Shop(storefront, average_basket(storefront), time_zone, attribution)

    return await world.db.read(look)


def locale_of(request: Request, storefront: Storefront) -> str:
    """The first language the browser asks for that we speak, with its country; else the storefront's."""
    for wanted in request.headers.get("accept-language", "").split(","):
        tag = wanted.split(";")[0].strip()
        try:
            known = str(Locale.parse(tag, sep="-"))
        except (ValueError, UnknownLocaleError):
            continue
        if language(known) == known.split("_")[0]:
            return known
    return storefront.locale


def shopper_of(request: Request) -> str:
    """The reference of whoever looks: anonymous, kept in a signed cookie."""
    token = request.cookies.get(SHOPPER_COOKIE)
    if token:
        try:
            return world_of(request).links.read("shopper", token, max_age_s=SHOPPER_AGE_S)
        except LinkInvalid:
            pass
    return f"visitor-{secrets.token_urlsafe(12)}"


def remember(request: Request, response: Response, shopper: str) -> Response:
    """Keep the shopper's reference in the browser."""
    response.set_cookie(
        SHOPPER_COOKIE,
        world_of(request).links.sign("shopper", shopper),
        max_age=SHOPPER_AGE_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def check_origin(request: Request) -> None:
    """Refuse a form that another site sends in the shopper's name; raises FromElsewhere."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise FromElsewhere
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host"):
        raise FromElsewhere


async def posted(request: Request) -> dict[str, str]:
    """What a form of ours told; raises FromElsewhere for one of another site."""
    check_origin(request)
    async with request.form() as form:
        return {name: str(value) for name, value in form.items()}


def fresh_key() -> str:
    """A key for one form: sending it twice does once what it asks for."""
    return secrets.token_urlsafe(18)


def preset(name: str, usual: Basket) -> Basket:
    """The baskets that the demo page offers, in terms of the storefront's average one."""
    match name:
        case "topup":
            return _scaled(usual, 30, frozenset())
        case "wine":
            return _scaled(usual, 60, frozenset({GoodsTrait.AGE_RESTRICTED}))
        case "bulky":
            return _scaled(usual, 300, frozenset({GoodsTrait.BULKY}))
    return usual


PRESETS = ("weekly", "topup", "wine", "bulky")


def _scaled(usual: Basket, percent: int, traits: frozenset[GoodsTrait]) -> Basket:
    return replace(
        usual,
        value=Money(usual.value.minor * percent // 100, usual.value.currency),
        weight_g=usual.weight_g * percent // 100,
        ambient_ml=usual.ambient_ml * percent // 100,
        chilled_ml=usual.chilled_ml * percent // 100,
        frozen_ml=usual.frozen_ml * percent // 100,
        traits=traits,
    )
