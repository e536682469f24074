"""Who sits at the desk: an operator signs in with their key, and every form proves that it was ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.alerts.queries import count_open
from app.errors import OperatorsOnly, Refusal
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import FromElsewhere, check_origin, fresh_key, world_of
from app.storefronts.errors import NotAuthenticated
from app.storefronts.sign_in import sign_in, still_in
from app.values.loopback import is_loopback
from app.world.errors import LinkExpired, LinkInvalid

HOME = "/operator/pools"
_COOKIE = "operator"
_AGE_S = 12 * 3600


type DeskEndpoint = Callable[[Request, Desk], Awaitable[Response]]


def signed_in(endpoint: DeskEndpoint) -> Callable[[Request], Awaitable[Response]]:
    """The page for an operator who is signed in; others are asked for their key first.

    What is posted must carry the token of the session, and come from a page of this site.
    """

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        session = _session(request)
        try:
            if session is None:
                raise NotAuthenticated(what="Sign in first.")
            key_id = session.split(":")[0]
            local = _local(request)
            actor, alerts = await world_of(request).db.read(
                lambda conn, _: (still_in(conn, key_id=key_id, loopback=local), count_open(conn))
            )
        except NotAuthenticated:
            onward = f"{request.url.path}?{request.url.query}" if request.method == "GET" else HOME
            return RedirectResponse(f"/operator?to={quote(onward, safe='')}", 303)
        if request.method == "POST":
            await _check_form(request, session)
        form = world_of(request).links.sign("operator-form", session)
        return await endpoint(request, Desk(actor, form, alerts))

    return answered


async def ask(request: Request) -> Response:
    """The key, please."""
    return desk_page(request, None, "sign_in.html", to=_onward(request.query_params), problem=None)


async def enter(request: Request) -> Response:
    """In with a good key, to where one wanted to go."""
    check_origin(request)
    async with request.form() as form:
        told = {name: str(value) for name, value in form.items()}
    local = _local(request)
    try:
        key = await world_of(request).db.read(
            lambda conn, _: sign_in(conn, key=told.get("key", "").strip(), loopback=local)
        )
    except (NotAuthenticated, OperatorsOnly) as refusal:
        return _refused(request, told, refusal)
    response = RedirectResponse(_onward(told), 303)
    response.set_cookie(
        _COOKIE,
        world_of(request).links.sign("operator", f"{key.id}:{fresh_key()}"),
        max_age=_AGE_S,
        path="/operator",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def leave(_request: Request, _desk: Desk) -> Response:
    """Out; the key stays good."""
    response = RedirectResponse("/operator", 303)
    response.delete_cookie(_COOKIE, path="/operator")
    return response


def _refused(request: Request, told: Mapping[str, str], refusal: Refusal) -> Response:
    return desk_page(request, None, "sign_in.html", to=_onward(told), problem=refusal, status=401)


def _onward(told: Mapping[str, str]) -> str:
    """Where to after signing in: a page of the desk, whatever an address says."""
    wanted = told.get("to", "")
    return wanted if wanted.startswith("/operator/") and "\\" not in wanted else HOME


def _session(request: Request) -> str | None:
    try:
        return world_of(request).links.read("operator", request.cookies.get(_COOKIE, ""), max_age_s=_AGE_S)
    except (LinkInvalid, LinkExpired):
        return None


def _local(request: Request) -> bool:
    return is_loopback(request.client.host if request.client else None, request.headers)


async def _check_form(request: Request, session: str | None) -> None:
    """Raise FromElsewhere for a form that was not made for this session."""
    check_origin(request)
    form = await request.form()
    try:
        told = world_of(request).links.read("operator-form", str(form.get("form", "")), max_age_s=_AGE_S)
    except (LinkInvalid, LinkExpired) as why:
        raise FromElsewhere from why
    if told != session:
        raise FromElsewhere
