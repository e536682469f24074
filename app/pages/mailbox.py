"""The mailbox of a deployment without a mail server: what would have been sent."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.engagement.queries import mailbox, mailbox_message
from app.engagement.tables import MailboxMessage
from app.errors import NotFound
from app.pages.render import page
from app.pages.shop import shop_of, world_of

# A mail's own markup is shown in a frame that may do nothing at all.
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


async def listing(request: Request) -> Response:
    """All mails, newest first."""
    _open(request)
    mails = await world_of(request).db.read(lambda conn, _: mailbox(conn))
    return page(request, await shop_of(request), "mailbox.html", mails=mails)


async def message(request: Request) -> Response:
    """One mail, as HTML in a frame and as text."""
    return page(request, await shop_of(request), "mail.html", mail=await _mail(request))


async def markup(request: Request) -> Response:
    """The HTML part of a mail on its own."""
    mail = await _mail(request)
    return HTMLResponse(mail.html or "", headers={"Content-Security-Policy": _SANDBOX})


async def _mail(request: Request) -> MailboxMessage:
    _open(request)
    key = request.path_params["message_id"]
    found = await world_of(request).db.read(lambda conn, _: mailbox_message(conn, key))
    if found is None:
        raise NotFound
    return found


def _open(request: Request) -> None:
    """Other people's mail is shown in a demo only, and where it goes nowhere else."""
    world = world_of(request)
    if not (world.has_mailbox and world.demo):
        raise NotFound
