"""Issue an API key: its digest is kept, the key is the caller's to keep."""

from __future__ import annotations

import hashlib
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, one_or_none, table_of
from app.storefronts.tables import ApiKey
from app.values.actor import Role


def issue_key(
    conn: Connection,
    *,
    now: datetime,
    storefront_id: str,
    key: str,
    name: str,
    role: Role,
    loopback_only: bool = False,
) -> ApiKey:
    """Let this key speak for a storefront; issuing the same key again changes nothing."""
    table = table_of(ApiKey)
    known = one_or_none(conn, ApiKey, sa.select(table).where(table.c.digest == digest_of(key)))
    if known:
        return known
    row = ApiKey(
        storefront_id=storefront_id,
        name=name,
        role=role,
        digest=digest_of(key),
        loopback_only=loopback_only,
        created_at=now,
    )
    add(conn, row)
    return row


def digest_of(key: str) -> str:
    """What is stored of a key; keys are random and long, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()
