"""Let go of what was kept for a group of customers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.errors import QuotaNotFound
from app.capacity.leave_word import may_have_opened
from app.capacity.protection import protect
from app.capacity.quotas import days_ahead
from app.capacity.reasons import check_reason
from app.capacity.tables import ProtectedQuota
from app.database.rows import row_of, table_of
from app.errors import OperatorsOnly
from app.values.actor import Actor


def delete_quota(
    conn: Connection, *, now: datetime, actor: Actor, quota_id: str, reason: str
) -> ProtectedQuota:
    """Take a rule away: what it kept of the pools ahead is open to all at once, or kept by another rule.

    Raises OperatorsOnly, QuotaNotFound, ReasonMissing.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    check_reason(reason)
    table = table_of(ProtectedQuota)
    gone = conn.execute(sa.delete(table).where(table.c.id == quota_id).returning(table)).one_or_none()
    if gone is None:
        raise QuotaNotFound(field=("input", "quotaId"))
    first, last = days_ahead(conn, now)
    protect(conn, now=now, actor=actor.name, reason=reason, first=first, last=last)
    may_have_opened(conn, now=now, first=first, last=last)
    return row_of(ProtectedQuota, gone._mapping)
