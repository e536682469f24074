"""Write a rule of the calendar, new or changed, and let the slots follow at once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, one_or_none, table_of
from app.errors import OperatorsOnly
from app.slots.checks import check
from app.slots.consequences import Saved, following
from app.slots.drafts import Draft
from app.slots.spelling import KINDS, read_spelling
from app.values.actor import Actor


def save(conn: Connection, *, now: datetime, actor: Actor, draft: Draft, reason: str) -> Saved:
    """The rule with this key becomes what the draft says; slots not yet begun follow in this transaction.

    Holds and bookings that exist keep the cut-off that they were promised. Raises OperatorsOnly,
    RuleNotFound and the refusals of `checks` and of keys that are not there.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    check(draft)
    model, _ = KINDS[draft.kind]
    table = table_of(model)
    with following(conn, now=now, actor=actor, kind=draft.kind, key=draft.key, reason=reason) as change:
        spelling = read_spelling(conn)
        columns = spelling.columns(draft)
        known = one_or_none(conn, model, sa.select(table).where(table.c.key == draft.key))
        if known is None:
            add(conn, model(**columns))
        else:
            conn.execute(sa.update(table).where(table.c.id == known.id).values(**columns, removed_at=None))
        change.before = spelling.draft(known, draft.kind) if known and known.removed_at is None else None
        change.after = draft
    return change.saved
