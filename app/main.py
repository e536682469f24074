"""The roof: builds the World and the ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import structlog
from asgi_correlation_id import CorrelationIdMiddleware, correlation_id
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.allocation.queries import run_of
from app.errors import Outage
from app.migrate import is_current
from app.pages.routes import routes as page_routes
from app.settings import Settings, read_settings
from app.tours.warm import warm
from app.world.world import World, build_world
from schema.view import graphql_routes

MAX_BODY = 100_000
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none';"
        b" form-action 'self'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_log = structlog.get_logger("web")


def build_app(settings: Settings | None = None, world: World | None = None) -> Starlette:
    """The application of a deployment; `world` is given by tests that bring their own."""
    known = world or build_world(settings or read_settings())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        if world is None:
            # Before the first request: none may wait for a compiler, least of all in a transaction.
            await asyncio.to_thread(_warmed)
        yield {"world": known}
        if world is None:
            known.db.close()

    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        *graphql_routes(known),
        *page_routes(),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        max_body_size=MAX_BODY,
        middleware=[Middleware(CorrelationIdMiddleware, header_name="X-Request-ID"), Middleware(Told)],
        exception_handlers={Exception: masked},
    )


def _warmed() -> None:
    started = time.perf_counter()
    warm()
    _log.info("insertion ready", seconds=round(time.perf_counter() - started, 1))


async def healthz(_request: Request) -> Response:
    """This process answers."""
    return PlainTextResponse("ok")


async def readyz(request: Request) -> Response:
    """Whether this process can serve: database reached, migrated, a plan published."""
    world: World = request.state.world

    def look(conn: Connection, _now: datetime) -> dict[str, str]:
        if not is_current(conn):
            return {"database": "ok", "migrations": "missing: run `lastlap migrate`"}
        plan = "ok" if run_of(conn) else "missing: run `lastlap plan`"
        return {"database": "ok", "migrations": "ok", "plan": plan}

    try:
        checks = await world.db.read(look)
    except (SQLAlchemyError, Outage) as why:
        _log.warning("database not reached", error=str(why.__cause__ or why).splitlines()[0])
        checks = {"database": "not reached"}
    ready = all(state == "ok" for state in checks.values())
    return JSONResponse({"ready": ready, **checks}, status_code=200 if ready else 503)


async def masked(request: Request, _error: Exception) -> Response:
    """What a caller sees of a fault of ours: an id to quote, nothing else; the log has the rest."""
    facts = {"code": "INTERNAL", "requestId": correlation_id.get()}
    message = "Something went wrong on our side; quote the request id when you report it."
    _log.error("unexpected", path=request.url.path)
    return JSONResponse({"errors": [{"message": message, "extensions": facts}]}, status_code=500)


class Told:
    """Adds the security headers and logs one line per request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in _HEADERS if header[0] not in present),
                ]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            took_ms = round((time.perf_counter() - started) * 1000, 1)
            _log.info(
                "request", method=scope["method"], path=_shown(scope["path"]), status=status, ms=took_ms
            )


def _shown(path: str) -> str:
    """A path for the log; signed tokens are keys to a customer's pages and stay out of it."""
    return "/".join(part if len(part) < 40 else "..." for part in path.split("/"))
