"""Which page of the desk answers which address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from sqlalchemy.exc import OperationalError, ProgrammingError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from app.errors import NotAllowed, NotFound, Outage, Refusal
from app.pages.desk import (
    alerts,
    calendar,
    certificate,
    disruptions,
    plan,
    pools,
    prices,
    session,
    sizing,
    tours,
    vehicles,
)
from app.pages.desk.render import desk_page
from app.pages.desk.session import signed_in


def desk_routes() -> list[BaseRoute]:
    """The operator's pages: GET shows, only POST acts, and both ask who one is."""
    return [
        Route("/operator", _told(session.ask)),
        Route("/operator", _told(session.enter), methods=["POST"]),
        Route("/operator/sign-out", _told(signed_in(session.leave)), methods=["POST"]),
        Route("/operator/pools", _told(signed_in(pools.listing))),
        Route("/operator/pools/{pool_id}", _told(signed_in(pools.show))),
        Route("/operator/plan", _told(signed_in(plan.show))),
        Route("/operator/plan/shifts", _told(signed_in(plan.shifts))),
        Route("/operator/plan/certificate", _told(signed_in(certificate.show))),
        Route("/operator/plan/changes", _told(signed_in(certificate.changes))),
        Route("/operator/tours", _told(signed_in(tours.show))),
        Route("/operator/proposals", _told(signed_in(pools.proposals))),
        Route("/operator/alerts", _told(signed_in(alerts.show))),
        Route("/operator/alerts/{alert_id}", _told(signed_in(alerts.take_on)), methods=["POST"]),
        Route("/operator/disruptions", _told(signed_in(disruptions.listing))),
        Route("/operator/disruptions/report", _told(signed_in(disruptions.preview))),
        Route("/operator/disruptions/report", _told(signed_in(disruptions.report)), methods=["POST"]),
        Route("/operator/disruptions/{disruption_id}", _told(signed_in(disruptions.show))),
        Route("/operator/disruptions/{disruption_id}", _told(signed_in(disruptions.end)), methods=["POST"]),
        Route("/operator/prices", _told(signed_in(prices.show))),
        Route("/operator/prices", _told(signed_in(prices.change)), methods=["POST"]),
        Route("/operator/vehicles", _told(signed_in(vehicles.listing))),
        Route("/operator/vehicles/{class_id}", _told(signed_in(vehicles.describe))),
        Route("/operator/vehicles/{class_id}", _told(signed_in(vehicles.change)), methods=["POST"]),
        Route("/operator/sizing", _told(signed_in(sizing.preview))),
        Route("/operator/sizing", _told(signed_in(sizing.change)), methods=["POST"]),
        Route("/operator/calendar", _told(signed_in(calendar.show))),
        Route("/operator/calendar/{kind}", _told(signed_in(calendar.edit))),
        Route("/operator/calendar/{kind}", _told(signed_in(calendar.act)), methods=["POST"]),
        Route("/operator/calendar/{kind}/preview", _told(signed_in(calendar.preview))),
    ]


def _told(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A refusal that the page itself has no place for becomes a page of its own."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (OperationalError, ProgrammingError) as why:
            if not any(sign in str(why) for sign in ("no such table", "does not exist")):
                raise
            return PlainTextResponse("The database is not migrated: run `lastlap migrate`.", 503)
        except Outage as why:
            return PlainTextResponse(why.message, 503, headers={"Retry-After": "2"})
        except Refusal as refusal:
            status = 404 if isinstance(refusal, NotFound) else 403 if isinstance(refusal, NotAllowed) else 422
            return desk_page(request, None, "refused.html", refusal=refusal, status=status)

    return answered
