"""Find out who calls, from an API key."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, table_of
from app.storefronts.errors import NotAuthenticated
from app.storefronts.issue_key import digest_of
from app.storefronts.tables import ApiKey
from app.values.actor import Actor

_FIX = "Send the header Authorization: Bearer <API key>."


def authenticate(conn: Connection, *, key: str | None, loopback: bool) -> Actor:
    """The actor behind a key; `loopback` says whether the call comes from this machine.

    Raises NotAuthenticated for a missing, unknown or revoked key and for the demo key from elsewhere.
    """
    found = key_holder(conn, key=key, loopback=loopback)
    return Actor(found.storefront_id, found.role, found.name)


def key_holder(conn: Connection, *, key: str | None, loopback: bool) -> ApiKey:
    """The row of a key that is good; raises as `authenticate` does."""
    if not key:
        raise NotAuthenticated(what=f"An API key is missing. {_FIX}")
    table = table_of(ApiKey)
    # Looked up by digest: the comparison says nothing about how much of a key was right.
    found = one_or_none(conn, ApiKey, sa.select(table).where(table.c.digest == digest_of(key)))
    if found is None or found.revoked_at is not None:
        raise NotAuthenticated(what=f"This API key is not known or was revoked. {_FIX}")
    if found.loopback_only and not loopback:
        raise NotAuthenticated(what="The demo key works on this machine only; issue a key of your own.")
    return found
