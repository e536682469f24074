"""Let an operator in by their key, and know them again."""

from __future__ import annotations

from sqlalchemy import Connection

from app.database.rows import by_id
from app.errors import OperatorsOnly
from app.storefronts.authenticate import key_holder
from app.storefronts.errors import NotAuthenticated
from app.storefronts.tables import ApiKey
from app.values.actor import Actor, Role


def sign_in(conn: Connection, *, key: str, loopback: bool) -> ApiKey:
    """The operator's key; `loopback` says whether they sit at this machine.

    Raises NotAuthenticated as `authenticate` does, OperatorsOnly for the key of a storefront.
    """
    found = key_holder(conn, key=key, loopback=loopback)
    if found.role is not Role.OPERATOR:
        raise OperatorsOnly
    return found


def still_in(conn: Connection, *, key_id: str, loopback: bool) -> Actor:
    """The operator who came in with this key; raises NotAuthenticated once it was revoked."""
    found = by_id(conn, ApiKey, key_id)
    if found is None or found.revoked_at is not None or found.role is not Role.OPERATOR:
        raise NotAuthenticated(what="This key was revoked; sign in with another one.")
    if found.loopback_only and not loopback:
        raise NotAuthenticated(what="The demo key works on this machine only; issue a key of your own.")
    return Actor(found.storefront_id, found.role, found.name)
