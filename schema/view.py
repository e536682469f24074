"""GraphQL over HTTP: negotiation, limits, keys, and errors that always are JSON with a code."""

import time
from typing import Any

import orjson
import structlog
from asgi_correlation_id import correlation_id
from graphql import GraphQLError
from sqlalchemy.exc import OperationalError, ProgrammingError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.exceptions import StrawberryGraphQLError
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from app.errors import NotFound, Outage, Refusal
from app.storefronts.authenticate import authenticate
from app.storefronts.errors import NotAuthenticated
from app.values.actor import Actor
from app.values.loopback import is_loopback
from app.world.world import World
from schema.context import Context
from schema.limits import too_large
from schema.root import schema

MEDIA = "application/graphql-response+json"
JSON = "application/json"
# How long a key that was good is not looked up again: a revoked one may work this much longer.
KEY_FRESH_S = 5.0
# A database that is away is mostly back within seconds.
RETRY = {"Retry-After": "2"}
_MISSING_TABLE = ("no such table", "does not exist", "no such column")

_log = structlog.get_logger("graphql")


class Unanswerable(Exception):
    """The request is no GraphQL request that we answer."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, headers
        super().__init__(message)


def graphql_routes(world: World) -> list[Route]:
    """The routes of the API."""
    keys = Keys(world)

    async def graphql(request: Request) -> Response:
        try:
            return await answer(request, world, keys)
        except Unanswerable as why:
            return _json(request, {"errors": [_error(why.message, why.code)]}, why.status, why.headers)

    return [Route("/graphql", graphql, methods=["GET", "POST"])]


class Keys:
    """Who is behind a key, remembered for a few seconds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[str, bool], tuple[float, Actor]] = {}

    async def actor(self, request: Request) -> Actor:
        """The caller; raises Unanswerable with 401 for a key that is missing, wrong or revoked."""
        key, loopback = (
            _key(request),
            is_loopback(request.client.host if request.client else None, request.headers),
        )
        remembered = self._known.get((key or "", loopback))
        if remembered and time.monotonic() - remembered[0] < KEY_FRESH_S:
            return remembered[1]
        try:
            actor = await self._world.db.read(lambda conn, _: authenticate(conn, key=key, loopback=loopback))
        except NotAuthenticated as why:
            bearer = {"WWW-Authenticate": "Bearer"}
            raise Unanswerable(401, "UNAUTHENTICATED", why.message, **bearer) from why
        except Outage as why:
            raise Unanswerable(503, why.code, why.message, **RETRY) from why
        except (OperationalError, ProgrammingError) as why:
            raise _database(why) from why
        if len(self._known) > 1_000:
            self._known.clear()
        self._known[key or "", loopback] = (time.monotonic(), actor)
        return actor


def _database(why: Exception) -> Exception:
    """A database without our tables is named; every other fault of it stays a fault."""
    if any(sign in str(why) for sign in _MISSING_TABLE):
        message = "The database is not migrated; run `lastlap migrate` and try again."
        return Unanswerable(503, "DATABASE_NOT_MIGRATED", message)
    return why


async def answer(request: Request, world: World, keys: Keys) -> Response:
    """The response to one request."""
    _check_accept(request)
    told = await _body(request) if request.method == "POST" else _query_string(request)
    query, variables, operation = _parts(told)
    actor = await keys.actor(request)
    if problem := too_large(query):
        raise Unanswerable(400, "DOCUMENT_TOO_LARGE", problem)
    allowed = (
        {OperationType.QUERY} if request.method == "GET" else {OperationType.QUERY, OperationType.MUTATION}
    )
    try:
        result = await schema.execute(
            query,
            variable_values=variables,
            context_value=Context(world, actor),
            operation_name=operation,
            allowed_operation_types=allowed,
        )
    except InvalidOperationTypeError as why:
        message = "Mutations are sent by POST."
        raise Unanswerable(405, "METHOD_NOT_ALLOWED", message, Allow="POST") from why
    except (StrawberryGraphQLError, ValueError) as why:
        raise Unanswerable(400, "BAD_USER_INPUT", str(why) or "The operation cannot be run.") from why
    return _result(request, result, operation)


def _result(request: Request, result: Any, operation: str | None) -> Response:
    if not isinstance(result, ExecutionResult):
        raise Unanswerable(400, "BAD_USER_INPUT", "Only queries and mutations are answered here.")
    body: dict[str, Any] = {}
    errors = [_shown(error, operation) for error in result.errors or []]
    if errors:
        body["errors"] = errors
    # A document that never ran has no data; under the newer media type that is the client's 400.
    began = result.data is not None or any(error.path for error in result.errors or [])
    if began or not errors:
        body["data"] = result.data
    if any(isinstance(error.original_error, Outage) for error in result.errors or []):
        return _json(request, body, 503, RETRY)
    refused = not began and bool(errors)
    return _json(request, body, 400 if refused and _newer(request) else 200)


def _shown(error: GraphQLError, operation: str | None) -> dict[str, Any]:
    """An error as a client may see it: its own mistakes in full, ours as an id to quote."""
    original = error.original_error
    found: dict[str, Any] = dict(error.formatted)
    code = (error.extensions or {}).get("code")
    if isinstance(original, Refusal):
        known = "NOT_FOUND" if type(original) is NotFound else original.code
        found["message"] = original.message
        found["extensions"] = {"code": known, "field": list(original.field)}
    elif isinstance(original, Outage):
        _log.warning(
            "database outage", operation=operation, code=original.code, error=str(original.__cause__)
        )
        found["message"], found["extensions"] = original.message, {"code": original.code}
    elif original is None or isinstance(original, GraphQLError):
        found["extensions"] = {**(error.extensions or {}), "code": code or "BAD_USER_INPUT"}
    elif isinstance(original, OperationalError | ProgrammingError) and any(
        sign in str(original) for sign in _MISSING_TABLE
    ):
        found = _error("The database is not migrated; run `lastlap migrate`.", "DATABASE_NOT_MIGRATED")
    else:
        _log.error("unexpected", operation=operation, path=error.path, exc_info=original)
        found["message"] = "Something went wrong on our side; quote the request id when you report it."
        found["extensions"] = {"code": "INTERNAL", "requestId": correlation_id.get()}
    return found


def _error(message: str, code: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code}}


def _json(
    request: Request, body: dict[str, Any], status: int, headers: dict[str, str] | None = None
) -> Response:
    media = MEDIA if _newer(request) else JSON
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type=f"{media}; charset=utf-8",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _newer(request: Request) -> bool:
    return MEDIA in request.headers.get("accept", "")


def _check_accept(request: Request) -> None:
    accept = request.headers.get("accept", "*/*")
    if not any(known in accept for known in (MEDIA, JSON, "*/*", "application/*")):
        raise Unanswerable(406, "NOT_ACCEPTABLE", f"Answers are {MEDIA} or {JSON}.")


async def _body(request: Request) -> Any:
    if not request.headers.get("content-type", "").startswith(JSON):
        raise Unanswerable(415, "UNSUPPORTED_MEDIA_TYPE", f"Send the request as {JSON}.")
    try:
        return orjson.loads(await request.body())
    except (orjson.JSONDecodeError, RecursionError) as why:
        raise Unanswerable(400, "BAD_USER_INPUT", f"The body is not JSON: {why}.") from why


def _query_string(request: Request) -> Any:
    told: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in told:
            try:
                told[name] = orjson.loads(told[name])
            except orjson.JSONDecodeError as why:
                raise Unanswerable(400, "BAD_USER_INPUT", f"{name} is not JSON: {why}.") from why
    return told


def _parts(told: Any) -> tuple[str, dict[str, Any] | None, str | None]:
    if not isinstance(told, dict):
        raise Unanswerable(400, "BAD_USER_INPUT", "A request is a JSON object with a query.")
    query, variables, operation = told.get("query"), told.get("variables"), told.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Unanswerable(400, "BAD_USER_INPUT", "The request has no query.")
    if not isinstance(variables, dict | None):
        raise Unanswerable(400, "BAD_USER_INPUT", "variables is a JSON object.")
    if not isinstance(operation, str | None):
        raise Unanswerable(400, "BAD_USER_INPUT", "operationName is text.")
    if not isinstance(told.get("extensions"), dict | None):
        raise Unanswerable(400, "BAD_USER_INPUT", "extensions is a JSON object.")
    return query, variables, operation


def _key(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("x-api-key")
