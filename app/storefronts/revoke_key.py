"""Revoke API keys: from now on they are not known."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.storefronts.errors import KeyNotFound
from app.storefronts.tables import ApiKey


def revoke_key(conn: Connection, *, now: datetime, storefront_id: str, name: str) -> int:
    """Revoke every key of this name that still works; returns how many there were. Raises KeyNotFound."""
    key = table_of(ApiKey)
    named = sa.and_(key.c.storefront_id == storefront_id, key.c.name == name, key.c.revoked_at.is_(None))
    revoked = conn.execute(sa.update(key).where(named).values(revoked_at=now)).rowcount
    if not revoked:
        raise KeyNotFound(name=name)
    return revoked
