"""Keep a part of what pools sell for a group of customers, until a stated time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.leave_word import may_have_opened
from app.capacity.protection import protect
from app.capacity.quota_rules import QuotaDraft
from app.capacity.quotas import Kept, counted, days_ahead, drafted
from app.capacity.tables import ProtectedQuota
from app.database.rows import add, one_or_none, table_of
from app.errors import OperatorsOnly
from app.values.actor import Actor


def save_quota(
    conn: Connection, *, now: datetime, actor: Actor, draft: QuotaDraft, reason: str
) -> tuple[ProtectedQuota, Kept]:
    """Make the rule with this key, or change it; the pools ahead keep what it says at once.

    What others have taken stays theirs: then less is left to keep. Saving the same again changes nothing.
    Raises OperatorsOnly, InvalidQuota, ReasonMissing.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    table = table_of(ProtectedQuota)
    known = one_or_none(
        conn, ProtectedQuota, sa.select(table).where(table.c.key == draft.key).with_for_update()
    )
    rule = drafted(conn, now=now, actor=actor.name, draft=draft, reason=reason, known=known)
    if known is None:
        add(conn, rule)
    else:
        conn.execute(sa.update(table).where(table.c.id == rule.id).values(**rule.model_dump(exclude={"id"})))
    first, last = days_ahead(conn, now)
    found = protect(conn, now=now, actor=actor.name, reason=reason, first=first, last=last)
    may_have_opened(conn, now=now, first=first, last=last)
    return rule, counted([one for one in found if one.quota_id == rule.id])
