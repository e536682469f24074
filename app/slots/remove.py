"""Take a rule out of the calendar, and let the slots follow at once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import one_or_none, rows, table_of
from app.errors import OperatorsOnly
from app.slots.consequences import Saved, following
from app.slots.errors import RuleInUse, RuleNotFound
from app.slots.rules import RuleKind
from app.slots.spelling import KINDS, read_spelling
from app.slots.tables import Blackout, CutoffRule, LeadTime, Rule, SlotException, SlotTemplate
from app.values.actor import Actor

# Who may still refer to a rule: by its kind, the tables and columns.
_REFERRERS: dict[RuleKind, list[tuple[type[Rule], str]]] = {
    RuleKind.CUTOFF: [(SlotTemplate, "cutoff_rule_id")],
    RuleKind.TIMETABLE: [(SlotTemplate, "timetable_id")],
    RuleKind.PICK_WAVE: [(CutoffRule, "wave_id")],
    RuleKind.TEMPLATE: [(model, "template_id") for model in (SlotException, CutoffRule, LeadTime, Blackout)],
}


def remove(conn: Connection, *, now: datetime, actor: Actor, kind: RuleKind, key: str, reason: str) -> Saved:
    """The rule is gone for all that is opened, ordered or closed from now on.

    Raises OperatorsOnly, RuleNotFound, RuleInUse.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    model, _ = KINDS[kind]
    table = table_of(model)
    with following(conn, now=now, actor=actor, kind=kind, key=key, reason=reason) as change:
        standing = sa.select(table).where(table.c.key == key, table.c.removed_at.is_(None))
        known = one_or_none(conn, model, standing)
        if known is None:
            raise RuleNotFound(field=("input", "key"), key=key)
        _check_free(conn, kind, known)
        change.before = read_spelling(conn).draft(known, kind)
        conn.execute(sa.update(table).where(table.c.id == known.id).values(removed_at=now))
    return change.saved


def _check_free(conn: Connection, kind: RuleKind, rule: Rule) -> None:
    for model, column in _REFERRERS.get(kind, []):
        table = table_of(model)
        using = sa.select(table).where(table.c[column] == rule.id, table.c.removed_at.is_(None))
        by = [user.key for user in rows(conn, model, using.order_by(table.c.key))]
        if by:
            raise RuleInUse(field=("input", "key"), key=rule.key, by=", ".join(by[:5]))
