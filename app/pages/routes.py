"""Which page answers which address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path

from sqlalchemy.exc import OperationalError, ProgrammingError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.errors import NotAllowed, NotFound, Outage, Refusal
from app.pages import (
    bookings,
    cancelling,
    checkout,
    choosing,
    holds,
    keeping,
    mailbox,
    moving,
    my,
    waiting,
    weekly,
)
from app.pages.desk.routes import desk_routes
from app.pages.render import page
from app.pages.shop import shop_of
from app.storefronts.errors import StorefrontNotFound
from app.world.errors import LinkExpired

STATIC = Path(__file__).with_name("static")

_STATUS: tuple[tuple[type[Refusal], int], ...] = ((LinkExpired, 410), (NotFound, 404), (NotAllowed, 403))

type Endpoint = Callable[[Request], Awaitable[Response]]


def routes() -> list[BaseRoute]:
    """The pages and their static files."""
    return [
        Route("/", _told(checkout.start)),
        Route("/addresses", _told(checkout.suggest)),
        Route("/checkout", _told(checkout.windows)),
        Route("/holds", _told(checkout.hold_window), methods=["POST"]),
        Route("/holds/{token}", _told(holds.show)),
        Route("/holds/{token}", _told(holds.act), methods=["POST"]),
        Route("/bookings/{token}", _told(bookings.show)),
        Route("/bookings/{token}", _told(bookings.change), methods=["POST"]),
        Route("/bookings/{token}/delivery.ics", _told(bookings.calendar)),
        Route("/bookings/{token}/move", _told(moving.choose)),
        Route("/bookings/{token}/move", _told(moving.move), methods=["POST"]),
        Route("/bookings/{token}/cancel", _told(cancelling.ask)),
        Route("/bookings/{token}/cancel", _told(cancelling.cancel), methods=["POST"]),
        Route("/bookings/{token}/choose", _told(choosing.ask)),
        Route("/bookings/{token}/choose", _told(choosing.choose), methods=["POST"]),
        Route("/bookings/{token}/weekly", _told(weekly.every_week), methods=["POST"]),
        Route("/waitlist", _told(waiting.show)),
        Route("/waitlist", _told(waiting.join), methods=["POST"]),
        Route("/standing/{token}", _told(keeping.show)),
        Route("/standing/{token}", _told(keeping.act), methods=["POST"]),
        Route("/standing/{token}/move", _told(keeping.choose)),
        Route("/my", _told(my.enter)),
        Route("/my/{token}", _told(my.show)),
        Route("/my/{token}", _told(my.act), methods=["POST"]),
        Route("/mailbox", _told(mailbox.listing)),
        Route("/mailbox/{message_id}", _told(mailbox.message)),
        Route("/mailbox/{message_id}/html", _told(mailbox.markup)),
        *desk_routes(),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]


def _told(endpoint: Endpoint) -> Endpoint:
    """A refusal that the page itself has no place for becomes a page of its own."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except StorefrontNotFound:
            return PlainTextResponse("No storefront is loaded yet: run `lastlap demo` or load a seed.", 503)
        except (OperationalError, ProgrammingError) as why:
            if not any(sign in str(why) for sign in ("no such table", "does not exist")):
                raise
            return PlainTextResponse("The database is not migrated: run `lastlap migrate`.", 503)
        except Outage as why:
            return PlainTextResponse(why.message, 503, headers={"Retry-After": "2"})
        except Refusal as refusal:
            status = next((code for kind, code in _STATUS if isinstance(refusal, kind)), 422)
            return page(request, await shop_of(request), "refused.html", refusal=refusal, status=status)

    return answered
