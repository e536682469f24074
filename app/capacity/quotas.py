"""Rules of protected quotas as an operator writes them: checked, and what they would keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.errors import InvalidQuota
from app.capacity.protection import Protection, protections, quotas
from app.capacity.quota_rules import QuotaDraft, quota_mistake
from app.capacity.reasons import check_reason
from app.capacity.tables import CapacityPool, ProtectedQuota
from app.database.rows import by_id, table_of
from app.errors import OperatorsOnly
from app.places.tables import FulfilmentNode, ServiceZone
from app.slots.tables import SlotTemplate
from app.values.actor import Actor
from app.values.ids import new_id


@dataclass(frozen=True, slots=True)
class Kept:
    """What rules keep of the pools ahead: how many orders in how many pools, and what is missing.

    `missing` is what cannot be kept because others have taken it already.
    """

    pools: int
    orders: int
    missing: int


def drafted(
    conn: Connection,
    *,
    now: datetime,
    actor: str,
    draft: QuotaDraft,
    reason: str,
    known: ProtectedQuota | None,
) -> ProtectedQuota:
    """The rule that a draft makes of the known one or anew; raises InvalidQuota, ReasonMissing."""
    mistake = quota_mistake(draft)
    for model, key in (
        (FulfilmentNode, draft.node_id),
        (ServiceZone, draft.zone_id),
        (SlotTemplate, draft.template_id),
    ):
        if key is not None and by_id(conn, model, key) is None:
            mistake = f"there is no {model.__name__} with this id"
    if mistake:
        raise InvalidQuota(field=("input",), mistake=mistake)
    check_reason(reason)
    rule_id = known.id if known else new_id()
    return ProtectedQuota(id=rule_id, **asdict(draft), reason=reason, actor=actor, changed_at=now)


def kept_under(conn: Connection, *, now: datetime, actor: Actor, draft: QuotaDraft) -> Kept:
    """What the pools ahead would keep by this draft, beside all other rules; nothing is written.

    Raises OperatorsOnly, InvalidQuota.
    """
    if not actor.is_operator:
        raise OperatorsOnly
    others = [rule for rule in quotas(conn) if rule.key != draft.key]
    rule = drafted(conn, now=now, actor="preview", draft=draft, reason="preview", known=None)
    first, last = days_ahead(conn, now)
    found = protections(conn, now=now, rules=[*others, rule], first=first, last=last)
    return counted([one for one in found if one.quota_id == rule.id])


def counted(found: Sequence[Protection]) -> Kept:
    """How much is kept, and how much of it is not there any more."""
    missing = 0
    for one in found:
        pool = one.pool
        used = pool.protected_used if pool.protected_group == one.audience else 0
        free = pool.sell_orders - pool.held_orders - pool.booked_orders
        missing += max(0, one.orders - used - max(0, free))
    return Kept(sum(1 for one in found if one.orders), sum(one.orders for one in found), missing)


def days_ahead(conn: Connection, now: datetime) -> tuple[date, date]:
    """The first and last local day of the pools ahead; today, if there are none."""
    pool = table_of(CapacityPool)
    span = sa.select(sa.func.min(pool.c.day), sa.func.max(pool.c.day)).where(pool.c.starts_at > now)
    first, last = conn.execute(span).one()
    return first or now.date(), last or now.date()
